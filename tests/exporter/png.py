#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compare two pictures.

    png.py ONE OTHER

Prints how many of a hundred tiles of ONE look otherwise in OTHER, whatever the figures in
them: a tile is its average colour. Only what Chromium writes is understood, eight bits of
each of three colours.
"""

import struct
import sys
import zlib
from pathlib import Path

ACROSS = 10
# Of 255: what other figures in the same place make of a tile's average.
CLOSE = 6


def unfilter(kind: int, line: bytearray, above: bytes) -> None:
    """Undo PNG's filter of a line, in place."""
    for i, byte in enumerate(line):
        left = line[i - 3] if i >= 3 else 0
        up = above[i]
        corner = above[i - 3] if i >= 3 else 0
        if kind == 4:
            guess = left + up - corner
            distances = (abs(guess - left), abs(guess - up), abs(guess - corner))
            guess = (left, up, corner)[distances.index(min(distances))]
        else:
            guess = (0, left, up, (left + up) // 2)[kind]
        line[i] = (byte + guess) & 255


def read(path: str) -> tuple[int, int, list[bytes]]:
    """Return width, height and the lines of a picture."""
    data = Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG"
    at, packed, width, height = 8, b"", 0, 0
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        chunk = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, *how = struct.unpack(">IIBBBBB", chunk)
            assert how == [8, 2, 0, 0, 0], f"{path} is not as Chromium writes them: {how}"
        elif kind == b"IDAT":
            packed += chunk
        at += length + 12
    raw = zlib.decompress(packed)
    lines: list[bytes] = []
    above = bytes(3 * width)
    for start in range(0, len(raw), 3 * width + 1):
        line = bytearray(raw[start + 1 : start + 1 + 3 * width])
        unfilter(raw[start], line, above)
        above = bytes(line)
        lines.append(above)
    return width, height, lines


def tiles(path: str) -> tuple[int, int, list[tuple[float, ...]]]:
    """Return width, height and the average colour of each tile."""
    width, height, lines = read(path)
    colours = []
    for y in range(ACROSS):
        rows = lines[y * height // ACROSS : (y + 1) * height // ACROSS]
        for x in range(ACROSS):
            first, last = x * width // ACROSS, (x + 1) * width // ACROSS
            part = b"".join(row[3 * first : 3 * last] for row in rows)
            colours.append(tuple(sum(part[c::3]) / (len(part) / 3) for c in range(3)))
    return width, height, colours


def main() -> None:
    """Print the number."""
    one, other = tiles(sys.argv[1]), tiles(sys.argv[2])
    if one[:2] != other[:2]:
        raise SystemExit(f"{one[0]}x{one[1]} is not {other[0]}x{other[1]}")
    print(sum(any(abs(a - b) > CLOSE for a, b in zip(p, q)) for p, q in zip(one[2], other[2])))


if __name__ == "__main__":
    main()
