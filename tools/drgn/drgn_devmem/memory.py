# SPDX-License-Identifier: GPL-2.0-or-later
"""
Reading a program's memory in blocks
------------------------------------

drgn reads a variable when its value is asked for, and each of these reads is a
system call. What this module reads, it reads in blocks, and takes apart with
offsets that come from the program's types.

A live kernel changes while it is read. Nothing here raises an exception because
an address cannot be read (any more) or a list does not close; such things are
skipped and counted in :class:`Memory`.
"""

import collections
import struct
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from drgn import (
    FaultError,
    Program,
    ProgramFlags,
    Type,
    TypeKind,
    offsetof,
    sizeof,
)

__all__ = (
    "Memory",
    "Record",
    "TYPES_KEY",
    "XA_ZERO_ENTRY",
    "list_nodes",
    "xarray_entries",
)

_BLOCK = 4096
_ARRAY_BLOCK = 4 << 20
_ARRAY_FAULTS = 64
# Enough for the bitmap of 2 TiB of iovs; a size that is garbage must not cost more
_READ_LIMIT = 1 << 26
_WALKS = 3

#: First item of the keys in a program's cache of what was made of its types.
TYPES_KEY = "drgn_devmem types"

#: What an xarray holds at a reserved index, ``XA_ZERO_ENTRY``.
XA_ZERO_ENTRY = 257 << 2 | 2

_INTEGERS = {
    (1, False): "B",
    (2, False): "H",
    (4, False): "I",
    (8, False): "Q",
    (1, True): "b",
    (2, True): "h",
    (4, True): "i",
    (8, True): "q",
}


class Memory:
    """A program's memory, read tolerantly, with what went wrong counted."""

    #: Reads that failed.
    faults: int
    #: Lists, trees and entries that made no sense.
    inconsistent: int

    def __init__(self, prog: Program) -> None:
        """:param prog: Program to read."""
        self.prog = prog
        self.live = bool(prog.flags & ProgramFlags.IS_LIVE)
        self.faults = 0
        self.inconsistent = 0
        self._blocks: Dict[int, Optional[bytes]] = {}

    def read(self, address: int, size: int) -> Optional[bytes]:
        """
        Read memory at once.

        :param address: Where.
        :param size: How much, in bytes.
        :return: The bytes, ``None`` if they cannot be read.
        """
        try:
            if size <= _READ_LIMIT:
                data: bytes = self.prog.read(address, size)
                return data
        except (FaultError, OverflowError, ValueError):
            pass
        self.faults += 1
        return None

    def read_cached(self, address: int, size: int) -> Optional[bytes]:
        """
        Read memory with what is next to it, and remember that.

        For many small objects that lie close together and do not change while
        they are looked at.

        :param address: Where.
        :param size: How much, in bytes.
        :return: The bytes, ``None`` if they cannot be read.
        """
        base = address & -_BLOCK
        if address + size > base + _BLOCK:
            return self.read(address, size)
        if base not in self._blocks:
            self._blocks[base] = self.read(base, _BLOCK)
        block = self._blocks[base]
        if block is None:
            return None
        return block[address - base : address - base + size]

    def read_array(self, address: int, count: int, size: int) -> Iterator[Tuple[int, int, bytes]]:
        """
        Read an array in large blocks. Elements that cannot be read are left out.

        :param address: Where it starts.
        :param count: Number of elements.
        :param size: Size of an element, in bytes.
        :return: Blocks, as ``(index of the first element, count, bytes)``.
        """
        step = max(1, _ARRAY_BLOCK // size)
        # A count that is garbage must not cost a read for each element
        budget = self.faults + _ARRAY_FAULTS
        for first in range(0, count, step):
            yield from self._read_part(address, first, min(step, count - first), size, budget)
            if self.faults >= budget:
                self.inconsistent += 1
                return

    def _read_part(
        self, address: int, first: int, count: int, size: int, budget: int
    ) -> Iterator[Tuple[int, int, bytes]]:
        if self.faults >= budget:
            return
        data = self.read(address + first * size, count * size)
        if data is not None:
            yield first, count, data
        elif count > 1:
            # One unreadable element makes one fault, however it is found
            self.faults -= 1
            half = count // 2
            yield from self._read_part(address, first, half, size, budget)
            yield from self._read_part(address, first + half, count - half, size, budget)

    def word(self, address: int) -> Optional[int]:
        """
        Read a pointer or ``unsigned long``.

        :param address: Where.
        :return: Its value, ``None`` if it cannot be read.
        """
        data = self.read(address, 8)
        return None if data is None else int.from_bytes(data, "little")

    def string(self, address: int, size: int = 64) -> Optional[str]:
        """
        Read a C string.

        :param address: Where.
        :param size: How long it may be, in bytes; it does not cross a page.
        :return: The string, ``None`` if it cannot be read.
        """
        data = self.read(address, min(size, _BLOCK - address % _BLOCK))
        return None if data is None else data.split(b"\0")[0].decode(errors="replace")


def _untyped(type_: Type) -> Type:
    while type_.kind == TypeKind.TYPEDEF:
        type_ = type_.type
    return type_


def _find_member(type_: Type, designator: str) -> Type:
    """Find the type of ``a.b``; arrays and bit-fields are taken as they are."""
    for name in designator.split("."):
        member = _untyped(type_).member(name)
        if member.bit_field_size is not None:
            raise LookupError(f"{type_.type_name()}.{name} is a bit-field")
        type_ = member.type
    return _untyped(type_)


def _struct_code(type_: Type) -> str:
    """How the struct module writes a type; what is no number becomes bytes."""
    if type_.kind == TypeKind.POINTER:
        return "Q"
    if type_.kind == TypeKind.BOOL:
        return "B"
    if type_.kind == TypeKind.ENUM:
        assert type_.type is not None
        return _struct_code(_untyped(type_.type))
    if type_.kind == TypeKind.INT:
        return _INTEGERS[type_.size, type_.is_signed]
    if type_.kind == TypeKind.ARRAY and type_.length is None:
        return "0s"
    size = int(sizeof(type_))
    if type_.kind in (TypeKind.STRUCT, TypeKind.UNION) and size in (4, 8):
        # atomic_t, refcount_t and the like
        return _INTEGERS[size, False]
    return f"{size}s"


class Record:
    """
    Some members of a structure, read together.

    >>> chunk = Record(prog, "struct gen_pool_chunk", avail="avail", owner="owner")
    >>> chunk.read(memory, 0xffff888003a41000).owner
    18446612682129760000
    """

    def __init__(self, prog: Program, type_name: str, **members: str) -> None:
        """
        :param prog: Program whose types to use.
        :param type_name: C name of the structure.
        :param members: Name that a member gets here, and its C designator.
        :raises LookupError: if there is no such structure or member
        """
        type_ = prog.type(type_name)
        self.type = type_
        self.size = int(sizeof(type_))
        self.offsets: Dict[str, int] = {
            name: offsetof(type_, designator) for name, designator in members.items()
        }
        self.codes: Dict[str, str] = {
            name: _struct_code(_find_member(type_, designator))
            for name, designator in members.items()
        }
        self._compile(type_name)

    @classmethod
    def of(cls, prog: Program, type_name: str, **members: str) -> "Record":
        """
        Make one, or take the one that was made for the program before.

        What is named is as for the constructor.
        """
        key = (TYPES_KEY, type_name, tuple(members.items()))
        if key not in prog.cache:
            prog.cache[key] = cls(prog, type_name, **members)
        record: Record = prog.cache[key]
        return record

    def _compile(self, type_name: str) -> None:
        order = sorted(self.offsets, key=lambda name: self.offsets[name])
        self.start = self.offsets[order[0]]
        pattern, end = "<", self.start
        for name in order:
            if self.offsets[name] < end:
                raise LookupError(f"{type_name}: {name} overlaps another member")
            pattern += f"{self.offsets[name] - end}x{self.codes[name]}"
            end = self.offsets[name] + struct.calcsize("<" + self.codes[name])
        self._struct = struct.Struct(pattern)
        # A type that only exists at run time is nothing for a type checker
        self._tuple: Any = collections.namedtuple("Fields", order)  # type: ignore[misc]

    def unpack(self, data: bytes, offset: int = 0) -> Any:
        """
        Take apart a structure that was read.

        :param data: Bytes that contain it.
        :param offset: Where in them it starts.
        :return: A named tuple of the members.
        """
        return self._tuple._make(self._struct.unpack_from(data, offset + self.start))

    def read(self, memory: Memory, address: int, cached: bool = False) -> Any:
        """
        Read the members in one go.

        :param memory: Where from.
        :param address: Address of the structure.
        :param cached: See :meth:`Memory.read_cached()`.
        :return: A named tuple of the members, ``None`` if they cannot be read.
        """
        read = memory.read_cached if cached else memory.read
        data = read(address + self.start, self._struct.size)
        return None if data is None else self._tuple._make(self._struct.unpack(data))

    def column(self, data: bytes, name: str) -> List[int]:
        """
        Take one member out of each structure of an array.

        :param data: The array's bytes.
        :param name: Which member; it is an integer or a pointer.
        :return: The member of each element.
        """
        code, offset = self.codes[name], self.offsets[name]
        width = struct.calcsize(code)
        if self.size % width or offset % width:
            raise ValueError(f"{self.type.type_name()}: {name} is not aligned")
        values: Any = memoryview(data).cast(code)  # type: ignore[call-overload]
        column: List[int] = values[offset // width :: self.size // width].tolist()
        return column


def _list_walk(memory: Memory, head: int, limit: int) -> Tuple[List[int], bool]:
    nodes: List[int] = []
    seen = {head}
    node = memory.word(head)
    last = head
    while node is not None and node != head:
        data = memory.read(node, 16)
        if data is None:
            return nodes, False
        following, previous = struct.unpack("<QQ", data)
        if previous != last or node in seen or len(nodes) >= limit:
            return nodes, False
        nodes.append(node)
        seen.add(node)
        last, node = node, following
    return nodes, node == head


def list_nodes(memory: Memory, head: int, limit: int = 1 << 22) -> List[int]:
    """
    List the nodes of a ``struct list_head`` that may change meanwhile.

    :param memory: Where from.
    :param head: Address of the list's head.
    :param limit: How many nodes at most.
    :return: Addresses of the nodes. Of a list that would not hold still: all
        that were seen.
    """
    found: Dict[int, None] = {}
    for _ in range(_WALKS if memory.live else 1):
        nodes, complete = _list_walk(memory, head, limit)
        found.update(dict.fromkeys(nodes))
        if complete:
            return nodes
    memory.inconsistent += 1
    return list(found)


class _XArray:
    """Geometry of an xarray's nodes."""

    def __init__(self, prog: Program) -> None:
        self.node = Record.of(prog, "struct xa_node", shift="shift", count="count", slots="slots")
        self.slots = struct.calcsize("<" + self.node.codes["slots"]) // 8


def _is_node(entry: int) -> bool:
    return entry & 3 == 2 and entry > 4096


def xarray_entries(memory: Memory, head: Optional[int]) -> Iterator[Tuple[int, int]]:
    """
    Walk an xarray, a node at a time.

    :param memory: Where from.
    :param head: Its ``xa_head``.
    :return: ``(index, entry)`` pairs in the order of their index. Tagged
        pointers and reserved entries (:data:`XA_ZERO_ENTRY`) are passed on as
        they are.
    """
    if not head:
        return
    if not _is_node(head):
        yield 0, head
        return
    geometry = _XArray(memory.prog)
    yield from _xarray_node(memory, geometry, head & ~3, 0, None)


def _xarray_node(
    memory: Memory, geometry: _XArray, address: int, index: int, above: Optional[int]
) -> Iterator[Tuple[int, int]]:
    node = geometry.node.read(memory, address)
    if node is None:
        return
    if node.shift > 60 or (above is not None and node.shift >= above):
        memory.inconsistent += 1
        return
    slots: Sequence[int] = struct.unpack(f"<{geometry.slots}Q", node.slots)
    for i, entry in enumerate(slots):
        if not entry:
            continue
        at = index + (i << node.shift)
        if node.shift and _is_node(entry):
            yield from _xarray_node(memory, geometry, entry & ~3, at, node.shift)
        elif entry & 3 != 2 or entry == XA_ZERO_ENTRY:
            yield at, entry
        # What is left are sibling and retry entries: nothing of their own.
