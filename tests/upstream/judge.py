# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge a run of the kernel's own driver tests: print TAP, and keep the table in the docs.

Reads what tests/upstream/guest printed. A case passes, or it is in the list of those that cannot,
with its reason; a case in the list that passes is an error as well.
"""

import argparse
import fnmatch
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
DOC = HERE.parent.parent / "docs" / "devmemsim.md"
BEGIN = "<!-- tests/upstream/all.t: begin -->\n"
END = "<!-- tests/upstream/all.t: end -->\n"


@dataclass
class Script:
    """One of the kernel's test scripts, and how its cases ended."""

    name: str
    planned: int = -1
    passed: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def complete(self) -> bool:
        """All that it said it would run has a result."""
        return self.planned == len(self.passed) + len(self.others) > 0


def parse(lines: list[str]) -> list[Script]:
    """The scripts of a run, in order."""
    scripts: list[Script] = []
    again = False
    for line in lines:
        if match := re.match(r"# (\S+) (begins|again)$", line):
            again = match[2] == "again"
            if not again:
                scripts.append(Script(match[1]))
        elif match := re.match(r"1\.\.(\d+)$", line):
            if not again:
                scripts[-1].planned = int(match[1])
        elif match := re.match(r"(not )?ok \d+ (\S+)( # (SKIP|XFAIL).*)?", line):
            good = not match[1] and not match[3]
            if again:
                scripts[-1].others.remove(match[2])
            (scripts[-1].passed if good else scripts[-1].others).append(match[2])
    return scripts


def known() -> dict[str, str]:
    """What cannot pass: pattern of names, and why."""
    result: dict[str, str] = {}
    for line in (HERE / "cannot-pass").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, reason = line.split(maxsplit=1)
            result[pattern] = reason
    return result


def reason_for(case: str, reasons: dict[str, str]) -> str:
    """Why a case cannot pass, or nothing."""
    return next((why for pattern, why in reasons.items() if fnmatch.fnmatch(case, pattern)), "")


def table(scripts: list[Script], reasons: dict[str, str]) -> str:
    """The table for the docs."""
    rows = ["| test | cases that pass | why not the others |\n", "|---|---|---|\n"]
    for script in scripts:
        why = dict.fromkeys(reason_for(case, reasons) for case in script.others)
        total = len(script.passed) + len(script.others)
        rows.append(
            f"| `{script.name}` | {len(script.passed)} of {total} | {'; '.join(filter(None, why))} |\n"
        )
    return "".join(rows)


class Tap:
    """Numbers the points."""

    def __init__(self) -> None:
        self.count = 0

    def point(self, good: bool, what: str) -> None:
        """Print a result."""
        self.count += 1
        print(f"{'' if good else 'not '}ok {self.count} - {what}")


def judge(scripts: list[Script], reasons: dict[str, str]) -> Tap:
    """Print a point for each case."""
    tap = Tap()
    for script in scripts:
        for case in script.passed:
            why = reason_for(case, reasons)
            tap.point(not why, case + (f": it passes, but is said not to: {why}" if why else ""))
        for case in script.others:
            why = reason_for(case, reasons)
            tap.point(bool(why), f"{case} # SKIP {why}" if why else f"{case} passes")
        tap.point(script.complete(), f"{script.name}: all that it planned was run")
    return tap


def main() -> None:
    """Read the run on standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true", help="compare the table in the docs")
    parser.add_argument("--write", action="store_true", help="write the table in the docs")
    args = parser.parse_args()
    scripts, reasons = parse(sys.stdin.read().splitlines()), known()
    tap = judge(scripts, reasons)
    if args.docs or args.write:
        head, rest = DOC.read_text().split(BEGIN)
        old, tail = rest.split(END)
        new = table(scripts, reasons)
        if args.write:
            DOC.write_text(head + BEGIN + new + END + tail)
        else:
            tap.point(old == new, "the table in docs/devmemsim.md is that of this run")
    print(f"1..{tap.count}")


if __name__ == "__main__":
    main()
