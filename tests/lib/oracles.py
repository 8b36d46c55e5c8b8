# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether what is to find mistakes of the kernel still looks for them.

kmemleak, the DMA API's debugging and lockdep switch themselves off, some with no more than a
line in the log, and then a test passes because nobody looks. KASAN cannot be asked:
tests/vm/sanitizers.t makes it report.
"""

import os
from pathlib import Path

DEBUGFS = Path("/sys/kernel/debug")
# B, D, W, L of Documentation/admin-guide/tainted-kernels.rst: a bad page, an oops, a warning, a
# lockup. The others are no complaint, like that of a module that is not Debian's.
HARMFUL_TAINT = 1 << 5 | 1 << 7 | 1 << 9 | 1 << 14


def _kmemleak() -> bool:
    try:
        # It is off anyway; only a kmemleak that works takes the word.
        (DEBUGFS / "kmemleak").write_text("scan=off")
    except OSError:
        return False
    return True


def _dma_debug() -> bool:
    return (DEBUGFS / "dma-api/disabled").read_text().strip() == "N"


def _lockdep() -> bool:
    for line in Path("/proc/lockdep_stats").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "debug_locks":
            return value.strip() == "1"
    return False


_ORACLES = {"kmemleak": _kmemleak, "the DMA API's debugging": _dma_debug, "lockdep": _lockdep}


def dead() -> list[str]:
    """Return the names of those that this kernel should have and that look no more."""
    if os.environ["PPDEVMEM_FLAVOR"] != "debug":
        return []
    return [name for name, lives in _ORACLES.items() if not lives()]


def tainted() -> bool:
    """Return whether the kernel says of itself that something went wrong in it."""
    return bool(int(Path("/proc/sys/kernel/tainted").read_text()) & HARMFUL_TAINT)


def spare() -> None:
    """Let no test inject a fault into what the DMA API's debugging allocates.

    It would switch itself off. All that allocates is in two functions of one file.
    """
    attributes = [DEBUGFS / name for name in ("failslab", "fail_page_alloc")]
    if not all((attribute / "reject-start").exists() for attribute in attributes):
        return
    begin, end = _span("dma_entry_alloc", "add_dma_entry")
    for attribute in attributes:
        (attribute / "reject-start").write_text(hex(begin))
        (attribute / "reject-end").write_text(hex(end))


def _span(*names: str) -> tuple[int, int]:
    """Return where the first of these functions begins, and where the last ends."""
    symbols: list[tuple[int, str]] = []
    with open("/proc/kallsyms", encoding="ascii") as file:
        for line in file:
            address, _, name, *module = line.split()
            if module:
                break
            symbols.append((int(address, 16), name))
    symbols.sort()
    # The compiler may have appended to a name what it did to the function. The part that is
    # never run ("cold") is elsewhere.
    places = [
        i
        for i, (_, name) in enumerate(symbols)
        if name.partition(".")[0] in names and not name.endswith(".cold")
    ]
    assert len(places) == len(names), f"{names} in /proc/kallsyms: {len(places)}"
    begin, last = symbols[places[0]][0], symbols[places[-1]][0]
    return begin, min(address for address, _ in symbols if address > last)


def rearm() -> None:
    """Let the kernel say again what it says only once."""
    (DEBUGFS / "clear_warn_once").write_text("1")
