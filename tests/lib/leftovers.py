# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether device memory of a test that ended is still there.

A binding that outlives its test is the first in the lists that the next one reads. It may do so
for a while: packets wait on a processor until that one receives, and memory goes a grace period
after its last user.
"""

import os
import re
import socket
import time
from pathlib import Path

# Listed by Linux since 3.5; its last line is 'Total N objects, BYTES bytes'.
BUFFERS = Path("/sys/kernel/debug/dma_buf/bufinfo")


def _buffers() -> int:
    match = re.search(r"^Total (\d+) objects", BUFFERS.read_text(), re.MULTILINE)
    assert match, f"{BUFFERS} does not say how many"
    return int(match[1])


def _poke_processors() -> None:
    """Let each processor receive something."""
    processors = os.sched_getaffinity(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", 0))
        for processor in processors:
            os.sched_setaffinity(0, {processor})
            end.sendto(b"", end.getsockname())
    os.sched_setaffinity(0, processors)


def wait(seconds: float) -> int:
    """Wait until no dma-buf is left, so long at most; return how many are."""
    end = time.monotonic() + seconds
    while (left := _buffers()) and time.monotonic() < end:
        _poke_processors()
        time.sleep(0.1)
    return left
