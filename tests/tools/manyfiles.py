#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""manyfiles.py NUMBER: processes that have so many open files in all.

It says "open" when they have, and lives until it is killed, with its children.
"""

import os
import resource
import signal
import sys

EACH = 100000


def main() -> None:
    """Open them once; children get them as they are."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (EACH + 100, EACH + 100))
    for _ in range(EACH):
        os.dup(0)
    for _ in range(int(sys.argv[1]) // EACH - 1):
        if os.fork() == 0:
            signal.pause()
    os.write(1, b"open\n")
    signal.pause()


if __name__ == "__main__":
    main()
