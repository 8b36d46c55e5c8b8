#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""badsum.py FROM TO PORT: send one TCP segment with payload and a wrong checksum."""

import socket
import struct
import sys

PAYLOAD = b"x" * 1000
ACK_PSH = 0x18


def ones_sum(data: bytes) -> int:
    """Return the sum that checksums of the internet are made of."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def main() -> None:
    """Send it."""
    source, target, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    addresses = socket.inet_aton(source) + socket.inet_aton(target)
    tcp = struct.pack("!HHIIBBHHH", 40000, port, 1, 1, 5 << 4, ACK_PSH, 1000, 0, 0) + PAYLOAD
    pseudo = addresses + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(tcp))
    right = ~ones_sum(pseudo + tcp) & 0xFFFF
    tcp = tcp[:16] + struct.pack("!H", right ^ 0x5555) + tcp[18:]
    # The kernel fills in the length, the identification and the checksum of IP.
    header = struct.pack("!BBHHHBBH", 0x45, 0, 0, 0, 0, 64, socket.IPPROTO_TCP, 0) + addresses
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(header + tcp, (target, 0))


if __name__ == "__main__":
    main()
