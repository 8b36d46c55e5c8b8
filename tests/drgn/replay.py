#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""replay.py PAGE: do what a page of the documentation tells its reader to do.

Runs the page's commands ('$') in one shell and its examples ('>>>') in one drgn
session, in the current directory, where vmcore and vmlinux are. What each prints
must be what the page shows, but for numbers. Prints 'ok TEXT' or 'not TEXT' for each.
"""

import contextlib
import doctest
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import drgn.cli
from drgn_devmem.target import open_target

END = "-- end of output --"


def shape(text: str) -> list[str]:
    """Lines without their numbers and alignment."""
    text = re.sub(r"\b0x[0-9a-f]+\b|\b\d+(\.\d+)?", "N", text)
    return [" ".join(line.split()) for line in text.strip().splitlines()]


def report(command: str, want: str, got: str) -> None:
    """Print whether a command printed what it should."""
    good = shape(got) == shape(want)
    if not good:
        print("# " + f"printed:\n{got}\nthe page has:\n{want}".replace("\n", "\n# "))
    print("ok" if good else "not", " ".join(command.split()), flush=True)


def commands(page: str) -> Iterator[tuple[str, str]]:
    """A page's commands, each with what it prints."""
    for command, output in re.findall(r"^    \$ (.*)\n((?:    (?!\$ ).*\n)*)", page, re.M):
        yield command, output


def replay_commands(page: str) -> None:
    """One shell, so that what a command leaves in a variable is there for the next."""
    pairs = list(commands(page))
    script = "".join(f"{command}\necho '{END}'\n" for command, _ in pairs)
    words = ["bash", "-c", "exec 2>&1\n" + script]
    printed = subprocess.run(words, stdout=subprocess.PIPE, text=True).stdout.split(END)
    for (command, want), got in zip(pairs, printed, strict=False):
        report(command, want, got)


def replay_session(page: str) -> None:
    """One drgn session."""
    names = drgn.cli.default_globals(open_target("vmcore", ["vmlinux"]))
    drgn.set_default_prog(names["prog"])
    sys.displayhook = drgn.cli._displayhook
    for example in doctest.DocTestParser().get_examples(page):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(example.source, "<page>", "single"), names)
        report(example.source, example.want, out.getvalue())


def main() -> None:
    """Replay a page."""
    page = Path(sys.argv[1]).read_text()
    replay_commands(page)
    replay_session(page)


main()
