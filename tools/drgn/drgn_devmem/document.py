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
from .reach import Task
from .skbs import Skb
from .sockets import Sock

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
        "version": 2,
        "layout": devmem.layout.name,
        "bindings": [_binding_entry(devmem, binding) for binding in bindings],
    }


def _binding_entry(devmem: Devmem, binding: Binding) -> Dict[str, Any]:
    device, dmabuf = binding.device, binding.dmabuf
    user = devmem.users(binding)
    free = binding.free
    holdings = [h for h in devmem.holdings if h.binding is binding]
    return {
        "kind": binding.kind,
        "id": binding.id,
        "area": binding.area,
        "ifname": device.name if device else None,
        "ifindex": binding.ifindex,
        "netns": device.netns if device else None,
        "unbound": binding.unbound,
        "dmabuf": dmabuf._asdict() if dmabuf else None,
        "iov_size": binding.iov_size,
        "queues": binding.queues,
        "iovs": {
            "total": binding.total,
            "free": free,
            # The figures are not of the same moment on a live kernel.
            "pool": None if free is None else max(0, binding.total - free - user),
            "user": user,
        },
        **binding.counters,
        "holders": [_holder_entry(h) for h in sorted(holdings, key=_most_first)],
    }


def _most_first(holding: Holding) -> Any:
    return -len(holding.tokens), holding.sock.cookie if holding.sock else 0


def _holder_entry(holding: Holding) -> Dict[str, Any]:
    sock = holding.sock
    return {
        "holder": "socket" if sock else "ring",
        "cookie": sock.cookie or None if sock else None,
        "tokens": len(holding.tokens),
        "iovs": len(holding.iovs),
        "bytes": holding.bytes,
        "oldest_seconds": holding.oldest,
        "local": sock.local if sock else None,
        "remote": sock.remote if sock else None,
        "tasks": task_entries(holding.tasks),
    }


def task_entries(tasks: Sequence[Task]) -> List[Dict[str, Any]]:
    """
    :param tasks: Processes that can get at a socket or a ring.
    :return: They as objects.
    """
    return [task._asdict() for task in tasks]


def iov_entry(binding: Binding, iov: Iov) -> Dict[str, Any]:
    """
    :param binding: What the iov belongs to.
    :param iov: The iov.
    :return: It as an object of ``drgn-devmem iovs --json``.
    """
    return {"binding": binding.id, "memory": binding.kind, **iov._asdict()}


def word_entry(devmem: Devmem, word: Word) -> Dict[str, Any]:
    """
    :param devmem: The kernel's device memory.
    :param word: A word that was decoded.
    :return: It as an object of ``drgn-devmem frag --json``.
    """
    device = word.binding.device if word.binding else None
    return {
        "word": word.word,
        "tagged": bool(word.word & 1),
        "kind": word.kind,
        "note": word.note or None,
        "memory": word.binding.kind if word.binding else None,
        "of": word.binding.name if word.binding else None,
        "binding": word.binding.id if word.binding else None,
        "area": word.binding.area if word.binding else None,
        "ifname": device.name if device else None,
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
            {"offset": frag.offset, "size": frag.size, **word_entry(devmem, word)}
            for frag, word in ((frag, devmem.decode(frag.word)) for frag in skb.frags)
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
        "unread": _skbs_entry(sock.unread),
        "sending": _skbs_entry(sock.sending),
        "tasks": task_entries(sock.tasks),
    }


def _skbs_entry(skbs: Sequence[Skb]) -> Dict[str, Any]:
    words = {frag.word for skb in skbs for frag in skb.all_frags()}
    return {
        "skbs": [skb.address for skb in skbs],
        "bytes": sum(skb.len for skb in skbs),
        "iovs": len({word for word in words if word & 1}),
    }
