#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""shortlived.py PORT CONNECTIONS: many short connections, one after the other.

Both ends are here, the reader in namespace rx, where a binding has the port's queue,
and the sender in namespace tx. Each connection brings one message. The reader gives
back the tokens of every other connection, and closes the rest with its tokens out.
Prints "TOKENS GIVEN_BACK CLOSED".
"""

import os
import socket
import struct
import sys

from reader import SO_DEVMEM_DMABUF, MSG_SOCK_DEVMEM, DMABUF_CMSG, give_back

MESSAGE = b"x" * 100


def enter(name: str) -> None:
    """Go to a network namespace: sockets made from now on are there."""
    with open(f"/run/netns/{name}", "rb") as file:
        os.setns(file.fileno(), os.CLONE_NEWNET)


def read(sock: socket.socket) -> list[int]:
    """Read one message whole; return its tokens."""
    tokens: list[int] = []
    size = 0
    while size < len(MESSAGE):
        _, ancillary, _, _ = sock.recvmsg(4096, 4096, MSG_SOCK_DEVMEM)
        for level, kind, cmsg in ancillary:
            assert (level, kind) == (socket.SOL_SOCKET, SO_DEVMEM_DMABUF), "not in device memory"
            _, part, token, _, _ = DMABUF_CMSG.unpack(cmsg)
            tokens.append(token)
            size += part
    return tokens


def main() -> None:
    """Connect, send, read and close, again and again."""
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    # Without TIME_WAIT, ports do not run out
    linger = struct.pack("ii", 1, 0)
    enter("rx")
    listener = socket.create_server(("10.0.0.1", port))
    enter("tx")
    given_back = closed = 0
    for number in range(connections):
        sender = socket.create_connection(("10.0.0.1", port))
        sender.sendall(MESSAGE)
        sock, _ = listener.accept()
        tokens = read(sock)
        if number % 2:
            closed += len(tokens)
        else:
            give_back(sock, tokens)
            given_back += len(tokens)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        sender.close()
        sock.close()
    print(given_back + closed, given_back, closed)


if __name__ == "__main__":
    main()
