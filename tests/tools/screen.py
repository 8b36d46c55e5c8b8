#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a full-screen program on a terminal, and press keys when it is time.

    screen.py [WAIT KEY]... -- COMMAND [ARG...]

For each pair: waits until the program has written WAIT (a regular expression) since
the last key, then presses KEY. Ends with the program's status, and prints what it
wrote, without the commands to the terminal. Status 124 when a WAIT does not come.
"""

import os
import pty
import re
import select
import sys
import time

SECONDS = 60
# Commands to the terminal: CSI sequences, character sets, keypad modes.
COMMANDS = re.compile(rb"\x1b(\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9]|[=>78])|\x0f|\x0e")


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


def main() -> int:
    """Run it."""
    split = sys.argv.index("--")
    words, command = sys.argv[1:split], sys.argv[split + 1 :]
    steps = list(zip(words[::2], words[1::2]))
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm", LINES="30", COLUMNS="160")
        os.execvp(command[0], command)
    output = fresh = b""
    deadline = time.monotonic() + SECONDS
    try:
        while True:
            data = read(fd)
            output += data
            fresh += data
            if steps and re.search(steps[0][0].encode(), COMMANDS.sub(b" ", fresh)):
                os.write(fd, steps.pop(0)[1].encode())
                fresh = b""
                deadline = time.monotonic() + SECONDS
            if time.monotonic() > deadline:
                return 124
    except EOFError:
        pass
    finally:
        sys.stdout.buffer.write(COMMANDS.sub(b" ", output))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return 124 if steps else status


if __name__ == "__main__":
    sys.exit(main())
