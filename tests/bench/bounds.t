#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# slow: host
# timeout: 600
"""No commit makes the hot paths dearer than their bounds, in instructions.

What an iov costs to allocate, at two sizes and fills, and what a packet costs to receive,
of what it costs the mainline twin in the same run. Instructions are exact, so a short
run tells.
"""

import sys
from typing import Any

import alloc
import benchlib
import receive

SIZES = (1 << 10, 1 << 14)
TIMEOUT = 240


class Tap:
    """Print test points."""

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0

    def is_(self, got: bool, want: bool, description: str, figure: str) -> None:
        """Print one, and the figure in any case."""
        self.count += 1
        self.failed += got != want
        print(f"{'ok' if got == want else 'not ok'} {self.count} - {description}")
        print(f"# {figure}", flush=True)


def run(flavor: str, command: benchlib.Words) -> list[dict[str, Any]]:
    """Run benches in a guest."""
    return benchlib.json_lines(benchlib.guest(flavor, command, TIMEOUT))


def main() -> int:
    """Measure and judge."""
    tap = Tap()
    script = f"{alloc.script('ppdevmem', SIZES)} && {receive.SCRIPT} devmem"
    *allocs, received = run("ppdevmem", ["sh", "-c", script])
    cells = alloc.cells_of(allocs)
    ours = receive.phase_costs(received)
    (received,) = run("mainline", [receive.SCRIPT, "devmem"])
    twin = receive.phase_costs(received)

    for phase, bound in alloc.BOUNDS.items():
        cost = alloc.dearest(cells, phase)
        tap.is_(
            cost <= bound,
            True,
            f"{phase}: an iov is not dearer than the bound",
            f"{cost:.1f} instructions, at most {bound}",
        )
    ratio = receive.to_twin(ours, twin)
    tap.is_(
        ratio <= receive.BOUND,
        True,
        "nor is a packet to receive",
        f"{ours['total']:.0f} of {twin['total']:.0f} instructions: {ratio:.3f}, "
        f"at most {receive.BOUND}",
    )
    ratio = receive.to_twin(twin, twin)
    tap.is_(
        ratio <= receive.BOUND,
        False,
        "the twin itself would not pass",
        f"{ratio:.3f}, at most {receive.BOUND}",
    )
    print(f"1..{tap.count}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
