# SPDX-License-Identifier: GPL-2.0-or-later
"""
What an interactive drgn has of all this
----------------------------------------

drgn finds this module by its entry point and calls it when a program is opened:
the helpers become names of the session, and ``devmem`` a command, if the drgn has
commands (Debian 13's has none), also in its crash mode.
"""

import argparse
import importlib
from typing import Any, Dict, List

import drgn.helpers.linux
from drgn import Program, ProgramFlags

from . import helpers
from .cli import CommandError, make_parser, run
from .layout import LayoutError

__all__ = ("drgn_prog_set",)

#: Where drgn's crash mode keeps its commands, newest first.
_CRASH_MODULES = ("drgn.commands._crash.common", "drgn.commands.crash")


def _devmem(prog: Program, name: str, args: argparse.Namespace, **kwargs: Any) -> None:
    """The command, as drgn's commands are called."""
    try:
        run(prog, make_parser(target=False).parse_args(args.arguments))
    except (CommandError, LayoutError) as e:
        print(f"devmem: {e}")
    except SystemExit:
        # argparse has said what is wrong; the session goes on
        pass


def _namespaces() -> List[Dict[str, Any]]:
    """Where to register the command: arguments for drgn's decorator."""
    places: List[Dict[str, Any]] = [{}]
    for module_name in _CRASH_MODULES:
        try:
            module = importlib.import_module(module_name)
            places.append({"namespace": module.CRASH_COMMAND_NAMESPACE})
            break
        except (ImportError, AttributeError):
            continue
    return places


def _register() -> None:
    try:
        commands = importlib.import_module("drgn.commands")
    except ImportError:
        return
    for place in _namespaces():
        commands.command(
            name="devmem",
            description="see into device memory of page pools",
            arguments=(
                commands.argument(
                    "arguments",
                    nargs=argparse.REMAINDER,
                    help="as of the program of this name, for instance ls or frag WORD",
                ),
            ),
            **place,
        )(_devmem)


def drgn_prog_set(prog: Program) -> None:
    """
    Called by drgn when a program was opened.

    :param prog: The program.
    """
    if not prog.flags & ProgramFlags.IS_LINUX_KERNEL:
        return
    linux: Any = drgn.helpers.linux
    for name in helpers.__all__:
        if name not in linux.__all__:
            linux.__all__.append(name)
            setattr(linux, name, getattr(helpers, name))


_register()
