#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""plain_elf.py DUMP: put the program headers of a QEMU dump where makedumpfile expects them.

QEMU writes section headers before them, and says so; makedumpfile does not read where they
are, but right behind the file's header.
"""

import struct
import sys

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")


def main() -> None:
    """Rewrite the headers in place."""
    with open(sys.argv[1], "r+b") as dump:
        header = list(EHDR.unpack(dump.read(EHDR.size)))
        offset, size, count = header[5], header[9], header[10]
        dump.seek(offset)
        programs = dump.read(size * count)
        # Program headers behind the header of the file, whose size that is; no sections
        header[5], header[8] = EHDR.size, EHDR.size
        header[6] = header[11] = header[12] = header[13] = 0
        dump.seek(0)
        dump.write(EHDR.pack(*header) + programs)


main()
