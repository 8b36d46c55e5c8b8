# SPDX-License-Identifier: GPL-2.0-or-later
"""Find the tests, run them on each kernel, count.

The inner half of tests/run, which documents the options. One boot per kernel,
as many kernels or tests on the host at once as there are processors; a kernel that
dies or hangs costs the test it died in, and the rest goes on after another boot.
"""

import argparse
import fnmatch
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tap import Report

FLAVORS = ("stock-6.12", "stock-latest", "mainline", "ppdevmem", "debug")
NOT_IN_ARCHIVE = 3
SPLAT = 99

# Above a test's own timeout: what a slow guest may take to boot or to clean up.
BOOT_SECONDS = 400
GRACE_SECONDS = 90
DEFAULT_TIMEOUT = 60
# Of each test that failed, at the end of a long run: who reads only that sees why.
LAST_LINES = 25
# Under KASAN and lockdep all takes several times as long.
SLOWER = {"debug": 4}

REPO = Path(os.environ["PPDEVMEM_REPO"])


@dataclass(frozen=True)
class Test:
    """A test file and what its header says."""

    path: Path
    kernels: tuple[str, ...]
    timeout: int
    host: bool
    slow: tuple[str, ...]
    soak: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the path below tests/."""
        return str(self.path.relative_to(REPO / "tests"))


@dataclass
class Totals:
    """The sums of the run, over all kernels at once."""

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    reasons: dict[str, list[str]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, text: str) -> None:
        """Print a line of progress, whole."""
        with self.lock:
            print(text, flush=True)

    def fail(self, what: str, why: str) -> None:
        """Count a failure that no test point stands for."""
        with self.lock:
            print(f"not ok   {what}: {why}", flush=True)
            self.failed.append(f"{what}: {why}")

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
            said = [line for line in output if not re.match(r"ok\b", line)]
            self.reasons[what] = said
            for line in said:
                print(f"         | {line}")
        sys.stdout.flush()

    def summary(self) -> None:
        """Print what failed, why as far as a few lines can tell, and the sums."""
        for text in self.failed:
            print(f"failed: {text}")
        for what, said in self.reasons.items():
            print(f"{what} said last:" if said else f"{what} said nothing")
            for line in said[-LAST_LINES:]:
                print(f"         | {line}")
        print(
            f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped",
            flush=True,
        )


def read_test(path: Path) -> Test:
    """Read the header of a test."""
    header: dict[str, str] = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                break
            if match := re.fullmatch(r"# (kernels|timeout|host|slow|soak)\b:?\s*(.*)\n", line):
                header[match[1]] = match[2]
    kernels = tuple(header.get("kernels", "").split())
    host = "host" in header
    if unknown := set(kernels) - set(FLAVORS):
        raise SystemExit(f"{path}: '# kernels:' names an unknown one: {', '.join(unknown)}")
    if host == bool(kernels):
        raise SystemExit(f"{path}: needs one of the header lines '# kernels: ...' and '# host'")
    if not os.access(path, os.X_OK):
        raise SystemExit(f"{path}: is not executable")
    tiers = {name: tuple(header.get(name, "").split()) for name in ("slow", "soak")}
    for name, flavors in tiers.items():
        if elsewhere := set(flavors) - set(kernels or ["host"]):
            raise SystemExit(f"{path}: does not run where '# {name}:' says: {', '.join(elsewhere)}")
    timeout = int(header.get("timeout", DEFAULT_TIMEOUT))
    return Test(path, kernels, timeout, host, **tiers)


def select_tests(patterns: list[str]) -> list[Test]:
    """Return the tests whose name contains, or matches, one of the patterns."""
    tests = [read_test(path) for path in sorted((REPO / "tests").glob("*/*.t"))]
    if not patterns:
        return tests
    for pattern in patterns:
        if not any(matches(test, pattern) for test in tests):
            raise SystemExit(f"no test matches '{pattern}'")
    return [test for test in tests if any(matches(test, p) for p in patterns)]


def matches(test: Test, pattern: str) -> bool:
    """Return whether a test is meant by a pattern."""
    pattern = pattern.removeprefix("tests/")
    return pattern in test.name or fnmatch.fnmatch(test.name, pattern)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a guest; it takes its helpers along."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Boot:
    """One boot of one kernel, running tests until they or the guest end."""

    def __init__(self, flavor: str, tests: list[Test], totals: Totals, verbose: bool) -> None:
        self.flavor = flavor
        self.tests = {str(test.path): test for test in tests}
        self.totals = totals
        self.verbose = verbose
        self.limits = {path: t.timeout * SLOWER.get(flavor, 1) for path, t in self.tests.items()}
        self.done: set[str] = set()
        self.current: str | None = None
        self.report = Report()
        self.output: list[str] = []
        self.splats = 0
        self.finished = False
        self.seconds = time.monotonic()
        self.deadline = time.monotonic() + BOOT_SECONDS

    def run(self) -> list[Test]:
        """Boot and run; return the tests that are still to be run."""
        budget = sum(limit + GRACE_SECONDS for limit in self.limits.values())
        # A guest must not outlive the harness, however that ends.
        argv = ["setpriv", "--pdeathsig", "TERM"]
        argv += [str(REPO / "scripts/vm"), "--kernel", self.flavor]
        argv += ["--timeout", str(budget + BOOT_SECONDS), "--"]
        argv += ["env", f"PYTHONPATH={os.environ['PYTHONPATH']}"]
        argv += ["python3", "-B", str(REPO / "tests/lib/in_guest.py")]
        argv += [f"{path}:{limit}" for path, limit in self.limits.items()]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout and process.stderr
        errors: list[str] = []
        hung = False
        for stream, line in self._lines(process):
            if stream == "out":
                self._event(json.loads(line))
            elif stream == "err":
                errors.append(line)
                if self.verbose:
                    print(line, flush=True)
            else:
                hung = True
                stop(process)
                break
        status = process.wait()
        self._judge(status, hung, errors)
        return [test for path, test in self.tests.items() if path not in self.done]

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

    def _event(self, event: dict[str, Any]) -> None:
        """Take one event from in_guest.py."""
        kind = event["event"]
        if kind == "start":
            self.current = event["test"]
            self.report, self.output = Report(), []
            self.seconds = time.monotonic()
            self.deadline = self.seconds + self.limits[event["test"]] + GRACE_SECONDS
        elif kind in ("out", "err"):
            self.output.append(event["text"])
            if kind == "out":
                self.report.feed(event["text"])
            if self.verbose:
                print(f"         | {event['text']}", flush=True)
        elif kind == "end":
            if event["timeout"]:
                limit = self.limits[event["test"]]
                self.report.failed.append(f"no end after {limit} s, ended by the harness")
            else:
                self.report.finish(event["status"])
            if event["splat"]:
                self.splats += 1
                self.report.failed.append(f"the kernel complained: {event['splat'][0]}")
                self.output += event["splat"]
            self._close(event["seconds"])
            self.deadline = time.monotonic() + GRACE_SECONDS
        elif kind == "finished":
            self.finished = True

    def _close(self, seconds: float) -> None:
        assert self.current
        what = f"{self.flavor} {self.tests[self.current].name}"
        output = [] if self.verbose else self.output
        self.totals.add(what, self.report, seconds, output)
        self.done.add(self.current)
        self.current = None

    def _judge(self, status: int, hung: bool, errors: list[str]) -> None:
        """Account for how the guest itself ended."""
        if self.current:
            why = "the guest hung" if hung else f"the guest died (status {status})"
            self.report.failed.append(why)
            self.output += errors
            self._close(time.monotonic() - self.seconds)
        elif not self.done:
            self.done = set(self.tests)
            self.totals.fail(self.flavor, f"no guest: status {status}")
            print("\n".join(errors), flush=True)
        elif status == SPLAT and not self.splats:
            self.totals.fail(self.flavor, "the kernel complained after the tests")
            print("\n".join(errors), flush=True)
        elif status not in (0, SPLAT):
            self.totals.fail(self.flavor, f"the guest ended with status {status} after the tests")
            print("\n".join(errors), flush=True)


def leave_out(flavor: str, tests: list[Test], everything: bool, totals: Totals) -> list[Test]:
    """Skip, by name, what takes too long here for this run; return the rest."""
    left = []
    for test in tests:
        if flavor in test.soak:
            totals.skip(f"{flavor} {test.name}", "takes long here; 'make soak' runs it")
        elif flavor in test.slow and not everything:
            totals.skip(f"{flavor} {test.name}", "slow here; 'make test-all' and CI run it")
        else:
            left.append(test)
    return left


def run_flavor(flavor: str, tests: list[Test], totals: Totals, verbose: bool) -> None:
    """Run the tests that apply to one kernel."""
    totals.note(f"== {flavor}: {len(tests)} test files")
    begin = time.monotonic()
    kernel = subprocess.run(
        [str(REPO / "scripts/kernel"), flavor], stdout=subprocess.PIPE, text=True, check=False
    )
    if kernel.returncode == NOT_IN_ARCHIVE:
        for test in tests:
            totals.skip(f"{flavor} {test.name}", "Debian's archive has no such kernel")
        return
    if kernel.returncode:
        totals.fail(flavor, "the kernel could not be built or fetched")
        return
    version = (Path(kernel.stdout.strip()) / "version").read_text().splitlines()
    totals.note(f"   {'; '.join(version)}")
    while tests:
        tests = Boot(flavor, tests, totals, verbose).run()
    totals.note(f"   {flavor}: {time.monotonic() - begin:.0f} s")


def run_on_host(test: Test, totals: Totals, verbose: bool) -> None:
    """Run a test of the runner itself."""
    begin = time.monotonic()
    process = subprocess.Popen(
        [str(test.path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    report = Report()
    late = False
    try:
        output, _ = process.communicate(timeout=test.timeout)
    except subprocess.TimeoutExpired:
        late = True
        os.killpg(process.pid, signal.SIGTERM)
        output, _ = process.communicate()
    lines = output.splitlines()
    for line in lines:
        report.feed(line)
        if verbose:
            print(f"         | {line}", flush=True)
    if late:
        report.failed.append(f"no end after {test.timeout} s, ended by the harness")
    else:
        report.finish(process.returncode)
    totals.add(f"host {test.name}", report, time.monotonic() - begin, [] if verbose else lines)


def parse() -> argparse.Namespace:
    """Parse the command line; tests/run has the long help."""
    parser = argparse.ArgumentParser(prog="tests/run", add_help=False)
    parser.add_argument("--kernel", action="append", choices=(*FLAVORS, "host"))
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("-l", "--list", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("pattern", nargs="*")
    return parser.parse_args()


def longest_first(chosen: dict[str, list[Test]]) -> list[tuple[str, list[Test]]]:
    """Return the flavors, those with the most tests first, lest the last one run alone for long.

    debug is before all: nothing takes as long as to build it.
    """
    flavors = reversed(chosen.items())
    return sorted(flavors, key=lambda item: (item[0] != "debug", -len(item[1])))


def main() -> int:
    """Run what is asked for; return 1 when something failed."""
    args = parse()
    wanted = args.kernel or [*FLAVORS, "host"]
    tests = select_tests(args.pattern)
    totals = Totals()
    chosen = {
        flavor: [t for t in tests if flavor in t.kernels or (flavor == "host" and t.host)]
        for flavor in (*FLAVORS, "host")
        if flavor in wanted
    }
    if args.soak:
        for flavor, files in chosen.items():
            chosen[flavor] = [test for test in files if flavor in test.soak]
    if args.list:
        for flavor, files in chosen.items():
            print("".join(f"{flavor} {test.name}\n" for test in files), end="")
        return 0
    if not args.soak and not args.pattern:
        for flavor, files in chosen.items():
            chosen[flavor] = leave_out(flavor, files, args.all, totals)
    on_host = chosen.pop("host", [])
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [
            pool.submit(run_flavor, flavor, files, totals, args.verbose)
            for flavor, files in longest_first(chosen)
            if files
        ]
        runs += [pool.submit(run_on_host, test, totals, args.verbose) for test in on_host]
    for run in runs:
        run.result()
    if not runs:
        raise SystemExit("no test applies: " + " ".join(wanted))
    totals.summary()
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
