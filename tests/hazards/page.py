#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write docs/hazards.md: what each way to hurt a host does on each kernel.

The scenes of tests/hazards find that out, each in the guest, and leave it in
build/out/hazards/KERNEL.jsonl. On our kernels they hold it against the page. After

    tests/run hazards               (ours)
    tests/run --soak hazards        (Debian's kernels: matrix.t)

this writes the page anew; cells of which no scene left anything stay. With --check it
only looks: the page has a row for each scene and no other, no cell is empty, ours has no
bad one, and each test that is named is there. With --cell SCENE it prints what the page
says of ours. --page FILE is another page.
"""

import argparse
import datetime
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
PAGE = REPO / "docs" / "hazards.md"
SCENES = REPO / "tests" / "hazards"
MEASURED = REPO / "build" / "out" / "hazards"
COLUMNS = ("stock-6.12", "stock-latest", "ppdevmem")
OURS = "ppdevmem"

WHO = {"remote": "remote peer", "local": "unprivileged local", "admin": "admin"}

# What a cell begins with when the host was hurt.
BAD = ("panic", "WARN", "leak", "hang", "corrupt", "host memory", "without bound", "accepted")

# What a cell has until its scene has run there; the page is not whole then.
NOT_TRIED = "not yet tried"

# The headings of the page, in its order: file of scenes, heading.
GROUPS = (
    ("ways", "Found by reading and by trying"),
    ("sockets", "What the owner of a socket can do with it"),
    ("taps", "Packet sockets"),
    ("tc", "tc"),
    ("netfilter", "nftables and conntrack"),
    ("paths", "Bridges, bonds, routers"),
    ("xdp", "XDP"),
    ("adversity", "Adversity"),
)


@dataclass(frozen=True)
class Elsewhere:
    """A way that cannot be tried on a kernel that we did not build, or is ours alone."""

    what: str
    who: str
    stock: str
    ours: str
    test: str


ELSEWHERE = (
    Elsewhere(
        "the mapping of a dma-buf outlives the driver of the device that it was made for",
        "unprivileged local",
        "unmapped by the last reference, whenever that is",
        "fine",
        "tests/provider/teardown.t",
    ),
    Elsewhere(
        "an iov comes back while somebody else has a reference on it",
        "nobody, without another mistake",
        "WARN, and it is lost",
        "lost, and counted",
        "tests/observability/kunit.t",
    ),
    Elsewhere(
        "a queue that does not restart at the unbind",
        "admin, by a driver's fault",
        "WARN",
        "fine",
        "tests/observability/kunit.t",
    ),
    Elsewhere(
        "a look at an iov while its first token is made: since when it is held",
        "nobody; a tool shows a wrong age",
        "has no ages",
        "fine",
        "tests/observability/kunit.t",
    ),
    Elsewhere(
        "kernel addresses in a trace, and in the error of a bind",
        "admin, who reads the trace",
        "has no such trace, no such error",
        "hashed, unless the kernel was told not to; none in an error",
        "tests/observability/tracepoints.t",
    ),
    Elsewhere(
        "SO_PEEK_OFF of almost 2 GiB on any TCP socket, and a peek",
        "unprivileged local",
        "WARN (7.3 as well)",
        "fine",
        "tests/provider/peekoff.t",
    ),
    Elsewhere(
        "a device of devmemsim, made by root of a user namespace",
        "unprivileged local",
        "refused, by devmemsim",
        "refused, by devmemsim",
        "tests/hazards/userns.t",
    ),
    Elsewhere(
        "a binding of more than 128 GiB",
        "admin",
        "fine; an array for each segment",
        "fine",
        "tests/provider/large.t",
    ),
    Elsewhere(
        "built for 32 bits",
        "admin",
        "not refused",
        "refused by Kconfig",
        "tests/provider/arch.t",
    ),
)

HEAD = """\
# What can hurt a host that runs device memory

For whoever must decide whether device memory may run on a host. Each row is a way to hurt
it, found by reading the kernel's source or by letting a part of the network stack get hold
of packets whose payload the kernel cannot read. A cell says what happened when it was
tried. `tests/hazards/page.py` writes this page from what the tests saw.

- **Who** can do it. *remote peer*: whoever can send packets to the host. *unprivileged
  local*: a process without capabilities that was given a socket which receives into device
  memory. *admin*: needs CAP_NET_ADMIN, CAP_NET_RAW or CAP_BPF, in the network namespace of
  the device.
- **fine**: what was sent came, byte for byte, while the part had it in its hands.
  **refused**: the kernel says no, with the error in brackets. **dropped**: packets or
  copies are dropped and counted; the host is well. **stops**: the connection makes no
  progress, as it should not, and nothing else happens.
- In bold, the host was hurt. **WARN**: the kernel complains of itself, in the function in brackets (a
  host with `panic_on_warn` dies). **panic**: it dies, in that function. **leak**: memory is
  lost until the next boot. **hang**: a process or the device does not come back.
  **without bound**: a user can have the kernel allocate as much as there is. **host memory**:
  payload came there that was to come into device memory. **corrupt**: it is not what was sent.
  **accepted**: what device memory needs may be taken from it.
- *not built in*: this kernel lacks the part, so nothing was learned; *not yet tried*: nobody
  has run it there. Do not read either as fine.
- **Scene** is the test: `scripts/vm --kernel FLAVOR -- tests/hazards/FILE.t SCENE` for
  `FILE/SCENE` runs it alone. In each the part has proven that it saw the payload, and at the end all
  memory has come back.

The device is devmemsim (docs/devmemsim.md) on every kernel. A driver may add to this or, by
checks of its own, take away. Where a row is about checksums or header split, devmemsim's own
checks are off (its knob `lenient`): what is tried is the kernel.
"""


@dataclass
class Row:
    """A scene, and what it saw on each kernel."""

    who: str
    what: str
    cells: dict[str, str] = field(default_factory=dict)


Rows = dict[str, Row]


def scenes() -> Rows:
    """Ask each file for its scenes."""
    rows: Rows = {}
    for group, _ in GROUPS:
        output = subprocess.run(
            [str(SCENES / f"{group}.t"), "--list"],
            env={**os.environ, "PPDEVMEM_REPO": str(REPO)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
        for line in output.splitlines():
            name, who, what = line.split("\t")
            rows[name] = Row(WHO[who], what)
    return rows


def cell(outcome: str, why: str) -> str:
    """Make a cell of what happened."""
    text = f"**{outcome}**" if outcome.startswith(BAD) else outcome
    if not why:
        return text
    # The names of functions, errors and features
    return f"{text} (`{why}`)" if re.fullmatch(r"\w*[_A-Z]\w*", why) else f"{text} ({why})"


def word(text: str) -> str:
    """Return what happened, of a cell."""
    return re.sub(r" \(.*", "", text).strip("*")


def measured(rows: Rows) -> str:
    """Put in what the scenes left; return the kernels that they ran on."""
    kernels = {}
    for flavor in COLUMNS:
        path = MEASURED / f"{flavor}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for line in lines:
            seen = json.loads(line)
            if seen["scene"] in rows and seen["outcome"]:
                rows[seen["scene"]].cells[flavor] = cell(seen["outcome"], seen["why"])
            if seen["kernel"]:
                kernels[flavor] = seen["kernel"]
    if not kernels:
        return ""
    names = ", ".join(f"{flavor} is {kernel}" for flavor, kernel in kernels.items())
    return f"Seen on {datetime.date.today()}: {names}."


def headings(run: str) -> list[str]:
    """Return the columns' names: Debian's kernels by the version that was run."""
    found = [re.search(rf"{re.escape(flavor)} is (\d+\.\d+)", run) for flavor in COLUMNS]
    return [
        f"Linux {match[1]}" if match and flavor != OURS else flavor
        for flavor, match in zip(COLUMNS, found)
    ]


def shown(rows: Rows, path: Path) -> str:
    """Put in what the page has; return its line on the kernels."""
    run = ""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    for line in text.splitlines():
        if line.startswith("Seen on "):
            run = line
        cells = [text.strip() for text in line.strip("|").split("|")]
        if len(cells) == 6 and (name := cells[5].strip("`")) in rows:
            rows[name].cells = dict(zip(COLUMNS, cells[2:5]))
    return run


def table(head: list[str], lines: list[list[str]]) -> str:
    """Lay out a table."""
    widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]

    def row(cells: list[str]) -> str:
        return "| " + " | ".join(c.ljust(w) for c, w in zip(cells, widths)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([row(head), rule, *map(row, lines)])


def page(rows: Rows, run: str) -> str:
    """Make the page."""
    parts = [HEAD, run + "\n"]
    head = ["What", "Who", *headings(run), "Scene"]
    for group, heading in GROUPS:
        lines = [
            [row.what, row.who, *(row.cells.get(f, NOT_TRIED) for f in COLUMNS), f"`{name}`"]
            for name, row in rows.items()
            if name.startswith(f"{group}/")
        ]
        parts.append(f"## {heading}\n\n{table(head, lines)}\n")
    lines = [[e.what, e.who, e.stock, e.ours, f"`{e.test}`"] for e in ELSEWHERE]
    head = ["What", "Who", "Linux", OURS, "Test"]
    parts.append(f"{ELSEWHERE_HEAD}\n{table(head, lines)}\n")
    return "\n".join(parts)


ELSEWHERE_HEAD = """\
## Tested otherwise

These need a fault at one place, a window of a few instructions, or concern what only our
provider has. The test that is named holds ours; of Linux, the source of 6.12 was read.
"""


def problems(rows: Rows) -> list[str]:
    """Find cells that are missing or bad, and tests that are not there."""
    found = []
    for name, row in rows.items():
        found += [
            f"{name}: not tried on {f}" for f in COLUMNS if row.cells.get(f, NOT_TRIED) == NOT_TRIED
        ]
        if word(row.cells.get(OURS, "")).startswith(BAD):
            found.append(f"{name}: ours is hurt: {row.cells[OURS]}")
    found += [f"no test {e.test}" for e in ELSEWHERE if not (REPO / e.test.split()[0]).exists()]
    return found


def main() -> None:
    """Write, check, or look up."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--cell", metavar="SCENE")
    parser.add_argument("--page", metavar="FILE", type=Path, default=PAGE)
    args = parser.parse_args()
    if args.cell:
        row = {args.cell: Row("", "")}
        shown(row, args.page)
        print(word(row[args.cell].cells.get(OURS, "")))
        return
    rows = scenes()
    run = shown(rows, args.page)
    if not args.check:
        run = measured(rows) or run
        args.page.write_text(page(rows, run), encoding="utf-8")
    found = problems(rows)
    if found:
        sys.exit("\n".join(found))
    if args.check and args.page.read_text(encoding="utf-8") != page(rows, run):
        sys.exit(f"{args.page} is not as page.py writes it")


if __name__ == "__main__":
    main()
