# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure what devmemls takes on a host of many open files, sockets and holders.

Beside 'ss -tanp', which looks at all of them as well, in an instruction counting guest;
and the memory that listing each of a million iovs takes. Prints the tables, writes
build/bench/files.json. Ends with status 1 if a bound is missed.
"""

from typing import Any

import benchlib
import plot

SOCKETS, HOLDERS = 100_000, 10_000
FILES = (300_000, 1_000_000, 3_000_000)
SCRIPT = benchlib.REPO / "tests" / "bench" / "files.sh"
TIMEOUT = 7200
MEMORY = 4096

# What devmemls may take of ss' instructions, and its memory in KiB; the same with --iovs.
TIME_BOUND = 0.1
MEMORY_BOUND = 64 << 10
IOVS_MEMORY_BOUND = 32 << 10

Line = dict[str, Any]


def measure() -> list[Line]:
    """Run all listings."""
    modules = benchlib.modules("ppdevmem")
    benchlib.say(f"listing {SOCKETS:,} sockets, {HOLDERS:,} holders, up to {max(FILES):,} files")
    numbers = [str(number) for number in (SOCKETS, HOLDERS, *FILES)]
    command: benchlib.Words = [SCRIPT, modules, *numbers]
    return benchlib.json_lines(benchlib.guest("ppdevmem", command, TIMEOUT, MEMORY))


def of(lines: list[Line], what: str) -> list[Line]:
    """Choose the lines about something."""
    return [line for line in lines if line["what"] == what]


def show(lines: list[Line]) -> str:
    """Make the table."""
    head = [
        "open files",
        "devmemls, millions",
        "ss -tanp, millions",
        "ratio",
        "devmemls, MiB",
        "ss, MiB",
    ]
    rows = []
    for ours, rival in zip(of(lines, "devmemls"), of(lines, "ss")):
        row = [f"{ours['files']:,}"]
        row += [f"{line['ns'] / 1e6:,.0f}" for line in (ours, rival)]
        row.append(f"{ours['ns'] / rival['ns']:.3f}")
        row += [f"{line['kib'] / 1024:.1f}" for line in (ours, rival)]
        rows.append(row)
    return benchlib.table(head, rows)


def show_iovs(lines: list[Line]) -> str:
    """Say what it takes to list each iov."""
    (iovs,) = of(lines, "iovs")
    return (
        f"`devmemls -j --iovs` of {1 << 20:,} iovs takes {iovs['ns'] / 1e6:,.0f} million "
        f"instructions, {iovs['ns'] / (1 << 20):,.0f} for each, and {iovs['kib'] / 1024:.1f} MiB at most."
    )


def draw(lines: list[Line]) -> str:
    """Plot the instructions over the number of open files."""
    names = {"devmemls": "devmemls", "ss": "ss -tanp"}
    curves = [
        plot.Line(name, [(line["files"], line["ns"]) for line in of(lines, what)])
        for what, name in names.items()
    ]
    ticks = {float(line["files"]): f"{line['files']:,}" for line in of(lines, "ss")}
    return plot.log_log(
        "Listing who holds device memory", "open files", "instructions", curves, ticks
    )


def markdown(result: dict[str, Any]) -> str:
    """Write the section of the report."""
    lines = result["lines"]
    return f"""
## Listing on a large host

devmemls on a host of {SOCKETS:,} TCP sockets, of which {HOLDERS:,} hold a token, and more and more
open files, beside `ss -tanp`, which looks at all of them as well: instructions of one run, from
its start to its end, and the most memory that it had. The files are descriptors of /dev/null, of
processes with 25,000 each; both tools look at descriptors.

{show(lines)}

![Instructions over the number of open files](bench-files.svg)

{show_iovs(lines)} Run it alone by `tests/bench/run files`.
"""


def missed(lines: list[Line]) -> list[str]:
    """Tell which bounds are missed."""
    ours, rival = of(lines, "devmemls")[-1], of(lines, "ss")[-1]
    (iovs,) = of(lines, "iovs")
    checks = {
        f"a tenth of ss' instructions: {ours['ns'] / rival['ns']:.3f}": ours["ns"]
        <= TIME_BOUND * rival["ns"],
        f"64 MiB: {ours['kib']} KiB": ours["kib"] <= MEMORY_BOUND,
        f"32 MiB for all iovs: {iovs['kib']} KiB": iovs["kib"] <= IOVS_MEMORY_BOUND,
    }
    return [text for text, kept in checks.items() if not kept]


def main() -> int:
    """Run the bench."""
    lines = measure()
    result: dict[str, Any] = {"unit": "instructions", "lines": lines}
    result["markdown"] = markdown(result)
    result["plots"] = {"bench-files.svg": draw(lines)}
    benchlib.save("files", result)
    print(show(lines))
    print(f"\n{show_iovs(lines)}")
    over = missed(lines)
    for text in over:
        print(f"not within {text}")
    return 1 if over else 0


if __name__ == "__main__":
    benchlib.run(main)
