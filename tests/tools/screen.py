#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a full-screen program on a terminal, and press keys when it is time.

    screen.py [WAIT KEY]... -- COMMAND [ARG...]

For each pair: waits until the screen shows WAIT (a regular expression, over lines),
then presses KEY. Prints the last screen that was not empty, and ends with the
program's status. Status 124 when a WAIT or the program's end does not come.
"""

import os
import pty
import re
import select
import sys
import time

import pyte  # type: ignore[import-untyped]

SECONDS = 60
LINES, COLUMNS = 30, 160


def read(fd: int) -> bytes:
    """Read what there is within a tenth of a second; EOFError at the end."""
    if not select.select([fd], [], [], 0.1)[0]:
        return b""
    try:
        data = os.read(fd, 65536)
    except OSError:
        data = b""
    if not data:
        raise EOFError
    return data


def press_keys(fd: int, steps: list[tuple[str, str]]) -> str:
    """Follow the steps, to the program's end; return the last screen with text.

    :raises TimeoutError: with that screen, if the next step or the end does not come
    """
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    shown = ""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            stream.feed(read(fd))
        except EOFError:
            return shown
        text = "\n".join(line.rstrip() for line in screen.display).strip()
        shown = text or shown
        if steps and re.search(steps[0][0], text, re.DOTALL):
            os.write(fd, steps.pop(0)[1].encode())
            deadline = time.monotonic() + SECONDS
    raise TimeoutError(shown)


def main() -> int:
    """Run it."""
    split = sys.argv.index("--")
    words, command = sys.argv[1:split], sys.argv[split + 1 :]
    steps = list(zip(words[::2], words[1::2]))
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", LINES=str(LINES), COLUMNS=str(COLUMNS))
        os.execvp(command[0], command)
    try:
        print(press_keys(fd, steps))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    except TimeoutError as late:
        print(late)
        status = 124
    if steps:
        print(f"not shown: {steps[0][0]}")
    return 124 if steps else status


if __name__ == "__main__":
    sys.exit(main())
