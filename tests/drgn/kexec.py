#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""kexec.py BZIMAGE: load the kernel that takes over when this one crashes.

It gets this one's command line, without the memory that was set aside for it,
and one processor.
"""

import ctypes
import os
import sys
from pathlib import Path

# x86-64, include/uapi/linux/kexec.h
SYS_KEXEC_FILE_LOAD = 320
KEXEC_FILE_ON_CRASH = 2
KEXEC_FILE_NO_INITRAMFS = 4


def main() -> None:
    """Load it, or say why not."""
    words = Path("/proc/cmdline").read_text().split()
    words = [word for word in words if not word.startswith("crashkernel=")]
    cmdline = " ".join([*words, "nr_cpus=1", "reset_devices"]).encode() + b"\0"
    fd = os.open(sys.argv[1], os.O_RDONLY)
    flags = KEXEC_FILE_ON_CRASH | KEXEC_FILE_NO_INITRAMFS
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(SYS_KEXEC_FILE_LOAD, fd, -1, ctypes.c_ulong(len(cmdline)), cmdline, flags):
        sys.exit(f"kexec_file_load: {os.strerror(ctypes.get_errno())}")


main()
