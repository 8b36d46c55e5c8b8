# SPDX-License-Identifier: GPL-2.0-or-later
"""
Finders that can be replaced
----------------------------

drgn registers a finder of types or symbols under a name once, and has no way to take
it back. A session may load types from one file, and then from a better one.
"""

from typing import Any, Callable

from drgn import Program

from .memory import TYPES_KEY

__all__ = ("set_finder",)


def set_finder(
    prog: Program, register: Callable[..., None], name: str, find: Callable[..., Any]
) -> None:
    """
    Register a finder before all others, or replace the one of this name. What was
    made of the types that were found before is forgotten.

    :param prog: Program that is to use it.
    :param register: Its method that registers finders of the kind.
    :param name: Name of the finder.
    :param find: The finder.
    """
    key = ("drgn_devmem", name)
    is_new = key not in prog.cache
    prog.cache[key] = find
    for made in [k for k in prog.cache if isinstance(k, tuple) and k[0] == TYPES_KEY]:
        del prog.cache[made]
    if is_new:

        def ask(prog: Program, *args: Any) -> Any:
            return prog.cache[key](prog, *args)

        register(name, ask, enable_index=0)
