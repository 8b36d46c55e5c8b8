#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# kernels: ppdevmem debug
# soak: debug
"""Peeking further than TCP can have data finds none; devfuzz had the kernel complain there."""

import socket

SO_PEEK_OFF = 42
# All that fits, and the largest that was in the way of what a window can bring
OFFSETS = (0x7FFFFFFF, 0x7FFFFF00, 1 << 30)

number = 0


def is_(got: object, want: object, description: str) -> None:
    """Print a test point."""
    global number
    number += 1
    print(f"{'ok' if got == want else 'not ok'} {number} - {description}")
    if got != want:
        print(f"# got {got!r}, wanted {want!r}")


def peek(sock: socket.socket, offset: int, size: int) -> bytes | None:
    """Return what is there, from so far on; None if nothing is."""
    sock.setsockopt(socket.SOL_SOCKET, SO_PEEK_OFF, offset)
    try:
        return sock.recv(size, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None


data = bytes(range(200))
with socket.create_server(("127.0.0.1", 0)) as listener:
    with socket.create_connection(listener.getsockname()) as sender:
        reader = listener.accept()[0]
        sender.sendall(data)
        # Within a packet: what it begins with is before what is read next
        is_(reader.recv(100, socket.MSG_WAITALL), data[:100], "some of a packet is read")
        for far in OFFSETS:
            is_(peek(reader, far, 10), None, f"there is nothing {far:#x} bytes further")
        is_(peek(reader, 40, 10), data[140:150], "what is there is found")
        is_(reader.recv(200), data[100:], "and read")
        reader.close()
print(f"1..{number}")
