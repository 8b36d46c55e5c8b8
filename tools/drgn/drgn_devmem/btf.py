# SPDX-License-Identifier: GPL-2.0-or-later
"""
Types from BTF
--------------

A kernel carries its types with it as BTF, and its symbols as kallsyms. With
these two a stock kernel can be looked at without the debugging symbols of its
distribution, live and in a dump: both are part of the kernel's memory.

Of BTF this reads what structures are made of; functions are left out.
"""

import struct
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

from drgn import (
    FaultError,
    Object,
    Program,
    ProgramFlags,
    Type,
    TypeEnumerator,
    TypeKind,
    TypeKindSet,
    TypeMember,
)

from .finders import set_finder
from .kallsyms import use_kallsyms

__all__ = ("Btf", "BtfError", "use_btf")

_LIVE_BTF = "/sys/kernel/btf/vmlinux"
_MAGIC = 0xEB9F

_INT, _PTR, _ARRAY, _STRUCT, _UNION, _ENUM, _FWD, _TYPEDEF = range(1, 9)
_VOLATILE, _CONST, _RESTRICT, _FUNC, _FUNC_PROTO, _VAR, _DATASEC = range(9, 16)
_FLOAT, _DECL_TAG, _TYPE_TAG, _ENUM64 = range(16, 20)

#: What follows an entry: bytes, and bytes for each of its ``vlen``
_TRAILER = {
    _INT: (4, 0),
    _ARRAY: (12, 0),
    _STRUCT: (0, 12),
    _UNION: (0, 12),
    _ENUM: (0, 8),
    _FUNC_PROTO: (0, 8),
    _VAR: (4, 0),
    _DATASEC: (0, 12),
    _DECL_TAG: (4, 0),
    _ENUM64: (0, 12),
}

_KINDS = {
    TypeKind.INT: (_INT,),
    TypeKind.STRUCT: (_STRUCT,),
    TypeKind.UNION: (_UNION,),
    TypeKind.ENUM: (_ENUM, _ENUM64),
    TypeKind.TYPEDEF: (_TYPEDEF,),
}


class BtfError(Exception):
    """There is no BTF, or it is broken."""


class _Entry(NamedTuple):
    """An entry of the type section."""

    kind: int
    name: int
    vlen: int
    kind_flag: bool
    #: Size in bytes, or id of another type.
    size_or_type: int
    #: Where what follows it starts.
    body: int


class Btf:
    """The types of one BTF, made for a program when they are asked for."""

    def __init__(self, prog: Program, data: bytes) -> None:
        """
        :param prog: Program that the types are to be of.
        :param data: BTF, as in ``/sys/kernel/btf/vmlinux``.
        :raises BtfError: if it is not BTF
        """
        if len(data) < 24 or struct.unpack_from("<H", data)[0] != _MAGIC:
            raise BtfError("it does not start like BTF")
        header, types, length, strings, _ = struct.unpack_from("<IIIII", data, 4)
        self._prog = prog
        self._data = data
        self._strings = header + strings
        self._made: Dict[int, Type] = {}
        self._entries: List[_Entry] = [_Entry(0, 0, 0, False, 0, 0)]
        self._names: Dict[Tuple[int, str], int] = {}
        try:
            self._index(header + types, header + types + length)
        except (struct.error, ValueError) as e:
            raise BtfError(f"it ends early: {e}") from e

    def _index(self, at: int, end: int) -> None:
        while at < end:
            name, info, size_or_type = struct.unpack_from("<III", self._data, at)
            kind, vlen = info >> 24 & 0x1F, info & 0xFFFF
            entry = _Entry(kind, name, vlen, bool(info >> 31), size_or_type, at + 12)
            if name and kind in (_INT, _STRUCT, _UNION, _ENUM, _TYPEDEF, _ENUM64):
                self._names.setdefault((kind, self._string(name)), len(self._entries))
            self._entries.append(entry)
            fixed, each = _TRAILER.get(kind, (0, 0))
            at += 12 + fixed + each * vlen

    def _string(self, offset: int) -> str:
        start = self._strings + offset
        end = self._data.index(b"\0", start)
        return self._data[start:end].decode(errors="replace")

    def find(
        self, prog: Program, kinds: TypeKindSet, name: str, filename: Optional[str]
    ) -> Optional[Type]:
        """
        Find a type; a type finder of :meth:`drgn.Program.register_type_finder()`.

        :param prog: Program that asks.
        :param kinds: What kinds of types are wanted.
        :param name: Its name, without ``struct`` and the like.
        :param filename: Not known to BTF: a wish for one is not fulfilled.
        :return: The type, ``None`` if there is none.
        """
        if filename:
            return None
        for kind, ours in _KINDS.items():
            if kind in kinds:
                for number in ours:
                    if (number, name) in self._names:
                        return self._type(self._names[number, name])
        return None

    def _type(self, number: int) -> Type:
        if number not in self._made:
            entry = self._entries[number]
            make = self._MAKERS.get(entry.kind, Btf._make_void)
            self._made[number] = make(self, entry)
        return self._made[number]

    def _make_void(self, entry: _Entry) -> Type:
        """Also stands for what data structures do not need, like functions."""
        return self._prog.void_type()

    def _make_int(self, entry: _Entry) -> Type:
        encoding = struct.unpack_from("<I", self._data, entry.body)[0] >> 24
        name = self._string(entry.name)
        if encoding & 4:
            return self._prog.bool_type(name, entry.size_or_type)
        return self._prog.int_type(name, entry.size_or_type, bool(encoding & 1))

    def _make_float(self, entry: _Entry) -> Type:
        return self._prog.float_type(self._string(entry.name), entry.size_or_type)

    def _make_pointer(self, entry: _Entry) -> Type:
        return self._prog.pointer_type(self._type(entry.size_or_type))

    def _make_array(self, entry: _Entry) -> Type:
        element, _, count = struct.unpack_from("<III", self._data, entry.body)
        return self._prog.array_type(self._type(element), count)

    def _make_compound(self, entry: _Entry) -> Type:
        make = self._prog.struct_type if entry.kind == _STRUCT else self._prog.union_type
        members = [self._member(entry, i) for i in range(entry.vlen)]
        tag = self._string(entry.name) if entry.name else None
        return make(tag, entry.size_or_type, members)

    def _member(self, entry: _Entry, i: int) -> TypeMember:
        name, number, offset = struct.unpack_from("<III", self._data, entry.body + 12 * i)
        size = 0
        if entry.kind_flag:
            size, offset = offset >> 24, offset & 0xFFFFFF
        return TypeMember(self._lazy(number, size), self._string(name) if name else None, offset)

    def _lazy(self, number: int, bit_field_size: int) -> Callable[[], Object]:
        def member() -> Object:
            type_ = self._type(number)
            if bit_field_size:
                return Object(self._prog, type_, bit_field_size=bit_field_size)
            return Object(self._prog, type_)

        return member

    def _make_enum(self, entry: _Entry) -> Type:
        prog, wide = self._prog, entry.kind == _ENUM64
        tag = self._string(entry.name) if entry.name else None
        signed = entry.kind_flag
        if not entry.vlen:
            return prog.enum_type(tag)
        enumerators = []
        for i in range(entry.vlen):
            step = 12 if wide else 8
            values = struct.unpack_from(
                "<III" if wide else "<II", self._data, entry.body + step * i
            )
            value = values[1] | (values[2] << 32 if wide else 0)
            if signed and value >> (63 if wide else 31):
                value -= 1 << (64 if wide else 32)
            enumerators.append(TypeEnumerator(self._string(values[0]), value))
        names = {1: "char", 2: "short", 4: "int", 8: "long"}
        name = ("" if signed else "unsigned ") + names[entry.size_or_type]
        integer = prog.int_type(name, entry.size_or_type, signed)
        return prog.enum_type(tag, integer, enumerators)

    def _make_forward(self, entry: _Entry) -> Type:
        make = self._prog.union_type if entry.kind_flag else self._prog.struct_type
        return make(self._string(entry.name))

    def _make_typedef(self, entry: _Entry) -> Type:
        return self._prog.typedef_type(self._string(entry.name), self._type(entry.size_or_type))

    def _make_qualified(self, entry: _Entry) -> Type:
        """``const`` and its like; of no interest to a reader."""
        return self._type(entry.size_or_type)

    _MAKERS: Dict[int, Callable[["Btf", _Entry], Type]] = {
        _INT: _make_int,
        _PTR: _make_pointer,
        _ARRAY: _make_array,
        _STRUCT: _make_compound,
        _UNION: _make_compound,
        _ENUM: _make_enum,
        _ENUM64: _make_enum,
        _FWD: _make_forward,
        _TYPEDEF: _make_typedef,
        _VOLATILE: _make_qualified,
        _CONST: _make_qualified,
        _RESTRICT: _make_qualified,
        _TYPE_TAG: _make_qualified,
        _FLOAT: _make_float,
    }


def _from_memory(prog: Program) -> bytes:
    """BTF is a section of the kernel, between two symbols."""
    try:
        start = prog.symbol("__start_BTF").address
        end = prog.symbol("__stop_BTF").address
        data: bytes = prog.read(start, end - start)
        return data
    except LookupError:
        raise BtfError(
            "the kernel has no symbol __start_BTF (CONFIG_DEBUG_INFO_BTF, " "CONFIG_KALLSYMS_ALL)"
        ) from None
    except FaultError as e:
        raise BtfError(f"it cannot be read: {e}") from e


def use_btf(prog: Program, path: Optional[str] = None) -> str:
    """
    Give a kernel types from BTF and symbols from kallsyms.

    :param prog: Kernel, live or dumped.
    :param path: File with its BTF, ``None`` to find it: in sysfs for the running
        kernel, in the memory of a dump.
    :return: Where the types came from, for people.
    :raises BtfError: if there is no BTF
    :raises KallsymsError: if there are no symbols
    """
    use_kallsyms(prog)
    if path is None and prog.flags & ProgramFlags.IS_LIVE:
        path = _LIVE_BTF
    if path is None:
        data = _from_memory(prog)
    else:
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as e:
            raise BtfError(f"{path}: {e.strerror}") from e
    set_finder(prog, prog.register_type_finder, "devmem BTF", Btf(prog, data).find)
    return path or "the dump"
