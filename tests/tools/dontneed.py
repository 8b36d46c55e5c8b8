#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""dontneed.py PORT: a reader that gives tokens back in every way there is.

Both ends are here, the reader in namespace rx, where a binding has the port's queue,
and the sender in namespace tx. Prints a line for each call: what it is, and how many
tokens the kernel says that it took back, or the name of the error; at the end "total N".
"""

import ctypes
import errno
import os
import socket
import sys

from reader import DMABUF_CMSG, DMABUF_TOKEN, MSG_SOCK_DEVMEM, SO_DEVMEM_DMABUF
from reader import SO_DEVMEM_DONTNEED
from shortlived import enter

# What the kernel takes back in one call, at most, holes included
LIMIT = 1024
# A number that no token has
HOLE = 1 << 30
TOKENS = 2 * LIMIT + 100
MESSAGE = b"x" * 1000

LIBC = ctypes.CDLL(None, use_errno=True)


def read_tokens(sock: socket.socket, sender: socket.socket) -> list[int]:
    """Send and read until there are enough; return them in their order."""
    tokens: list[int] = []
    while len(tokens) < TOKENS:
        sender.sendall(MESSAGE)
        size = 0
        while size < len(MESSAGE):
            _, ancillary, _, _ = sock.recvmsg(4096, 4096, MSG_SOCK_DEVMEM)
            for level, kind, cmsg in ancillary:
                assert (level, kind) == (socket.SOL_SOCKET, SO_DEVMEM_DMABUF)
                _, part, token, _, _ = DMABUF_CMSG.unpack(cmsg)
                tokens.append(token)
                size += part
    return sorted(tokens)


def call(sock: socket.socket, data: bytes | int, size: int) -> int | str:
    """Call setsockopt(); Python's own does not return what it returns."""
    buf = ctypes.c_char_p(data) if isinstance(data, bytes) else ctypes.c_void_p(data)
    ret: int = LIBC.setsockopt(sock.fileno(), socket.SOL_SOCKET, SO_DEVMEM_DONTNEED, buf, size)
    return ret if ret >= 0 else errno.errorcode[ctypes.get_errno()]


def main() -> None:
    """Give back, and say what came of it."""
    port = int(sys.argv[1])
    enter("rx")
    listener = socket.create_server(("10.0.0.1", port))
    enter("tx")
    sender = socket.create_connection(("10.0.0.1", port))
    sock, _ = listener.accept()
    tokens = read_tokens(sock, sender)
    assert tokens == list(range(tokens[0], tokens[0] + len(tokens))), "tokens have holes"
    total = 0

    def give_back(what: str, *ranges: tuple[int, int], size: int | None = None) -> None:
        nonlocal total
        data = b"".join(DMABUF_TOKEN.pack(*r) for r in ranges)
        ret = call(sock, data, len(data) if size is None else size)
        print(f"{what}: {ret}", flush=True)
        total += ret if isinstance(ret, int) else 0

    first = tokens[0]
    give_back("a length that is no multiple of 8", (first, 1), (first + 1, 1), size=12)
    give_back("too many ranges", *[(first + i, 1) for i in range(129)])
    give_back("no range", size=0)
    print(f"from nowhere: {call(sock, 8, 8)}")
    give_back("behind a hole", (HOLE, LIMIT), (first, 1))
    give_back("a hole before it", (HOLE, LIMIT - 2), (first, 5))
    give_back("one token four times", (first + 2, 1), (first + 2, 1), (first + 2, 2))
    give_back("over the end of all numbers", (0xFFFFFFFF, first + 5))
    give_back("downwards", *[(first + 10 - i, 1) for i in range(5)])
    give_back("of 3000", (first + 20, 3000))
    give_back("the same again", (first + 20, 3000))
    give_back("after what is gone", (first + 20 + 1000, 3000))
    print(f"total {total}", flush=True)
    # What is left comes back with the socket
    os._exit(0)


if __name__ == "__main__":
    main()
