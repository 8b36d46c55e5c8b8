#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a command, and tell it by SIGUSR1 when the kernel complains.

usage: watch.py COMMAND [ARG...]; ends with the command's status. PYTHONPATH has
scripts/lib, where the list of complaints is.
"""

import os
import re
import selectors
import signal
import subprocess
import sys

import splat


# The provider says so when it takes an iov out of use that somebody may still write to.
LOST = re.compile(r"devmem: iov .* not used again")


def is_complaint(line: str) -> bool:
    """Return whether a line says that something went wrong."""
    return splat.is_splat(line) or LOST.search(line) is not None


def messages(fd: int) -> list[str]:
    """Return what the kernel said since the last call."""
    lines: list[str] = []
    while True:
        try:
            record = os.read(fd, 8192).decode(errors="replace")
        except BlockingIOError:
            return lines
        except BrokenPipeError:
            continue  # overwritten before it was read
        lines.append(record.partition(";")[2].split("\n")[0])


def main() -> int:
    """Run the command."""
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(log, 0, os.SEEK_END)
    with subprocess.Popen(sys.argv[1:]) as child:
        ended = os.pidfd_open(child.pid)
        selector = selectors.DefaultSelector()
        selector.register(log, selectors.EVENT_READ)
        selector.register(ended, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select()}
            if log in ready and any(is_complaint(line) for line in messages(log)):
                child.send_signal(signal.SIGUSR1)
                break
            if ended in ready:
                break
        return child.wait()


if __name__ == "__main__":
    sys.exit(main())
