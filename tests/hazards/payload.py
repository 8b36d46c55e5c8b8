#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ask of a TCP connection what makes a kernel look at the payload.

    payload.py urgent HOST PORT FILE    send FILE, its middle byte as urgent data
    payload.py signed PORT PEER         want signatures (TCP-MD5) of PEER, until killed

"signed" prints "ready" once it listens, or "unsupported".
"""

import errno
import signal
import socket
import struct
import sys
from pathlib import Path

TCP_MD5SIG = 14
KEY = b"secret"


def urgent(host: str, port: str, path: str) -> None:
    """Three sends, so that the urgent byte is between others."""
    data = Path(path).read_bytes()
    middle = len(data) // 2
    with socket.create_connection((host, int(port))) as sock:
        sock.sendall(data[:middle])
        sock.send(data[middle : middle + 1], socket.MSG_OOB)
        sock.sendall(data[middle + 1 :])
        sock.shutdown(socket.SHUT_WR)
        sock.recv(1)


def signed(port: str, peer: str) -> None:
    """A listening socket that takes nothing without a signature."""
    with socket.socket(socket.AF_INET) as sock:
        address = struct.pack("=HH4s120x", socket.AF_INET, 0, socket.inet_aton(peer))
        key = struct.pack("=BBHI80s", 0, 0, len(KEY), 0, KEY)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, address + key)
        except OSError as error:
            if error.errno != errno.ENOPROTOOPT:
                raise
            print("unsupported")
            return
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", int(port)))
        sock.listen()
        print("ready", flush=True)
        signal.pause()


def main() -> None:
    """See above."""
    if sys.argv[1] == "urgent":
        urgent(*sys.argv[2:])
    else:
        signed(*sys.argv[2:])


if __name__ == "__main__":
    main()
