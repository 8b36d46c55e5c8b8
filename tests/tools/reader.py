#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Readers of device memory that bind nothing themselves.

    reader.py [--hold N] [--delay SECONDS] [--unread] [--rcvbuf MIB] [--unshare]
              [--leave] PORT [CONNECTIONS]

accepts CONNECTIONS (default 1) on PORT, one process for each. A reader gives
back every token but the first N that it gets, with --delay each so much later.
With --unread it never reads.
It says "PID fd FD" when a connection is accepted, "PID held N" each time the
number of tokens that it keeps grows, and "PID got BYTES TOKENS" when the sender
is done. It ends its side of the connection then, for which senders wait, but keeps
the socket, and the tokens with it, until it is killed.
With --rcvbuf a connection may have so many MiB unread, with --unshare the process has a
second thread whose table of files is its own. With --leave it does not keep the socket, but
sends as much as there is room for and ends: the socket stays until its peer has read that.
"""

import argparse
import ctypes
import os
import select
import signal
import socket
import struct
import threading
import time
from collections import deque

MSG_SOCK_DEVMEM = 0x2000000
SO_DEVMEM_DMABUF = 79
SO_DEVMEM_DONTNEED = 80
SO_RCVBUFFORCE = 33
CLONE_FILES = 0x400
DMABUF_CMSG = struct.Struct("QIIII")
DMABUF_TOKEN = struct.Struct("II")


def say(text: str) -> None:
    """A line on standard output, at once."""
    os.write(1, f"{os.getpid()} {text}\n".encode())


def give_back(sock: socket.socket, tokens: list[int]) -> None:
    """Return tokens, one range each; the kernel takes 128 at a time."""
    for i in range(0, len(tokens), 128):
        ranges = b"".join(DMABUF_TOKEN.pack(t, 1) for t in tokens[i : i + 128])
        sock.setsockopt(socket.SOL_SOCKET, SO_DEVMEM_DONTNEED, ranges)


class Later:
    """Tokens that go back some time after they came."""

    def __init__(self, sock: socket.socket, delay: float) -> None:
        self._sock = sock
        self._delay = delay
        self._due: deque[tuple[float, list[int]]] = deque()

    def add(self, tokens: list[int]) -> None:
        """Give them back in time, or at once."""
        if not self._delay:
            give_back(self._sock, tokens)
        elif tokens:
            self._due.append((time.monotonic() + self._delay, tokens))

    def wait_for_data(self) -> None:
        """Give back what is due, until there is something to read."""
        while self._due:
            left = self._due[0][0] - time.monotonic()
            if left <= 0:
                give_back(self._sock, self._due.popleft()[1])
            elif select.select([self._sock], [], [], left)[0]:
                return


def receive(sock: socket.socket, hold: int, delay: float) -> tuple[int, int]:
    """Read to the end; return the bytes in device memory and the tokens."""
    later = Later(sock, delay)
    held = 0
    total = 0
    num_tokens = 0
    while True:
        later.wait_for_data()
        data, ancillary, _, _ = sock.recvmsg(65536, 65536, MSG_SOCK_DEVMEM)
        tokens = []
        for level, kind, cmsg in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_DEVMEM_DMABUF:
                _, size, token, _, _ = DMABUF_CMSG.unpack(cmsg)
                tokens.append(token)
                total += size
        if not data and not ancillary:
            return total, num_tokens
        num_tokens += len(tokens)
        keep = min(hold - held, len(tokens))
        later.add(tokens[keep:])
        if keep:
            held += keep
            say(f"held {held}")


def own_files(done: threading.Event) -> None:
    """A thread with a table of files of its own."""
    ctypes.CDLL(None).unshare(CLONE_FILES)
    done.set()
    signal.pause()


def leave(sock: socket.socket) -> None:
    """End, with as much unsent as there is room for."""
    sock.setblocking(False)
    try:
        while True:
            sock.send(bytes(1 << 20))
    except BlockingIOError:
        os._exit(0)


def serve(sock: socket.socket, args: argparse.Namespace) -> None:
    """What the process of one connection does."""
    if args.unshare:
        unshared = threading.Event()
        threading.Thread(target=own_files, args=(unshared,), daemon=True).start()
        unshared.wait()
    say(f"fd {sock.fileno()}")
    if not args.unread:
        total, tokens = receive(sock, args.hold, args.delay)
        if args.leave:
            leave(sock)
        sock.shutdown(socket.SHUT_WR)
        say(f"got {total} {tokens}")
    signal.pause()


def main() -> None:
    """Accept, and fork for each connection."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hold", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--unread", action="store_true")
    parser.add_argument("--rcvbuf", type=int)
    parser.add_argument("--unshare", action="store_true")
    parser.add_argument("--leave", action="store_true")
    parser.add_argument("port", type=int)
    parser.add_argument("connections", type=int, nargs="?", default=1)
    args = parser.parse_args()

    listener = socket.create_server(("10.0.0.1", args.port), backlog=64)
    if args.rcvbuf:
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, args.rcvbuf << 20)
    say("listening")
    for _ in range(args.connections):
        sock, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            serve(sock, args)
        sock.close()
    listener.close()
    signal.pause()


if __name__ == "__main__":
    main()
