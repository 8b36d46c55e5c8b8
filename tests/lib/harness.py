# SPDX-License-Identifier: GPL-2.0-or-later
"""Find the tests, run them on each kernel, count.

The inner half of tests/run, which documents the options. As many guests or tests on
the host at once as there are processors. Each guest takes the next test of its kernel
until none is left; one that dies, hangs or was made to complain costs the test it did
that in, and another goes on. What is built meanwhile keeps nobody else waiting.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import accel
from boot import Boot
from suite import FLAVORS, HOST, QUICK, REPO, Test, select_tests
from tap import Report
from times import Times
from totals import Totals
from work import Work

NOT_IN_ARCHIVE = 3
# What a test on the host has to clean up, once it was asked to end; and what it takes to
# read the rest of what it printed.
STOP_SECONDS = 10
READ_SECONDS = 1


class Run:
    """One run: the work, who does it, and what came of it."""

    def __init__(self, chosen: dict[str, list[Test]], totals: Totals, verbose: bool) -> None:
        self.times = Times()
        self.totals = totals
        self.verbose = verbose
        self.flavors = [flavor for flavor in chosen if flavor != HOST]
        self.counts = {flavor: len(tests) for flavor, tests in chosen.items()}
        self.work = Work(chosen, self.times)
        self.accel_told = threading.Lock()

    def all(self, jobs: int) -> None:
        """Run everything."""
        # What is fetched need not wait for what is built; what is built comes one after the
        # other, what the demo built first and the twin, which is made of it, last.
        fetched = [flavor for flavor in self.flavors if flavor.startswith("stock-")]
        order = ("ppdevmem", "debug", "mainline")
        built = [flavor for flavor in order if flavor in self.flavors]
        with ThreadPoolExecutor(jobs + 2) as pool:
            done = [pool.submit(self._get_kernels, flavors) for flavors in (built, fetched)]
            done += [pool.submit(self._worker) for _ in range(jobs)]
        for future in done:
            future.result()
        self.times.save()

    def _get_kernels(self, flavors: list[str]) -> None:
        for flavor in flavors:
            try:
                there = self._get_kernel(flavor)
            except BaseException:
                self.work.give_up(flavor)
                raise
            if there:
                self.work.kernel_is_there(flavor)

    def _get_kernel(self, flavor: str) -> bool:
        """Build or fetch it; return whether there is one."""
        kernel = subprocess.run(
            [str(REPO / "scripts/kernel"), flavor], stdout=subprocess.PIPE, text=True, check=False
        )
        if kernel.returncode == NOT_IN_ARCHIVE:
            for test in self.work.give_up(flavor):
                self.totals.skip(f"{flavor} {test.name}", "Debian's archive has no such kernel")
            return False
        if kernel.returncode:
            self.work.give_up(flavor)
            self.totals.fail(flavor, "the kernel could not be built or fetched")
            return False
        directory = Path(kernel.stdout.strip())
        version = (directory / "version").read_text().splitlines()
        self.totals.note(f"== {'; '.join(version)}; {self.counts[flavor]} test files")
        if self.accel_told.acquire(blocking=False):
            self.totals.note(f"   {accel.sentence(*accel.choose(directory))}")
        return True

    def _worker(self) -> None:
        """Do what is needed most, until nothing is."""
        while place := self.work.next_place():
            try:
                if place == HOST:
                    self._host_test()
                elif not Boot(place, self.work, self.totals, self.times, self.verbose).run():
                    self._lost(place)
            finally:
                self.work.leave(place)

    def _lost(self, flavor: str) -> None:
        """Account for what no guest came up for."""
        left = self.work.give_up(flavor)
        if left:
            names = ", ".join(test.name for test in left)
            self.totals.fail(flavor, f"{len(left)} test files were not run: {names}")

    def _host_test(self) -> None:
        """Run the next of the tests of the runner itself."""
        test = self.work.next_test(HOST)
        if not test:
            return
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
            output = _end(process)
        seconds = time.monotonic() - begin
        lines = output.splitlines()
        for line in lines:
            report.feed(line)
            if self.verbose:
                print(f"         | {line}", flush=True)
        if late:
            report.failed.append(f"no end after {test.timeout} s, ended by the harness")
        else:
            report.finish(process.returncode)
            self.times.record(f"{HOST} {test.name}", seconds)
        self.totals.add(f"{HOST} {test.name}", report, seconds, [] if self.verbose else lines)


def _end(process: subprocess.Popen[str]) -> str:
    """End a test that takes too long, and all that it started; return what it printed."""
    os.killpg(process.pid, signal.SIGTERM)
    try:
        return process.communicate(timeout=STOP_SECONDS)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    try:
        return process.communicate(timeout=READ_SECONDS)[0]
    except subprocess.TimeoutExpired as error:
        # Somebody who left the session has the pipe open.
        said = error.stdout or b""
        return said.decode(errors="replace") if isinstance(said, bytes) else said


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


def choose(args: argparse.Namespace, totals: Totals) -> dict[str, list[Test]]:
    """Return what is to run where, and name what is left out."""
    tests = select_tests(args.pattern)
    everywhere = (*FLAVORS, HOST)
    wanted = args.kernel or (everywhere if args.all or args.soak else QUICK)
    chosen = {}
    for flavor in everywhere:
        there = [test for test in tests if test.on(flavor)]
        if args.soak:
            there = [test for test in there if flavor in test.soak]
        if flavor in wanted and (args.soak or args.list or args.pattern):
            chosen[flavor] = there
        elif flavor in wanted:
            chosen[flavor] = leave_out(flavor, there, args.all, totals)
        elif there and not args.kernel and not args.list:
            why = f"{len(there)} test files; 'make test-all', CI and '--kernel {flavor}' run them"
            totals.skip(flavor, f"a kernel of its own, and {why}")
    return {flavor: there for flavor, there in chosen.items() if there}


def parse() -> argparse.Namespace:
    """Parse the command line; tests/run has the long help."""
    parser = argparse.ArgumentParser(prog="tests/run", add_help=False)
    parser.add_argument("--kernel", action="append", choices=(*FLAVORS, HOST))
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("-l", "--list", action="store_true")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("pattern", nargs="*")
    return parser.parse_args()


def main() -> int:
    """Run what is asked for; return 1 when something failed."""
    args = parse()
    totals = Totals()
    chosen = choose(args, totals)
    if args.list:
        for flavor, files in chosen.items():
            print("".join(f"{flavor} {test.name}\n" for test in files), end="")
        return 0
    if not chosen:
        raise SystemExit("no test applies; see '--kernel' and '--all' in tests/run --help")
    # Where scripts/vm notes each boot that it tries again.
    retries = REPO / "build/vm" / f"retries-{os.getpid()}"
    retries.parent.mkdir(parents=True, exist_ok=True)
    retries.write_text("")
    os.environ["PPDEVMEM_RETRIES"] = str(retries)
    try:
        Run(chosen, totals, args.verbose).all(max(1, args.jobs))
        totals.summary(retries.read_text().split())
    finally:
        retries.unlink()
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
