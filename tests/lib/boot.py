# SPDX-License-Identifier: GPL-2.0-or-later
"""One guest, from its boot until it has no test left or is used up."""

import json
import os
import selectors
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from suite import REPO, Test, slowed
from tap import Report
from times import Times
from totals import Totals
from work import Work

SPLAT = 99
# Above a test's own timeout: what a slow guest may take to boot or to clean up.
BOOT_SECONDS = 400
GRACE_SECONDS = 90
STOP_SECONDS = 30


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a guest; it takes its helpers along."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Boot:
    """One boot of one kernel, running tests until they or the guest end."""

    def __init__(
        self, flavor: str, work: Work, totals: Totals, times: Times, verbose: bool
    ) -> None:
        self.flavor = flavor
        self.work = work
        self.totals = totals
        self.times = times
        self.verbose = verbose
        self.current: Test | None = None
        self.report = Report()
        self.output: list[str] = []
        self.came_up = False
        # Whether a test was told what the kernel had to complain of
        self.blamed = False
        self.finished = False
        self.begin = time.monotonic()
        self.boot_seconds = slowed(flavor, BOOT_SECONDS)
        self.deadline = self.begin + self.boot_seconds

    def run(self) -> bool:
        """Boot and run; return whether this kernel is worth another guest."""
        budget = sum(limit + GRACE_SECONDS for limit in self.work.limits(self.flavor))
        # A guest must not outlive the harness, however that ends.
        argv = ["setpriv", "--pdeathsig", "TERM"]
        argv += [str(REPO / "scripts/vm"), "--kernel", self.flavor, "--stdin"]
        argv += ["--timeout", str(budget + self.boot_seconds), "--"]
        argv += ["env", f"PYTHONPATH={os.environ['PYTHONPATH']}"]
        argv += ["python3", "-B", str(REPO / "tests/lib/in_guest.py")]
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe)
        assert process.stdin
        errors: list[str] = []
        hung = False
        for stream, line in self._lines(process):
            if stream == "out":
                answer = self._event(json.loads(line))
                if answer is not None:
                    self._tell(process, answer)
            elif stream == "err":
                errors.append(line)
                if self.verbose:
                    print(line, flush=True)
            else:
                hung = True
                _stop(process)
                break
        self._judge(process.wait(), hung, errors)
        return self.came_up

    @staticmethod
    def _tell(process: subprocess.Popen[bytes], answer: str) -> None:
        assert process.stdin
        try:
            process.stdin.write(answer.encode())
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it is about to end, and that is judged

    def _lines(self, process: subprocess.Popen[bytes]) -> Iterator[tuple[str, str]]:
        """Yield the guest's lines; ('late', '') when there is no progress."""
        assert process.stdout and process.stderr
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ, "out")
        selector.register(process.stderr, selectors.EVENT_READ, "err")
        partial = {"out": b"", "err": b""}
        while selector.get_map():
            for key, _ in selector.select(1.0):
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                *lines, partial[key.data] = (partial[key.data] + data).split(b"\n")
                for line in lines:
                    yield key.data, line.decode(errors="replace")
            if time.monotonic() > self.deadline and not self.finished:
                yield "late", ""
                return

    def _event(self, event: dict[str, Any]) -> str | None:
        """Take one event from in_guest.py; return what to answer."""
        kind = event["event"]
        now = time.monotonic()
        if kind == "ready":
            if not self.came_up:
                self.came_up = True
                self.times.record(self.flavor, now - self.begin)
            return self._next()
        if kind in ("out", "err"):
            self.output.append(event["text"])
            if kind == "out":
                self.report.feed(event["text"])
            if self.verbose:
                print(f"         | {event['text']}", flush=True)
        elif kind == "end":
            self._end(event)
            self.deadline = now + GRACE_SECONDS
        elif kind == "unfit":
            self.totals.fail(self.flavor, f"not fit for tests: {event['why']}")
        elif kind == "finished":
            self.finished = True
        return None

    def _next(self) -> str:
        """Take the next test; return what in_guest.py is to be told."""
        self.current = self.work.next_test(self.flavor)
        if not self.current:
            return "\n"
        limit = self.current.limit(self.flavor)
        self.report, self.output = Report(), []
        self.begin = time.monotonic()
        self.deadline = self.begin + limit + GRACE_SECONDS
        return f"{self.current.path}:{limit}\n"

    def _end(self, event: dict[str, Any]) -> None:
        """Judge the test that ended."""
        assert self.current
        if event["timeout"]:
            limit = self.current.limit(self.flavor)
            self.report.failed.append(f"no end after {limit} s, ended by the harness")
        else:
            self.report.finish(event["status"])
            self.times.record(f"{self.flavor} {self.current.name}", event["seconds"])
        if event["splat"]:
            self.report.failed.append(f"the kernel complained: {event['splat'][0]}")
            self.output += event["splat"]
        self.report.failed += event["harm"]
        self.blamed |= bool(event["splat"] or event["harm"])
        self._close(event["seconds"])

    def _close(self, seconds: float) -> None:
        assert self.current
        what = f"{self.flavor} {self.current.name}"
        output = [] if self.verbose else self.output
        self.totals.add(what, self.report, seconds, output)
        self.current = None

    def _judge(self, status: int, hung: bool, errors: list[str]) -> None:
        """Account for how the guest itself ended."""
        if self.current:
            why = "the guest hung" if hung else f"the guest died (status {status})"
            self.report.failed.append(why)
            self.output += errors
            self._close(time.monotonic() - self.begin)
        elif not self.came_up:
            why = "no guest: " + ("it hung" if hung else f"status {status}")
            self.totals.fail(self.flavor, why, errors)
        elif status == SPLAT and not self.blamed:
            self.totals.fail(self.flavor, "the kernel complained after the tests", errors)
        elif status not in (0, SPLAT):
            self.totals.fail(
                self.flavor, f"the guest ended with status {status} after the tests", errors
            )
