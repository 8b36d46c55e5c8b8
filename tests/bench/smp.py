# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure how long several processors take that receive from one binding.

Runs smpbench in guests of four processors, ours and the mainline twin by turns, prints
the table, writes build/bench/smp.json. It is time, so the machine's other work is in it:
only the ratio of the two counts. Ends with status 1 if ours takes longer than the twin.
"""

import statistics
from typing import Any

import benchlib

FLAVORS = ("ppdevmem", "mainline")
SCRIPT = benchlib.REPO / "tests" / "bench" / "smpbench.sh"
THREADS = (1, 2, 4)
# Guests of each kernel, by turns. An odd number has a middle.
TURNS = 3
TIMEOUT = 900

# What ours may take of mainline's time, at any number of processors.
BOUND = 1.0

Times = dict[int, float]


def run(flavor: str) -> Times:
    """Run one guest; return its least nanoseconds per packet, by number of threads."""
    command: benchlib.Words = [SCRIPT, *(str(threads) for threads in THREADS)]
    benchlib.say(f"several processors: {benchlib.TITLES[flavor]}")
    output = benchlib.guest_in_time(flavor, command, TIMEOUT, max(THREADS))
    lines = benchlib.json_lines(output)
    return {
        threads: min(line["ns"] / line["packets"] for line in lines if line["threads"] == threads)
        for threads in THREADS
    }


def ratios(turns: list[dict[str, Times]], threads: int) -> list[float]:
    """Tell what ours takes of mainline's time, turn by turn, the least first."""
    return sorted(turn["ppdevmem"][threads] / turn["mainline"][threads] for turn in turns)


def cell(turns: list[dict[str, Times]], threads: int) -> dict[str, Any]:
    """Put together what all turns say of a number of threads."""
    times = {f: statistics.median(turn[f][threads] for turn in turns) for f in FLAVORS}
    all_ratios = ratios(turns, threads)
    return {"threads": threads, **times, "ratio": statistics.median(all_ratios), "all": all_ratios}


def show(cells: list[dict[str, Any]]) -> str:
    """Make the table: microseconds per packet."""
    head = ["processors", "ours, us", "mainline, us", "ratio", "least", "most"]
    rows = []
    for c in cells:
        row = [str(c["threads"])]
        row += [f"{c[flavor] / 1e3:.1f}" for flavor in FLAVORS]
        row += [f"{value:.2f}" for value in (c["ratio"], c["all"][0], c["all"][-1])]
        rows.append(row)
    return benchlib.table(head, rows)


def markdown(result: dict[str, Any]) -> str:
    """Write the section of the report."""
    return f"""
## Several processors

What instructions on one processor cannot show: 1, 2 and 4 processors at once, each with a
socket and a queue of its own, all on one binding; wall time per packet, over all of them. The
guest has four processors, emulated on whatever the machine has, so only the ratio to the
mainline twin says something. Guests of the two kernels run by turns, {TURNS} of each, and
measure each number 15 times. A guest's figure is the least of those, for what else the machine
does only adds to it; the ratio is of the two guests of a turn, and the table has its median,
least and most over the turns. Run it alone by `tests/bench/run smp`.

{show(result["cells"])}
"""


def main() -> int:
    """Run the bench."""
    turns = [{flavor: run(flavor) for flavor in FLAVORS} for _ in range(TURNS)]
    cells = [cell(turns, threads) for threads in THREADS]
    result: dict[str, Any] = {"unit": "ns per packet", "cells": cells}
    result["markdown"] = markdown(result)
    benchlib.save("smp", result)
    print("Wall time per packet:\n")
    print(show(cells))
    slow = [c for c in cells if c["ratio"] > BOUND]
    print(f"\nours takes at most mainline's time: {'NO' if slow else 'yes'}")
    return 1 if slow else 0


if __name__ == "__main__":
    benchlib.run(main)
