# SPDX-License-Identifier: GPL-2.0-or-later
"""The Test Anything Protocol, as far as the tests here use it."""

import re
from dataclasses import dataclass, field

_POINT = re.compile(
    r"(?P<not>not )?ok\b(?: (?P<number>\d+))?(?: -)?(?: (?P<text>.*?))?"
    r"(?:\s# (?P<skip>SKIP)\S*(?: (?P<reason>.*))?)?$",
    re.IGNORECASE,
)
_PLAN = re.compile(r"1\.\.(?P<count>\d+)(?:\s# SKIP\S*(?: (?P<reason>.*))?)?$", re.IGNORECASE)


@dataclass
class Report:
    """What one test file said, line by line."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    planned: int | None = None
    seen: int = 0

    def feed(self, line: str) -> None:
        """Take one line of standard output."""
        if plan := _PLAN.match(line):
            self._plan(int(plan["count"]), plan["reason"])
        elif line.startswith("Bail out!"):
            self.failed.append(line)
        elif point := _POINT.match(line):
            self._point(point)

    def _plan(self, count: int, reason: str | None) -> None:
        if self.planned is not None:
            self.failed.append("a second plan")
        self.planned = count
        if count == 0:
            self.skipped.append(reason or "no reason given")

    def _point(self, point: re.Match[str]) -> None:
        self.seen += 1
        text = point["text"] or f"point {self.seen}"
        if point["number"] and int(point["number"]) != self.seen:
            self.failed.append(f"{text}: numbered {point['number']}, but it is {self.seen}")
        elif point["not"]:
            self.failed.append(text)
        elif point["skip"]:
            self.skipped.append(f"{text}: {point['reason'] or 'no reason given'}")
        else:
            self.passed += 1

    def finish(self, status: int) -> None:
        """Judge the whole, once the test ended with this exit status."""
        if self.planned is None:
            self.failed.append(f"ended with status {status} before it printed its plan")
        elif self.planned != self.seen:
            self.failed.append(f"planned {self.planned} points, ran {self.seen}")
        elif status != 0 and not self.failed:
            self.failed.append(f"ended with status {status} although no point failed")
