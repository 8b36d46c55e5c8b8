#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""See all that a device receives, as a packet socket or a raw socket does.

    sniff.py raw|dgram IFACE COUNT     a packet socket of that type
    sniff.py ip - COUNT                a raw IP socket, for all TCP

Prints "ready", reads until COUNT packets were large, and prints what it got
of those, a line each with the number: "headers" (and no more), "payload" (all of
it), or the name of an error.
"""

import collections
import errno
import socket
import struct
import sys

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
LARGE = 1000


def open_socket(kind: str, ifname: str) -> socket.socket:
    """One that sees what is received."""
    if kind == "ip":
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    how = {"raw": socket.SOCK_RAW, "dgram": socket.SOCK_DGRAM}[kind]
    sock = socket.socket(socket.AF_PACKET, how, socket.htons(ETH_P_ALL))
    sock.bind((ifname, ETH_P_ALL))
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return sock


def read(sock: socket.socket) -> str | None:
    """What there is of the next packet, None if it is small."""
    try:
        data, control, _, _ = sock.recvmsg(1 << 16, 256)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    length = len(data)
    for level, what, auxdata in control:
        if (level, what) == (SOL_PACKET, PACKET_AUXDATA):
            _, length = struct.unpack_from("=II", auxdata)
    if length < LARGE:
        return None
    return "payload" if len(data) == length else "headers"


def main() -> None:
    """Read COUNT large packets."""
    kind, ifname, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    seen: collections.Counter[str] = collections.Counter()
    with open_socket(kind, ifname) as sock:
        print("ready", flush=True)
        while seen.total() < count:
            what = read(sock)
            if what:
                seen[what] += 1
    for what, times in sorted(seen.items()):
        print(what, times)


if __name__ == "__main__":
    main()
