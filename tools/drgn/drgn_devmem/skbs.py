# SPDX-License-Identifier: GPL-2.0-or-later
"""
Packets
-------

A skb, the frags that it is made of, and the ways in which skbs are strung together.
"""

import dataclasses
from typing import Dict, Iterator, List, NamedTuple, Optional

from drgn import Program

from .memory import Memory, Record

__all__ = ("Frag", "Skb", "Skbs")

_CHAIN = 1 << 20


class Frag(NamedTuple):
    """A fragment of a skb."""

    #: What stands where a ``struct page *`` would.
    word: int
    #: Where the payload starts, in bytes from the start of the page or iov.
    offset: int
    #: In bytes.
    size: int


@dataclasses.dataclass
class Skb:
    """A skb, with those that hang off it."""

    #: Address of the ``struct sk_buff``.
    address: int
    #: In bytes, all in all.
    len: int
    #: In bytes, those that are not in the linear part.
    data_len: int
    frags: List[Frag]
    #: Those of its ``frag_list``.
    parts: List["Skb"]

    def all_frags(self) -> Iterator[Frag]:
        """:return: Its fragments and those of its parts."""
        yield from self.frags
        for part in self.parts:
            yield from part.all_frags()


class Skbs:
    """How a kernel's skbs are read."""

    def __init__(self, prog: Program, memory: Memory) -> None:
        """
        :param prog: Whose skbs.
        :param memory: Where to read.
        :raises LookupError: if its types are not what they should be
        """
        self.memory = memory
        self._rb = Record.of(prog, "struct rb_node", right="rb_right", left="rb_left")
        self._skb = Record.of(
            prog,
            "struct sk_buff",
            next="next",
            len="len",
            data_len="data_len",
            head="head",
            end="end",
        )
        self._shared = Record.of(
            prog,
            "struct skb_shared_info",
            nr_frags="nr_frags",
            parts="frag_list",
            frags="frags",
        )
        self._frag = Record.of(prog, "struct skb_frag", word="netmem", size="len", offset="offset")

    def chain(self, address: int) -> List[int]:
        """
        :param address: Address of the first skb, or 0.
        :return: Addresses of all that are linked by their ``next``.
        """
        found: Dict[int, None] = {}
        while address and address not in found and len(found) < _CHAIN:
            found[address] = None
            address = self.memory.word(address + self._skb.offsets["next"]) or 0
        return list(found)

    def tree(self, root: int) -> List[int]:
        """
        :param root: Address of the first node, or 0.
        :return: Nodes of an rbtree of skbs; a skb's ``rbnode`` is its first member.
        """
        found: Dict[int, None] = {}
        todo = [root]
        while todo and len(found) < _CHAIN:
            address = todo.pop()
            node = self._rb.read(self.memory, address) if address else None
            if node is not None and address not in found:
                found[address] = None
                todo += [node.right, node.left]
        return list(found)

    def skb(self, address: int, depth: int = 0) -> Optional[Skb]:
        """
        Read a skb.

        :param address: Address of a ``struct sk_buff``.
        :param depth: How deep in a ``frag_list`` it is.
        :return: What it is made of, ``None`` if it cannot be read or cannot be
            one.
        """
        skb = self._skb.read(self.memory, address)
        if skb is None or skb.data_len > skb.len:
            return None
        shared = self._shared.read(self.memory, skb.head + skb.end)
        if shared is None or shared.nr_frags * self._frag.size > len(shared.frags):
            return None
        frags = []
        for i in range(shared.nr_frags):
            frag = self._frag.unpack(shared.frags, i * self._frag.size)
            frags.append(Frag(frag.word, frag.offset, frag.size))
        parts = self.chain(shared.parts) if depth == 0 else []
        return Skb(
            address,
            skb.len,
            skb.data_len,
            frags,
            [part for part in (self.skb(p, depth + 1) for p in parts) if part],
        )
