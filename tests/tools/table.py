#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write docs/tools.md: what each tool can tell on each kernel.

The tests of the tools find that out, each in the guest, and leave it in
build/out/tools/KERNEL.tsv; they also hold it against the page. After

    tests/run tools

this writes the page anew; cells of which no test left anything stay. With --check it
only looks at the page: each cell that is a hole must be explained below the table, and
each explanation needed. The page names the kernels on which a tool's test was not yet
seen to pass, as the test's header does: there a cell is what is expected.
"""

import argparse
import re
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PAGE = REPO / "docs" / "tools.md"
MEASURED = REPO / "build" / "out" / "tools"
KERNELS = ("ppdevmem", "mainline", "stock-6.12", "stock-latest")
# What a cell says that a reader wants to have explained.
HOLES = ("no", "unknown", "at least", "in part")

# Rows in the order of the page: tool, what it tells, and why there are holes.
ROWS = (
    ("devmemls", "device, queues, dma-buf", ""),
    ("devmemls", "iovs that are free, in a page pool, with a reader", ""),
    (
        "devmemls",
        "allocations, high-water mark, times exhausted",
        "mainline's provider keeps no counters. devmemtop counts from its start on.",
    ),
    ("devmemls", "holders: socket, processes, file descriptors", ""),
    (
        "devmemls",
        "how long they hold it",
        "mainline does not keep the time when an iov is handed out. devmemleak watches instead.",
    ),
    (
        "devmemls",
        "tokens on each iov (--iovs)",
        "mainline counts references of all kinds together: see REFCOUNT. Tokens are counted by "
        "holder.",
    ),
    ("devmemls", "what a tagged word stands for (--frag)", ""),
    ("devmemls", "bindings that were unbound and are held", ""),
    ("devmemsnoop", "bind", ""),
    ("devmemsnoop", "unbind", ""),
    ("devmemsnoop", "binding_free", ""),
    ("devmemsnoop", "queue_bind", ""),
    (
        "devmemsnoop",
        "queue_unbind",
        "mainline has no function or tracepoint for it: queues are let go in a loop inside of "
        "the unbind. See unbind.",
    ),
    ("devmemsnoop", "alloc", ""),
    ("devmemsnoop", "release", ""),
    ("devmemsnoop", "exhausted", ""),
    ("devmemsnoop", "token_get", ""),
    ("devmemsnoop", "token_put", ""),
    ("devmemsnoop", "token_close", ""),
    ("devmemsnoop", "pool_destroy", ""),
    ("devmemsnoop", "drop", ""),
    ("devmemtop", "how full each binding is", ""),
    ("devmemtop", "tokens per second", ""),
    ("devmemtop", "that a binding is exhausted", ""),
    (
        "devmemtop",
        "how long holders hold it",
        "mainline does not keep the time when an iov is handed out.",
    ),
    ("devmemtop", "a screen, by binding, socket or process", ""),
    ("devmemleak", "who holds tokens for too long", ""),
    (
        "devmemleak",
        "how long",
        "mainline does not keep the time when an iov is handed out: the tool watches for the "
        "threshold's time and reports what was held all that time, which may be older.",
    ),
    ("devmemleak", "by which path it was received (--sample)", ""),
    ("devmemleak", "memory in sockets that nobody reads", ""),
    ("devmemleak", "also after the binding was unbound", ""),
    ("devmemlat", "how long readers hold tokens", ""),
    ("devmemlat", "how long iovs take to come back", ""),
    ("devmemcheck", "what is wrong now, by name", ""),
    (
        "devmemcheck",
        "since when a reader keeps tokens",
        "mainline does not keep the time when an iov is handed out: they are out for at least as "
        "long as the tool watched.",
    ),
    (
        "devmemcheck",
        "which hazards the kernel has",
        "most leave no sign in the kernel's types and functions; docs/hazards.md has what was tried.",
    ),
)

HEAD = """\
# What each tool tells on which kernel

`tests/tools/table.py` writes this page from what the tests of the tools saw on each
kernel; the tests hold each cell against what they see. For devmemsnoop a cell names the
attach point by which the event is seen, as `devmemsnoop -v` does.
"""

UNCERTAIN = """\
## What is left uncertain

- All of them read without a lock. What is found can be on its way out: counts of a busy binding
  are some milliseconds apart, and the parts of a binding that goes away while it is read are left
  out, not guessed. What could not be followed is called *truncated*.
- Events come from programs that the kernel leaves out while another one of ours runs on the same
  processor, and from buffers and tables that can be full. Each is counted and said, and what
  is not known is not held against anybody. devmemtop removes what was idle for an interval from
  a table that is half full; an event that comes at that very moment is not in a rate.
- On ppdevmem, how long an iov is held is known from its first token. While two sockets have tokens
  on it nobody is given its age; when only the younger is left, it is given that of the elder.
- devmemleak locks no socket to see what it has not read: while its reader reads, or data comes, some of
  that can be missed.
- A socket that was closed and is still sending belongs to no process: its tokens came back, what it
  has not read counts as in a page pool.
- Sizes of iovs come from the host or the binding, so pages of 16 and 64 KiB are no other case
  to the programs. Seen on arm64 with pages of 16 KiB, Debian's 6.12, in an emulator: devmemls,
  devmemsnoop and drgn-devmem name the iovs and offsets that the kernel tells the reader. Pages of
  64 KiB were never tried.
"""

Cells = dict[tuple[str, str], dict[str, str]]


def measured() -> Cells:
    """Read what the tests left, over what the page has; the last run counts."""
    cells = shown()
    for kernel in KERNELS:
        path = MEASURED / f"{kernel}.tsv"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for line in lines:
            tool, what, value = line.split("\t")
            if (tool, what) not in [row[:2] for row in ROWS]:
                sys.exit(f"{path}: there is to be no row '{tool}: {what}'")
            cells.setdefault((tool, what), {})[kernel] = value
    return cells


def shown() -> Cells:
    """Read the page's table."""
    cells: Cells = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| devmem"):
            tool, what, *values = re.split(r" *\| *", line.strip("| "))
            cells[tool, what] = {k: v.strip("`") for k, v in zip(KERNELS, values)}
    return cells


def page(cells: Cells) -> str:
    """Make the page."""
    head = ["tool", "what", *KERNELS]
    rows = []
    for tool, what, _ in ROWS:
        values = [cells[tool, what][kernel] for kernel in KERNELS]
        rows.append([tool, what, *(f"`{v}`" if "/" in v else v for v in values)])
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(row: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    table = "\n".join([line(head), rule, *map(line, rows)])
    reasons = [f"- {tool}, {what}: {why}" for tool, what, why in ROWS if why]
    holes = "## Why there are holes\n\n" + "\n".join(reasons) + "\n"
    return f"{HEAD}\n{table}\n\n{holes}\n{UNCERTAIN}"


def problems(cells: Cells) -> list[str]:
    """Find cells that are missing, and holes and explanations without each other."""
    found = []
    for tool, what, why in ROWS:
        values = cells.get((tool, what), {})
        found += [f"{tool}: {what}: not measured on {k}" for k in KERNELS if not values.get(k)]
        holes = [kernel for kernel, value in values.items() if value in HOLES]
        if holes and not why:
            found.append(f"{tool}: {what}: the hole on {', '.join(holes)} is not explained")
        if why and not holes:
            found.append(f"{tool}: {what}: there is no hole to explain")
    return found


def main() -> None:
    """Write or check."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    cells = shown() if args.check else measured()
    found = problems(cells)
    if found:
        sys.exit("\n".join(found))
    if not args.check:
        PAGE.write_text(page(cells), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page(cells):
        sys.exit("docs/tools.md is not as table.py writes it")


if __name__ == "__main__":
    main()
