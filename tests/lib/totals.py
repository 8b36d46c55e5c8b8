# SPDX-License-Identifier: GPL-2.0-or-later
"""What the run says: each test as it ends, and the sums of all."""

import re
import sys
import threading
import time
from dataclasses import dataclass, field

from tap import Report

# Of each test that failed, at the end of a long run: who reads only that sees why.
LAST_LINES = 25
# What to look at when a run gets long.
SLOWEST = 10


@dataclass
class Totals:
    """The sums of the run, over all kernels at once."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    begin: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, text: str) -> None:
        """Print a line of progress, whole."""
        with self.lock:
            print(text, flush=True)

    def fail(self, what: str, why: str, said: list[str] | None = None) -> None:
        """Count a failure that no test point stands for."""
        with self.lock:
            print(f"not ok   {what}: {why}", flush=True)
            self.failed.append(f"{what}: {why}")
            if said:
                self._explain(what, said)

    def skip(self, what: str, why: str) -> None:
        """Count something that could not be tested, with the reason."""
        with self.lock:
            print(f"skip     {what}: {why}", flush=True)
            self.skipped.append(f"{what}: {why}")

    def add(self, what: str, report: Report, seconds: float, output: list[str]) -> None:
        """Count what one test file said, and show it."""
        with self.lock:
            self._add(what, report, seconds, output)

    def _add(self, what: str, report: Report, seconds: float, output: list[str]) -> None:
        self.passed += report.passed
        self.failed += [f"{what}: {text}" for text in report.failed]
        self.skipped += [f"{what}: {text}" for text in report.skipped]
        self.seconds[what] = seconds
        word = "not ok" if report.failed else "ok" if report.passed else "skip"
        counts = f"{report.passed} passed"
        if report.failed:
            counts += f", {len(report.failed)} failed"
        if report.skipped:
            counts += f", {len(report.skipped)} skipped"
        print(f"{word:8} {what} ({counts}, {seconds:.1f} s)", flush=True)
        for text in report.failed:
            print(f"         failed: {text}")
        for text in report.skipped:
            print(f"         skipped: {text}")
        if report.failed:
            # What passed explains nothing
            self._explain(what, [line for line in output if not re.match(r"ok\b", line)])
        sys.stdout.flush()

    def _explain(self, what: str, said: list[str]) -> None:
        self.reasons[what] = said
        for line in said:
            print(f"         | {line}")

    def summary(self, retried: list[str]) -> None:
        """Print what failed, why as far as a few lines can tell, and the sums.

        retried has the kernel of each boot that was tried again.
        """
        for text in self.failed:
            print(f"failed: {text}")
        for what, said in self.reasons.items():
            print(f"{what} said last:" if said else f"{what} said nothing")
            for line in said[-LAST_LINES:]:
                print(f"         | {line}")
        slowest = sorted(self.seconds.items(), key=lambda item: -item[1])[:SLOWEST]
        print("the slowest:")
        for what, seconds in slowest:
            print(f"{seconds:8.1f} s  {what}")
        if retried:
            print(f"boots tried again: {len(retried)} ({', '.join(retried)})")
        print(f"all of it took {time.monotonic() - self.begin:.0f} s")
        print(
            f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped",
            flush=True,
        )
