#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Two sockets that get the same packets, and so tokens on the same iovs.

    twin.py send PORT BYTES

connects to 10.0.0.1:PORT, says "PID at LOCAL-PORT SENT RECEIVED", its sequence numbers, and
sends BYTES when it gets SIGUSR1.

    twin.py read PORT REMOTE-PORT SENT RECEIVED

makes the other end of that connection a second time, in a namespace that gets a copy of
each packet, and says "PID ready". At SIGUSR1 it reads what came, keeps the tokens, and says
"PID held N".
"""

import os
import signal
import socket
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from reader import MSG_SOCK_DEVMEM, SO_DEVMEM_DMABUF, say  # noqa: E402

TCP_REPAIR = 19
TCP_REPAIR_QUEUE = 20
TCP_QUEUE_SEQ = 21
RECV_QUEUE, SEND_QUEUE = 1, 2
REPAIR_OFF_QUIETLY = -1


def repair(sock: socket.socket, what: int, value: int) -> None:
    """Set an option of a socket that is repaired."""
    sock.setsockopt(socket.IPPROTO_TCP, what, value)


def send(port: int, size: int) -> None:
    """Connect, and send when told."""
    sock = socket.create_connection(("10.0.0.1", port))
    repair(sock, TCP_REPAIR, 1)
    seqs = []
    for queue in (SEND_QUEUE, RECV_QUEUE):
        repair(sock, TCP_REPAIR_QUEUE, queue)
        seq = sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ)
        seqs.append(seq & 0xFFFFFFFF)
    repair(sock, TCP_REPAIR, REPAIR_OFF_QUIETLY)
    say(f"at {sock.getsockname()[1]} {seqs[0]} {seqs[1]}")
    signal.sigwait({signal.SIGUSR1})
    sock.sendall(bytes(size))
    signal.pause()


def read(port: int, remote_port: int, sent: int, received: int) -> None:
    """Be the other end, and read when told."""
    sock = socket.socket()
    repair(sock, TCP_REPAIR, 1)
    for queue, seq in ((RECV_QUEUE, sent), (SEND_QUEUE, received)):
        repair(sock, TCP_REPAIR_QUEUE, queue)
        sock.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("I", seq))
    sock.bind(("10.0.0.1", port))
    sock.connect(("10.0.0.2", remote_port))
    repair(sock, TCP_REPAIR, REPAIR_OFF_QUIETLY)
    # What it sends gets no answer: an end that waits for one would keep the tokens for minutes
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    say("ready")
    signal.sigwait({signal.SIGUSR1})
    _, ancillary, _, _ = sock.recvmsg(65536, 65536, MSG_SOCK_DEVMEM)
    kinds = [(level, kind) for level, kind, _ in ancillary]
    say(f"held {kinds.count((socket.SOL_SOCKET, SO_DEVMEM_DMABUF))}")
    signal.pause()


def main() -> None:
    """Do as the first argument says."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    numbers = [int(word) for word in sys.argv[2:]]
    if sys.argv[1] == "send":
        send(*numbers)
    else:
        read(*numbers)


if __name__ == "__main__":
    main()
