# SPDX-License-Identifier: GPL-2.0-or-later
"""How fast this machine's time stamp counter runs.

An emulated guest sees the host's counter, and calibrates it against an emulated
timer. When the host is busy that goes wrong by a factor, and then so do all the
guest's clocks. So the guest is told.
"""

import ctypes
import mmap
import time

# rdtsc; shl $32, %rdx; or %rdx, %rax; ret
_CODE = bytes.fromhex("0f31 48c1e220 4809d0 c3")
_SAMPLES = 50
_SECONDS = 0.05


def khz() -> int:
    """Measure the counter's frequency in kHz."""
    memory = mmap.mmap(-1, len(_CODE), prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(_CODE)
    rdtsc = ctypes.CFUNCTYPE(ctypes.c_uint64)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))

    def sample() -> tuple[int, int]:
        """Return nanoseconds and ticks of one moment."""
        best = None
        for _ in range(_SAMPLES):
            before = time.monotonic_ns()
            ticks = rdtsc()
            after = time.monotonic_ns()
            # The shortest was not interrupted.
            if best is None or after - before < best[0]:
                best = (after - before, (before + after) // 2, ticks)
        assert best
        return best[1], best[2]

    first = sample()
    time.sleep(_SECONDS)
    last = sample()
    return (last[1] - first[1]) * 1_000_000 // (last[0] - first[0])
