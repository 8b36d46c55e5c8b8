# SPDX-License-Identifier: GPL-2.0-or-later
"""Write docs/benchmarks.md and its plots from what the benches left in build/bench.

Every bench leaves build/bench/NAME.json. In it are its raw figures, in whatever
form it likes, and under "markdown" its section of the page: a heading of the
second level, how it was measured, the table. "plots", if there, maps names of
files in docs/ to SVG texts.
"""

import json
from pathlib import Path
from typing import Any

import benchlib

DOCS = benchlib.REPO / "docs"

# The order of the page; what is not named here follows by name.
FIRST = ("alloc", "receive", "full_iov", "smp", "tracepoints", "tools", "exporter", "files")

HEAD = """\
# Benchmarks

This page is written by `make bench` from `build/bench/*.json`; do not edit it.

Costs in the guest are numbers of instructions, not times: `scripts/vm --icount`
gives one processor whose time stamp counter counts each instruction it runs, and
each bench that relies on it first has a thousand of them counted. So a cost is the
same on every machine and in every run, but it tells nothing of caches: an
instruction that misses counts as one. Linux copies word by word there, for
an emulated processor has no faster way: what lives on copies, as ordinary TCP does, pays
on hardware mostly for the memory and caches that they go through, which is not counted here.
"""


def results() -> list[tuple[str, dict[str, Any]]]:
    """Read all results that have a section, in the order of the page."""
    found = {}
    for path in sorted(benchlib.RESULTS.glob("*.json")):
        result = json.loads(path.read_text())
        if "markdown" in result:
            found[path.stem] = result
    names = [name for name in FIRST if name in found]
    names += [name for name in found if name not in FIRST]
    return [(name, found[name]) for name in names]


def write(path: Path, text: str) -> None:
    """Write a file and say so."""
    path.write_text(text)
    benchlib.say(f"wrote {path.relative_to(benchlib.REPO)}")


def main() -> int:
    """Write the page."""
    sections = results()
    for name in FIRST:
        if name not in dict(sections):
            benchlib.say(f"not in the page: {name} has left no result in build/bench")
    for _, result in sections:
        for name, svg in result.get("plots", {}).items():
            write(DOCS / name, svg)
    write(
        DOCS / "benchmarks.md",
        "\n".join([HEAD, *(result["markdown"].strip() + "\n" for _, result in sections)]),
    )
    return 0


if __name__ == "__main__":
    benchlib.run(main)
