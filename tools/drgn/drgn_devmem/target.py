# SPDX-License-Identifier: GPL-2.0-or-later
"""
Opening a kernel
----------------

The running one or a dump, with types and symbols from wherever they can be had:
the vmlinux it was booted from, or what the kernel carries itself (BTF and
kallsyms).
"""

import logging
import os
from typing import List, Optional, Sequence

from drgn import MissingDebugInfoError, Program

from .btf import BtfError, use_btf
from .kallsyms import KallsymsError
from .layout import has_type

__all__ = ("TargetError", "load_types", "open_target")

_logger = logging.getLogger("devmem")


class TargetError(Exception):
    """The kernel cannot be opened; says why and what to do."""


def open_target(
    core: Optional[str] = None,
    symbols: Sequence[str] = (),
    vmcoreinfo: Optional[str] = None,
    btf: Optional[str] = None,
) -> Program:
    """
    Open a kernel.

    :param core: Path of a dump, ``None`` for the running kernel.
    :param symbols: Paths of files with debugging information.
    :param vmcoreinfo: Path of a VMCOREINFO note, for a dump that has none.
    :param btf: Path of a file with the kernel's BTF, instead of debugging
        information.
    :return: The kernel, with types and symbols.
    :raises TargetError: if that does not work
    """
    prog = Program(vmcoreinfo=_contents(vmcoreinfo) if vmcoreinfo else None)
    try:
        if core is None:
            prog.set_kernel()
        else:
            prog.set_core_dump(core)
    except (OSError, ValueError) as e:
        raise TargetError(_cannot_open(core, e)) from e
    if btf is None:
        _load_debug_info(prog, list(symbols))
    if load_types(prog, btf):
        for path in symbols:
            _logger.warning("%s has no types of this kernel", path)
    return prog


def load_types(prog: Program, btf: Optional[str] = None) -> bool:
    """
    Give a kernel types and symbols of its own, if it has none.

    :param prog: Kernel, live or dumped.
    :param btf: Path of a file with its BTF, to be used even if it has types.
    :return: Whether its BTF and kallsyms are used now.
    :raises TargetError: if it has none
    """
    if btf is None and has_type(prog, "struct net_device"):
        _logger.info("types and symbols: debugging information")
        return False
    try:
        source = use_btf(prog, btf)
    except (BtfError, KallsymsError) as e:
        raise TargetError(
            "no types of the kernel: its debugging information was not found, nor its "
            f"BTF: {e}. Give the vmlinux that it was booted from with -s, or a file "
            "with its BTF with --btf"
        ) from e
    _logger.info("types: BTF from %s; symbols: kallsyms", source)
    return True


def _contents(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as e:
        raise TargetError(f"cannot read {path}: {e.strerror}") from e


def _cannot_open(core: Optional[str], error: Exception) -> str:
    if core is None:
        if isinstance(error, PermissionError):
            return "cannot read /proc/kcore: run as root, or give a dump with -c"
        return f"cannot read /proc/kcore (CONFIG_PROC_KCORE): {error}"
    if isinstance(error, FileNotFoundError):
        return f"no such dump: {core}"
    return (
        f"{core} is not a kernel's dump that can be opened: {error}. Give an ELF or "
        "kdump file, as scripts/vm --vmcore and makedumpfile write"
    )


def _load_debug_info(prog: Program, symbols: List[str]) -> None:
    for path in symbols:
        if not os.path.exists(path):
            raise TargetError(f"no such file: {path}")
    try:
        prog.load_debug_info(symbols, main=True)
    except MissingDebugInfoError as e:
        _logger.info("no debugging information: %s", str(e).splitlines()[0])
    except Exception as e:  # drgn raises bare exceptions for broken files
        raise TargetError(f"cannot load debugging information: {e}") from e
