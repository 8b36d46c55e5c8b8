# SPDX-License-Identifier: GPL-2.0-or-later
"""
What an interactive drgn has of all this
----------------------------------------

drgn finds this module by its entry point and calls it when a program is opened:
the helpers become names of the session, and ``devmem`` a command, also in its
crash mode, if the drgn has commands (Debian 13's has none).
"""

import importlib
import logging
from typing import Any, Iterator, Sequence

import drgn.helpers.linux
from drgn import Program, ProgramFlags

from . import helpers
from .cli import CommandError, parse, run
from .layout import LayoutError
from .target import TargetError, load_types

__all__ = ("drgn_prog_set",)

_logger = logging.getLogger("devmem")


def _is_kernel(prog: Program) -> bool:
    return bool(prog.flags & ProgramFlags.IS_LINUX_KERNEL)


def _namespaces(commands: Any) -> Iterator[Any]:
    yield commands.DEFAULT_COMMAND_NAMESPACE
    try:
        # Private to drgn, so it may be gone in the next one; no other way leads into
        # the crash mode
        yield importlib.import_module("drgn.commands._crash.common").CRASH_COMMAND_NAMESPACE
    except (ImportError, AttributeError):
        _logger.info("this drgn's crash mode takes no commands of others: no devmem there")


def _register() -> None:
    try:
        commands: Any = importlib.import_module("drgn.commands")
    except ImportError:
        return

    def devmem(prog: Program, name: str, args: Sequence[str], **kwargs: Any) -> None:
        try:
            parsed = parse(args, target=False)
        except SystemExit:
            return  # argparse has said what there is to say; the session goes on
        try:
            load_types(prog)
            run(prog, parsed)
        except (CommandError, LayoutError, TargetError) as e:
            raise commands.CommandError(f"devmem: {e}") from e

    for namespace in _namespaces(commands):
        commands.custom_command(
            name="devmem",
            description="see into device memory of page pools",
            usage="**devmem** *COMMAND* [*ARGUMENT*...]",
            long_description="What drgn-devmem does in a shell; **devmem -h** tells.",
            parse=commands.parse_shell_command,
            enabled=_is_kernel,
            namespace=namespace,
        )(devmem)


def drgn_prog_set(prog: Program) -> None:
    """
    Called by drgn when a program was opened.

    :param prog: The program.
    """
    if not _is_kernel(prog):
        return
    linux: Any = drgn.helpers.linux
    for name in helpers.__all__:
        if name not in linux.__all__:
            linux.__all__.append(name)
            setattr(linux, name, getattr(helpers, name))


_register()
