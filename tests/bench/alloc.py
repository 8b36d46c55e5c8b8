# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure what an iov costs to allocate and to release, ours and mainline's.

Runs allocbench in an instruction counting guest on both kernels, prints the
table, writes build/bench/alloc.json. Ends with status 1 if our cost grows with
the size or the fill of a binding, or is above the bound.
"""

from typing import Any, Sequence

import benchlib
import plot

FLAVORS = ("ppdevmem", "mainline")
SIZES = (1 << 10, 1 << 14, 1 << 18, 1 << 20)
PHASES = ("alloc", "release")

# What an iov may cost, in instructions; ours. Half of one is the counting's own share.
BOUNDS = {"alloc": 36, "release": 125.5}

# By how much our dearest cell may exceed the cheapest.
TOLERANCE = 0.05

# Mainline fills a million iovs by scanning a bitmap for each.
TIMEOUT = 3600


def cell(sample: dict[str, Any], empty: int) -> dict[str, Any]:
    """Turn the rounds of one size and fill into instructions per iov."""
    per_round = {"alloc": sample["batch"], "release": sample["released"]}
    result: dict[str, Any] = {"iovs": sample["iovs"], "held": sample["held"]}
    for phase in PHASES:
        result[phase] = (benchlib.typical(sample[phase]) - empty) / per_round[phase]
    return result


def script(flavor: str, sizes: Sequence[int]) -> str:
    """Build what it takes; return what to run in the guest."""
    modules = benchlib.modules(flavor)
    numbers = " ".join(str(size) for size in sizes)
    return f"insmod {modules}/sgbuf.ko && insmod {modules}/allocbench.ko && allocbench {numbers}"


def cells_of(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make sense of what allocbench prints."""
    calibration, *samples = lines
    benchlib.check_clock(calibration)
    return [cell(sample, calibration["empty"]) for sample in samples]


def measure(flavor: str) -> dict[str, Any]:
    """Run all sizes on one kernel."""
    command = ["sh", "-c", script(flavor, SIZES)]
    benchlib.say(f"allocation path on {flavor}")
    cells = cells_of(benchlib.json_lines(benchlib.guest(flavor, command, TIMEOUT)))
    return {"kernel": benchlib.kernel_version(flavor), "cells": cells}


def dearest(cells: Sequence[dict[str, Any]], phase: str) -> float:
    """Tell what an iov costs where it costs most."""
    return max(float(cell[phase]) for cell in cells)


def spread(cells: list[dict[str, Any]], phase: str) -> float:
    """Tell by how much the dearest cell exceeds the cheapest."""
    costs: list[float] = [cell[phase] for cell in cells]
    return max(costs) / min(costs) - 1


def show(result: dict[str, Any]) -> str:
    """Make the table: instructions per iov."""
    head = ["iovs", "taken"]
    for phase in PHASES:
        head += [f"{phase}, {benchlib.TITLES[flavor]}" for flavor in FLAVORS] + ["ratio"]
    rows = []
    for ours, theirs in zip(*(result["flavors"][flavor]["cells"] for flavor in FLAVORS)):
        row = [benchlib.count(ours["iovs"]), f"{ours['held'] / ours['iovs']:.0%}"]
        for phase in PHASES:
            row += [benchlib.figure(ours[phase]), benchlib.figure(theirs[phase])]
            row.append(f"{theirs[phase] / ours[phase]:,.1f}")
        rows.append(row)
    return benchlib.table(head, rows)


def draw(flavors: dict[str, Any]) -> str:
    """Plot the cost of an allocation over the size of the binding."""
    cells = {flavor: flavors[flavor]["cells"] for flavor in FLAVORS}

    def curve(flavor: str, full: bool) -> plot.Line:
        points = [(c["iovs"], c["alloc"]) for c in cells[flavor] if bool(c["held"]) == full]
        return plot.Line(f"{benchlib.TITLES[flavor]}, {'90 % taken' if full else 'empty'}", points)

    lines = [curve("ppdevmem", False), curve("mainline", True), curve("mainline", False)]
    lines.append(curve("ppdevmem", True))
    ticks = {float(size): benchlib.count(size) for size in SIZES}
    return plot.log_log("Allocating one iov", "iovs in the binding", "instructions", lines, ticks)


def markdown(result: dict[str, Any]) -> str:
    """Write the section of the report."""
    spreads = [f"{phase} {value:.1%}" for phase, value in result["spread"].items()]
    return f"""
## Allocation path

What an iov costs at `page_pool_alloc_netmems()`, with nothing of the binding taken and
with nine tenths taken, and what it costs to release it to the provider: instructions
per iov, ours beside mainline's provider on the same Linux
({result["flavors"]["mainline"]["kernel"]["linux-source-6.12"]}). The buffers are contiguous,
which is mainline's best case. Run it alone by `make bench-alloc`.

{show(result)}

Ours differs over all sizes and fills by: {", ".join(spreads)}.

![Instructions per allocation over the size of the binding](bench-alloc.svg)
"""


def main() -> int:
    """Run the bench."""
    flavors = {flavor: measure(flavor) for flavor in FLAVORS}
    spreads = {phase: spread(flavors["ppdevmem"]["cells"], phase) for phase in PHASES}
    result: dict[str, Any] = {"unit": "instructions per iov", "spread": spreads, "flavors": flavors}
    result["markdown"] = markdown(result)
    result["plots"] = {"bench-alloc.svg": draw(flavors)}
    benchlib.save("alloc", result)
    print("Instructions per iov:\n")
    print(show(result))
    print()
    for phase, value in spreads.items():
        verdict = "ok" if value <= TOLERANCE else "GROWS"
        print(
            f"{phase}: ours differs by {value:.1%} over all sizes and fills "
            f"(at most {TOLERANCE:.0%}): {verdict}"
        )
    costs = {phase: dearest(flavors["ppdevmem"]["cells"], phase) for phase in PHASES}
    for phase, cost in costs.items():
        verdict = "ok" if cost <= BOUNDS[phase] else "TOO MUCH"
        print(f"{phase}: an iov costs {cost:.1f} at most (bound {BOUNDS[phase]}): {verdict}")
    cheap = all(cost <= BOUNDS[phase] for phase, cost in costs.items())
    return 0 if cheap and all(value <= TOLERANCE for value in spreads.values()) else 1


if __name__ == "__main__":
    benchlib.run(main)
