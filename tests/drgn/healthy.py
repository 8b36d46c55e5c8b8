#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""healthy.py PORT: a reader that gives each token back after 50 ms.

Binds nothing itself. Says "listening", and five times a second "back TOTAL WORST":
how many tokens so far, and for how long it had one since it said that last.
"""

import collections
import select
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from reader import (  # noqa: E402
    DMABUF_CMSG,
    MSG_SOCK_DEVMEM,
    SO_DEVMEM_DMABUF,
    give_back,
    say,
)

HOLD = 0.05


def read(sock: socket.socket) -> list[int]:
    """Tokens of what there is to read."""
    data, ancillary, _, _ = sock.recvmsg(65536, 65536, MSG_SOCK_DEVMEM)
    if not data and not ancillary:
        raise SystemExit("the sender is gone")
    return [
        DMABUF_CMSG.unpack(cmsg)[2]
        for level, kind, cmsg in ancillary
        if (level, kind) == (socket.SOL_SOCKET, SO_DEVMEM_DMABUF)
    ]


def serve(sock: socket.socket) -> None:
    """Read and give back, without end."""
    held: collections.deque[tuple[float, int]] = collections.deque()
    total, worst, said = 0, 0.0, 0.0
    while True:
        left = held[0][0] + HOLD - time.monotonic() if held else 1.0
        if select.select([sock], [], [], max(0.0, left))[0]:
            now = time.monotonic()
            held.extend((now, token) for token in read(sock))
        due = []
        while held and held[0][0] + HOLD <= time.monotonic():
            due.append(held.popleft())
        give_back(sock, [token for _, token in due])
        now = time.monotonic()
        total += len(due)
        worst = max([worst, *(now - since for since, _ in due)])
        if now - said >= 0.2:
            say(f"back {total} {worst:.3f}")
            said, worst = now, 0.0


def main() -> None:
    """Accept one connection."""
    listener = socket.create_server(("10.0.0.1", int(sys.argv[1])))
    say("listening")
    serve(listener.accept()[0])


main()
