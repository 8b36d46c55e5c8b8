# SPDX-License-Identifier: GPL-2.0-or-later
"""
Symbols from kallsyms
---------------------

A kernel carries its symbols with it. The running one tells them in
``/proc/kallsyms``; in a dump they are taken from its memory, where VMCOREINFO
says that they are (since v6.0).

drgn has a helper for this, but one that is as old as Debian 13's does not know
the newest form, in which each address is kept as a distance.
"""

import re
import struct
from typing import Callable, Dict, Iterator, List, Optional, Sequence

from drgn import FaultError, Program, ProgramFlags, Symbol, SymbolBinding, SymbolKind

from .finders import set_finder

__all__ = ("KallsymsError", "use_kallsyms")

_PROC = "/proc/kallsyms"
_CHUNK = 1 << 16


class KallsymsError(Exception):
    """There are no symbols; says why."""


Symbols = Dict[str, List[int]]


def _from_proc() -> Symbols:
    symbols: Symbols = {}
    try:
        with open(_PROC, encoding="ascii") as file:
            for line in file:
                fields = line.split()
                if len(fields) == 3:  # a fourth one names a module
                    symbols.setdefault(fields[2], []).append(int(fields[0], 16))
    except OSError as e:
        raise KallsymsError(f"{_PROC}: {e.strerror}") from e
    if not any(symbols.get("_stext", ())):
        raise KallsymsError(f"{_PROC} shows no addresses: run as root")
    return symbols


class _Tables:
    """The tables of kallsyms in a kernel's memory."""

    def __init__(self, prog: Program) -> None:
        info = prog["VMCOREINFO"].string_().decode()
        self.where = {
            name: int(address, 16)
            for name, address in re.findall(r"SYMBOL\((\w+)\)=([0-9a-f]+)", info)
        }
        needed = ("names", "num_syms", "token_table", "token_index", "offsets")
        missing = [name for name in needed if "kallsyms_" + name not in self.where]
        if missing or "_stext" not in self.where:
            raise KallsymsError(
                "the dump's VMCOREINFO does not say where the symbols are (Linux "
                "6.0 and later do)"
            )
        self.prog = prog
        self.count = prog.read_u32(self.where["kallsyms_num_syms"])

    def names(self) -> Iterator[str]:
        """Symbols' names; what they begin with is their type, and left out."""
        tokens = self._tokens()
        data, at = b"", 0
        address = self.where["kallsyms_names"]
        for _ in range(self.count):
            if at + _CHUNK // 2 > len(data):
                address += at
                data, at = self.prog.read(address, _CHUNK), 0
            length, at = data[at], at + 1
            if length & 0x80:
                length, at = length & 0x7F | data[at] << 7, at + 1
            yield b"".join([tokens[i] for i in data[at : at + length]])[1:].decode("ascii")
            at += length

    def _tokens(self) -> List[bytes]:
        """What each byte of a name stands for."""
        data = self.prog.read(self.where["kallsyms_token_index"], 512)
        indices = struct.unpack("<256H", data)
        table = self.where["kallsyms_token_table"]
        text: bytes = self.prog.read(table, self.where["kallsyms_token_index"] - table)
        return [text[index : text.index(b"\0", index)] for index in indices]

    def addresses(self, stext: int) -> List[int]:
        """
        Symbols' addresses.

        How they are kept depends on the kernel and its configuration. Whether it
        was understood is told by the one symbol whose address is known: number
        ``stext`` is ``_stext``.
        """
        start = self.where["kallsyms_offsets"]
        offsets = struct.unpack(f"<{self.count}i", self.prog.read(start, 4 * self.count))
        for form in self._forms(start):
            if form(stext, offsets[stext]) == self.where["_stext"]:
                return [form(i, offset) for i, offset in enumerate(offsets)]
        raise KallsymsError("the kernel keeps its symbols' addresses in an unknown way")

    def _forms(self, start: int) -> Iterator[Callable[[int, int], int]]:
        # From the place where the distance itself stands
        yield lambda i, offset: start + 4 * i + offset
        if "kallsyms_relative_base" in self.where:
            base = self.prog.read_u64(self.where["kallsyms_relative_base"])
            # Until v6.14, with CONFIG_KALLSYMS_ABSOLUTE_PERCPU
            yield lambda _, offset: offset if offset >= 0 else base - 1 - offset
            yield lambda _, offset: base + (offset & 0xFFFFFFFF)


def _from_memory(prog: Program) -> Symbols:
    try:
        tables = _Tables(prog)
        names = list(tables.names())
        addresses = tables.addresses(names.index("_stext"))
    except (FaultError, LookupError, ValueError, struct.error) as e:
        raise KallsymsError(f"the dump's symbols cannot be read: {e}") from e
    symbols: Symbols = {}
    for name, address in zip(names, addresses):
        symbols.setdefault(name, []).append(address)
    return symbols


def use_kallsyms(prog: Program) -> None:
    """
    Give a kernel its symbols, by name.

    :param prog: Kernel, live or dumped.
    :raises KallsymsError: if there are none
    """
    live = prog.flags & ProgramFlags.IS_LIVE
    symbols = _from_proc() if live else _from_memory(prog)

    def find(
        prog: Program, name: Optional[str], address: Optional[int], one: bool
    ) -> Sequence[Symbol]:
        if name is None or address is not None:
            return []
        found = [
            Symbol(name, at, 0, SymbolBinding.UNKNOWN, SymbolKind.UNKNOWN)
            for at in symbols.get(name, ())
        ]
        return found[:1] if one else found

    set_finder(prog, prog.register_symbol_finder, "devmem kallsyms", find)
