#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Data that reaches a socket and not its receive queue.

    unread.py early PORT BYTES

connects to 10.0.0.1:PORT and sends BYTES as if 1,000 bytes had gone before them, which
never come: the receiver keeps them as having come early.

    unread.py busy PORT

accepts a connection on PORT, waits for the first byte and starts to read it into memory
that never comes: the socket stays locked, and what comes is put aside. It says "busy"
just before that.
"""

import ctypes
import fcntl
import mmap
import os
import select
import signal
import socket
import struct
import sys

TCP_REPAIR = 19
TCP_REPAIR_QUEUE = 20
TCP_QUEUE_SEQ = 21
TCP_REPAIR_WINDOW = 29
RECV_QUEUE, SEND_QUEUE = 1, 2
HOLE = 1000
WINDOW = 60000

SYS_USERFAULTFD = 323
UFFDIO_API = 0xC018AA3F
UFFDIO_REGISTER = 0xC020AA00
UFFD_API = 0xAA
MODE_MISSING = 1


def repair(sock: socket.socket, what: int, value: int) -> None:
    """Set an option of a socket that is repaired."""
    sock.setsockopt(socket.IPPROTO_TCP, what, value)


def early(port: int, size: int) -> None:
    """Replace the connection by one that is HOLE bytes ahead."""
    old = socket.create_connection(("10.0.0.1", port))
    local = old.getsockname()
    repair(old, TCP_REPAIR, 1)
    seqs = {}
    for queue in (RECV_QUEUE, SEND_QUEUE):
        repair(old, TCP_REPAIR_QUEUE, queue)
        seq = old.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ)
        seqs[queue] = seq + (HOLE if queue == SEND_QUEUE else 0)
    old.close()

    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    repair(sock, TCP_REPAIR, 1)
    for queue, seq in seqs.items():
        repair(sock, TCP_REPAIR_QUEUE, queue)
        sock.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("I", seq & 0xFFFFFFFF))
    sock.bind(local)
    sock.connect(("10.0.0.1", port))
    # No acknowledgement of what it sent before will tell it of a window
    come = seqs[RECV_QUEUE] & 0xFFFFFFFF
    window = struct.pack("5I", come, WINDOW, WINDOW, WINDOW, come)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_WINDOW, window)
    repair(sock, TCP_REPAIR, 0)
    sock.sendall(bytes(size))
    signal.pause()


def busy(port: int) -> None:
    """Read into a page that nobody provides."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(SYS_USERFAULTFD, os.O_CLOEXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "userfaultfd")
    fcntl.ioctl(fd, UFFDIO_API, bytearray(struct.pack("QQQ", UFFD_API, 0, 0)))
    page = mmap.mmap(-1, mmap.PAGESIZE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(page))
    region = struct.pack("QQQQ", start, mmap.PAGESIZE, MODE_MISSING, 0)
    fcntl.ioctl(fd, UFFDIO_REGISTER, bytearray(region))

    listener = socket.create_server(("10.0.0.1", port))
    os.write(1, b"listening\n")
    sock, _ = listener.accept()
    select.select([sock], [], [])
    os.write(1, b"busy\n")
    sock.recv_into(page)


def main() -> None:
    """Do as the first argument says."""
    if sys.argv[1] == "early":
        early(int(sys.argv[2]), int(sys.argv[3]))
    else:
        busy(int(sys.argv[2]))


if __name__ == "__main__":
    main()
