# SPDX-License-Identifier: GPL-2.0-or-later
"""
What the tools print as JSON
----------------------------

The inventory is the document that ``devmemls -j`` prints; docs/drgn.md describes
the others. What the kernel cannot tell is ``None``.
"""

from typing import Any, Dict, List, Optional, Sequence

from .bindings import Binding
from .iovs import Devmem, Holding, Iov, Word
from .skbs import Skb
from .sockets import Sock, Task

__all__ = (
    "inventory",
    "iov_entry",
    "skb_entry",
    "sock_entry",
    "task_entries",
    "word_entry",
)


def inventory(devmem: Devmem, bindings: Sequence[Binding]) -> Dict[str, Any]:
    """
    :param devmem: The kernel's device memory.
    :param bindings: Which of its bindings to tell of.
    :return: The inventory, as ``devmemls -j`` and ``drgn-devmem ls --json`` print it.
    """
    return {
        "layout": devmem.layout.name,
        "bindings": [_binding_entry(devmem, binding) for binding in bindings],
    }


def _binding_entry(devmem: Devmem, binding: Binding) -> Dict[str, Any]:
    device, dmabuf = binding.device, binding.dmabuf
    user = devmem.users(binding)
    holdings = [h for h in devmem.holdings if h.binding is binding]
    return {
        "id": binding.id,
        "ifname": device.name if device else None,
        "ifindex": binding.ifindex,
        "netns": device.netns if device else None,
        "unbound": binding.unbound,
        "dmabuf": dmabuf._asdict() if dmabuf else None,
        "iov_size": binding.iov_size,
        "queues": binding.queues,
        "iovs": {
            "total": binding.total,
            "free": binding.free,
            # The figures are not of the same moment on a live kernel.
            "pool": max(0, binding.total - binding.free - user),
            "user": user,
        },
        **binding.counters,
        "holders": [_holder_entry(h) for h in sorted(holdings, key=_most_first)],
    }


def _most_first(holding: Holding) -> Any:
    return -len(holding.tokens), holding.sock.cookie


def _holder_entry(holding: Holding) -> Dict[str, Any]:
    sock = holding.sock
    return {
        "cookie": sock.cookie or None,
        "tokens": len(holding.tokens),
        "iovs": len(holding.iovs),
        "bytes": len(holding.iovs) * holding.binding.iov_size,
        "oldest_seconds": holding.oldest,
        "local": sock.local,
        "remote": sock.remote,
        "tasks": task_entries(sock.tasks),
    }


def task_entries(tasks: Sequence[Task]) -> List[Dict[str, Any]]:
    """
    :param tasks: Processes that have a socket open.
    :return: They as objects.
    """
    return [task._asdict() for task in tasks]


def iov_entry(binding: Binding, iov: Iov) -> Dict[str, Any]:
    """
    :param binding: What the iov belongs to.
    :param iov: The iov.
    :return: It as an object of ``drgn-devmem iovs --json``.
    """
    return {"binding": binding.id, **iov._asdict()}


def word_entry(devmem: Devmem, word: Word) -> Dict[str, Any]:
    """
    :param devmem: The kernel's device memory.
    :param word: A word that was decoded.
    :return: It as an object of ``drgn-devmem frag --json``.
    """
    return {
        "word": word.word,
        "tagged": bool(word.word & 1),
        "kind": word.kind,
        "note": word.note or None,
        "binding": word.binding.id if word.binding else None,
        "iov": word.iov._asdict() if word.iov else None,
        "pfn": word.pfn,
        "pool": pool_id(devmem, word.pool),
        "holders": [_holder_entry(h) for h in holders_of(devmem, word.iov)],
    }


def pool_id(devmem: Devmem, address: int) -> Optional[int]:
    """
    :param devmem: The kernel's device memory.
    :param address: Address of a page pool on it, or 0.
    :return: The pool's id, as netlink knows it; ``None`` if there is none.
    """
    pool = devmem.pool_at(address)
    return pool.id if pool else None


def holders_of(devmem: Devmem, iov: Optional[Iov]) -> List[Holding]:
    """
    :param devmem: The kernel's device memory.
    :param iov: An iov, or none.
    :return: Those who have tokens on it.
    """
    if iov is None:
        return []
    return [h for h in devmem.holdings if iov.address in h.tokens.values()]


def skb_entry(devmem: Devmem, skb: Skb) -> Dict[str, Any]:
    """
    :param devmem: The kernel's device memory.
    :param skb: A skb.
    :return: It as an object of ``drgn-devmem skb --json``.
    """
    return {
        "address": skb.address,
        "len": skb.len,
        "data_len": skb.data_len,
        "frags": [
            {
                "offset": frag.offset,
                "size": frag.size,
                **word_entry(devmem, devmem.decode(frag.word)),
            }
            for frag in skb.frags
        ],
        "parts": [skb_entry(devmem, part) for part in skb.parts],
    }


def sock_entry(devmem: Devmem, sock: Sock) -> Dict[str, Any]:
    """
    :param devmem: The kernel's device memory.
    :param sock: A socket.
    :return: It as an object of ``drgn-devmem sock --json``.
    """
    holdings = [h for h in devmem.holdings if h.sock is sock]
    words = [frag.word for skb in sock.unread for frag in skb.all_frags()]
    ages = [h.oldest for h in holdings if h.oldest is not None]
    return {
        "address": sock.address,
        "cookie": sock.cookie or None,
        "local": sock.local,
        "remote": sock.remote,
        "netns": sock.netns,
        "tokens": len(sock.tokens),
        "reserved": sock.reserved,
        "oldest_seconds": max(ages, default=None),
        "bindings": sorted({h.binding.id for h in holdings}),
        "unread": {
            "skbs": [skb.address for skb in sock.unread],
            "bytes": sum(skb.len for skb in sock.unread),
            "iovs": len({word for word in words if word & 1}),
        },
        "tasks": task_entries(sock.tasks),
    }
