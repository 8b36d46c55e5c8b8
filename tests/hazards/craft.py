#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Send TCP segments that no TCP would.

    craft.py IFACE MAC FROM TO PORT BYTES [KEY=VALUE...]

Puts a segment with BYTES of payload on IFACE, for PORT of TO, with a right checksum
unless something else is asked for:

    csum=wrong   one that is wrong
    count=N      so many segments
    md5=1        with a TCP-MD5 signature, which is wrong
    ttl=N        so many hops
    df=0         routers may fragment it
"""

import socket
import struct
import sys

ACK_PSH = 0x18
MD5_OPTION = b"\x01\x01\x13\x12" + bytes(16)


def checksum(data: bytes) -> int:
    """The Internet's."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(
    source: bytes, target: bytes, port: int, payload: bytes, asked: dict[str, str]
) -> bytes:
    """A TCP segment, sequence numbers from nowhere."""
    options = MD5_OPTION if "md5" in asked else b""
    offset = (20 + len(options)) // 4 << 4
    header = struct.pack("!HHIIBBHHH", 40000, port, 1, 1, offset, ACK_PSH, 65535, 0, 0)
    whole = header + options + payload
    pseudo = source + target + struct.pack("!IHBB", len(whole), 0, 0, socket.IPPROTO_TCP)
    right = checksum(pseudo + whole)
    if asked.get("csum") == "wrong":
        right ^= 0x5555
    return whole[:16] + struct.pack("!H", right) + whole[18:]


def packet(
    source: str, target: str, port: int, size: int, asked: dict[str, str]
) -> tuple[int, bytes]:
    """The segment in an IP packet, behind its Ethernet type."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    src, dst = (socket.inet_pton(family, address) for address in (source, target))
    tcp = segment(src, dst, port, bytes(size), asked)
    ttl = int(asked.get("ttl", "64"))
    if family == socket.AF_INET6:
        header = struct.pack("!IHBB", 6 << 28, len(tcp), socket.IPPROTO_TCP, ttl)
        return 0x86DD, header + src + dst + tcp
    fragment = 0 if asked.get("df") == "0" else 0x4000
    header = struct.pack(
        "!BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, fragment, ttl, socket.IPPROTO_TCP, 0
    )
    header = header[:10] + struct.pack("!H", checksum(header + src + dst))
    return 0x0800, header + src + dst + tcp


def main() -> None:
    """See above."""
    ifname, mac, source, target, port, size = sys.argv[1:7]
    asked = dict(argument.split("=", 1) for argument in sys.argv[7:])
    ethertype, data = packet(source, target, int(port), int(size), asked)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((ifname, 0))
        own = sock.getsockname()[4]
        frame = bytes.fromhex(mac.replace(":", "")) + own + struct.pack("!H", ethertype) + data
        for _ in range(int(asked.get("count", "1"))):
            sock.send(frame)


if __name__ == "__main__":
    main()
