# SPDX-License-Identifier: GPL-2.0-or-later
"""
Sockets
-------

A socket's reader holds tokens on iovs (``sk->sk_user_frags``), its receive queues hold
skbs with iovs that nobody has read yet, and its write and retransmit queues hold those
that the peer has not acknowledged.
"""

import dataclasses
import functools
import ipaddress
import struct
from typing import Any, Dict, Iterator, List, Optional, Tuple

from .bindings import Kernel
from .layout import has_member
from .memory import XA_ZERO_ENTRY, Record, list_nodes, xarray_entries
from .reach import Reach, Task
from .skbs import Skb, Skbs

__all__ = ("Sock", "Sockets")

_AF_INET = 2
_AF_INET6 = 10
_IPPROTO_TCP = 6
# Entries of the TCP hash that are no full sockets: they end where a sock_common does,
# or soon after, and a filtered dump may lack the page behind
_TCP_TIME_WAIT = 6
_TCP_NEW_SYN_RECV = 12
_TABLE_WALKS = 8


@dataclasses.dataclass
class Sock:
    """A TCP socket with device memory."""

    #: Address of the ``struct sock``.
    address: int
    #: 0 if nobody ever asked for it.
    cookie: int
    local: str
    remote: str
    #: Inode of its network namespace.
    netns: Optional[int]
    #: Tokens of its reader: number -> word.
    tokens: Dict[int, int]
    #: Slots for tokens that its reader is about to get.
    reserved: int
    #: What nobody has read yet.
    unread: List[Skb]
    #: What the other end has not acknowledged yet.
    sending: List[Skb]
    tasks: List[Task]


class Sockets:
    """The TCP sockets of a kernel, as they are at one look."""

    def __init__(self, kernel: Kernel, reach: Reach) -> None:
        """
        :param kernel: Whose sockets.
        :param reach: Who can get at them.
        :raises LookupError: if its types are not what they should be
        """
        self.kernel = kernel
        self.reach = reach
        self.memory = kernel.memory
        prog = kernel.prog
        self._common = Record.of(prog, "struct sock_common", **self._common_members())
        self._sock = Record.of(
            prog,
            "struct sock",
            protocol="sk_protocol",
            tokens="sk_user_frags.xa_head",
            queue="sk_receive_queue.next",
            backlog="sk_backlog.head",
            writing="sk_write_queue.next",
            sent="tcp_rtx_queue.rb_node",
        )
        self._buckets = Record.of(prog, "struct inet_hashinfo", buckets="ehash", mask="ehash_mask")
        self._node = Record.of(prog, "struct sock", node="__sk_common.skc_nulls_node")
        self._hashinfo = Record.of(prog, "struct net", hashinfo="ipv4.tcp_death_row.hashinfo")
        # skc_num is 0 once the connection has ended; this stays
        self._inet = Record.of(prog, "struct inet_sock", sport="inet_sport")
        self._out_of_order = Record.of(prog, "struct tcp_sock", root="out_of_order_queue.rb_node")
        self.skbs = Skbs(prog, self.memory)

    def _common_members(self) -> Dict[str, str]:
        members = {
            "family": "skc_family",
            "state": "skc_state",
            "daddr": "skc_daddr",
            "saddr": "skc_rcv_saddr",
            "dport": "skc_dport",
            "net": "skc_net.net",
            "cookie": "skc_cookie",
        }
        if has_member(self.kernel.prog, "struct sock_common", "skc_v6_daddr"):
            members.update(daddr6="skc_v6_daddr", saddr6="skc_v6_rcv_saddr")
        return members

    # The TCP hash: sockets that no process has open, but that are not gone

    def _hashed(self) -> Iterator[int]:
        tables = set()
        for net in self.kernel.namespaces:
            pointer = self._hashinfo.read(self.memory, net)
            if pointer is not None and pointer.hashinfo:
                tables.add(pointer.hashinfo)
        for address in tables:
            table = self._buckets.read(self.memory, address)
            if table is not None:
                yield from self._chains(table.buckets, table.mask + 1)

    def _chains(self, buckets: int, count: int) -> Iterator[int]:
        for _, n, data in self.memory.read_array(buckets, count, 8):
            for node in struct.unpack(f"<{n}Q", data):
                # An odd word marks a chain's end
                seen = set()
                while node and not node & 1 and node not in seen:
                    seen.add(node)
                    yield node - self._node.offsets["node"]
                    node = self.memory.word(node) or 0

    # One socket

    def _name(self, common: Any, which: str, be_port: int) -> str:
        port = int.from_bytes(be_port.to_bytes(2, "little"), "big")
        if common.family == _AF_INET6:
            address = ipaddress.IPv6Address(getattr(common, which + "6"))
            if address.ipv4_mapped is None:
                return f"[{address}]:{port}"
            return f"{address.ipv4_mapped}:{port}"
        packed = getattr(common, which).to_bytes(4, "little")
        return f"{ipaddress.IPv4Address(packed)}:{port}"

    def _names(self, common: Any, sock: Any, inet: Any) -> Tuple[str, str]:
        return self._name(common, "saddr", inet.sport), self._name(common, "daddr", common.dport)

    def _read_tcp(self, address: int) -> Optional[Tuple[Any, Any, Any]]:
        """What is read of a TCP socket, ``None`` for all others."""
        common = self._common.read(self.memory, address)
        if (
            common is None
            or common.family not in (_AF_INET, _AF_INET6)
            or common.state in (_TCP_TIME_WAIT, _TCP_NEW_SYN_RECV)
        ):
            return None
        sock = self._sock.read(self.memory, address)
        if sock is None or sock.protocol != _IPPROTO_TCP:
            return None
        inet = self._inet.read(self.memory, address)
        return None if inet is None else (common, sock, inet)

    def _read_sock(self, address: int, tasks: List[Task]) -> Optional[Sock]:
        """A TCP socket that has device memory, ``None`` for all others."""
        found = self._read_tcp(address)
        if found is None:
            return None
        common, sock, _ = found
        entries = self._token_table(address, sock.tokens)
        # An xarray that starts at 1 has such an entry at 0, which is no token's
        reserved = sum(index > 0 for index, e in entries.items() if e == XA_ZERO_ENTRY)
        unread = [skb for skb in self._unread(address, sock) if _has_iovs(skb)]
        tokens = _tokens(entries)
        sending = [skb for skb in self._sending(address, sock) if _has_iovs(skb)]
        if not (tokens or reserved or unread or sending):
            return None
        local, remote = self._names(*found)
        return Sock(
            address=address,
            cookie=common.cookie,
            local=local,
            remote=remote,
            netns=self.kernel.namespaces.get(common.net),
            tokens=tokens,
            reserved=reserved,
            unread=unread,
            sending=sending,
            tasks=tasks,
        )

    @functools.cached_property
    def all(self) -> List[Sock]:
        """Every TCP socket with tokens, or with iovs in its queues."""
        candidates = dict(self.reach.socks)
        for address in self._hashed():
            candidates.setdefault(address, [])
        socks = (self._read_sock(*candidate) for candidate in candidates.items())
        found = [sock for sock in socks if sock is not None]
        return sorted(found, key=lambda sock: (sock.cookie, sock.address))

    def _token_table(self, address: int, head: int) -> Dict[int, int]:
        """
        Entries of a socket's table of tokens. When it gets another root meanwhile, what was
        read of the old one may be nothing any more, although most tokens are still there.
        """
        entries = dict(xarray_entries(self.memory, head))
        for _ in range(_TABLE_WALKS if self.memory.live else 0):
            now = self.memory.word(address + self._sock.offsets["tokens"])
            if now is None or now == head:
                break
            head = now
            entries = dict(xarray_entries(self.memory, head))
        return entries

    def tokens_of(self, sock: Sock) -> Dict[int, int]:
        """
        Read a socket's tokens again.

        :param sock: What was read of it before.
        :return: Number -> word; nothing if there is another one at its address by now.
        """
        found = self._read_tcp(sock.address)
        if found is None or self._names(*found) != (sock.local, sock.remote):
            return {}
        return _tokens(self._token_table(sock.address, found[1].tokens))

    # What it has not read

    def unread(self, address: int) -> List[Skb]:
        """
        Read what nobody has read yet.

        :param address: Address of a TCP socket's ``struct sock``.
        :return: Its receive queue, backlog and out-of-order queue.
        """
        sock = self._sock.read(self.memory, address)
        return [] if sock is None else list(self._unread(address, sock))

    def _unread(self, address: int, sock: Any) -> Iterator[Skb]:
        head = address + self._sock.offsets["queue"]
        chain = list_nodes(self.memory, head) if sock.queue != head else []
        chain += self.skbs.chain(sock.backlog)
        out_of_order = self._out_of_order.read(self.memory, address)
        if out_of_order is not None:
            chain += self.skbs.tree(out_of_order.root)
        for node in chain:
            skb = self.skbs.skb(node)
            if skb is not None:
                yield skb

    # What was not acknowledged yet

    def _sending(self, address: int, sock: Any) -> Iterator[Skb]:
        if not self.kernel.layout.can_send:
            return
        head = address + self._sock.offsets["writing"]
        chain = list_nodes(self.memory, head) if sock.writing != head else []
        for node in chain + self.skbs.tree(sock.sent):
            skb = self.skbs.skb(node)
            if skb is not None:
                yield skb


def _tokens(entries: Dict[int, int]) -> Dict[int, int]:
    return {index: word for index, word in entries.items() if word & 1}


def _has_iovs(skb: Skb) -> bool:
    return any(frag.word & 1 for frag in skb.all_frags())
