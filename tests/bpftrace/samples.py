#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Run what a page or a script shows, and compare what comes out with what it shows.

A page has triples: a sh block with one command, a line "Kernels: A, B. bpftrace: 0.17,
0.23." that says where it works, and a console block with its output. A script has the same
in its header: KERNELS, BPFTRACE, and under EXAMPLE a command behind '# ' and its output.

An output is right if each line that is shown has a counterpart of the same shape: numbers
and addresses may differ, except zero and those that the load fixes, and so may the rows of a
histogram. Where a page shows '...', anything may stand. Needs root in the guest; prints TAP.
"""

import argparse
import errno
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

REPO = Path(os.environ["PPDEVMEM_REPO"])
LOAD = REPO / "tests/bpftrace/load"
# What may take so long only if it hangs
PATIENCE = 400
# What bpftrace 0.17 says of itself: it may ask twice how the command it traced ended
_NOISE = re.compile(r"ERROR: waitpid\(\d+\) returned unexpected error: 10\.")
# So many bpftrace at once fit in the guest's memory
TOGETHER = 8
# So often everything is made to happen, until no program was passed over
LOADS = 5

KERNELS = ("ppdevmem", "mainline", "stock-6.12", "stock-latest")
VERSIONS = ("0.17", "0.23")

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CLAIM = re.compile(r"^Kernels: ([\w., -]+?)\. bpftrace: ([\w., -]+?)\.$", re.MULTILINE)

# What the load fixes: sizes of dma-bufs, how many iovs those are, tokens held, bytes unread
_FIXED = ("4194304", "8388608", "2097152", "1024(?= iovs)", "300(?= tokens)", "16385")

# What may differ between two lines of one shape, and what stands for any such thing
_ANY = {
    "row": r"\[[0-9KMGT, -]+[\])] +\d+ \|@* *\|",
    "time": r"\d\d:\d\d:\d\d",
    "space": r" +",
    "hex": r"(?:0x)?[0-9a-f]+",
    "number": r"[1-9]\d*",
    "any": r".+",
}
_TOKEN = re.compile(
    r"(?P<row>^\[[0-9KMGT, -]+[\])] +\d+ \|@* *\|$)|(?P<any>\.\.\.)|(?P<space> +)|"
    r"(?P<queue>\bqueue \d+)|"
    r"(?P<time>\b\d\d:\d\d:\d\d\b)|"
    rf"(?P<fixed>\b(?:0|{'|'.join(_FIXED)})\b)|"
    r"(?P<hex>\b(?:0x[0-9a-f]+|[0-9a-f]{8,})\b)|(?P<number>(?<![A-Za-z_])\d+)|"
    r"(?P<enumerator>\b[A-Z]+(?:_[A-Z]+)+\b)|(?P<other>.)"
)


@dataclass(frozen=True)
class Sample:
    """A command, where it works, and what it prints there."""

    name: str
    command: str
    kernels: tuple[str, ...]
    versions: tuple[str, ...]
    shown: tuple[str, ...]

    @property
    def at_once(self) -> bool:
        """Return whether it looks at what is, rather than waits for what happens."""
        text = self.command
        if script := re.match(r"\S+\.bt", text):
            text = (REPO / "tools/bpftrace" / script[0]).read_text()
        return bool(re.search(r"\biter:|'BEGIN .*exit\(\)", text))


def from_page(path: Path) -> Iterator[Sample]:
    """Yield the samples of a page, named after the heading they are under."""
    for part in re.split(r"^## ", path.read_text(), flags=re.MULTILINE)[1:]:
        heading = part.split("\n", 1)[0]
        blocks = list(_BLOCK.finditer(part))
        commands = [block for block in blocks if block[1] == "sh"]
        outputs = [block for block in blocks if block[1] == "console"]
        claims = list(_CLAIM.finditer(part))
        if not len(commands) == len(claims) == len(outputs):
            raise SystemExit(f"{path}: under '{heading}' a command lacks its claim or its output")
        for number, (command, claim, output) in enumerate(zip(commands, claims, outputs)):
            if not command.end() < claim.start() < claim.end() < output.start():
                raise SystemExit(f"{path}: under '{heading}' things are out of order")
            yield Sample(
                heading + ("" if len(commands) == 1 else f" ({'abc'[number]})"),
                command[2].strip(),
                tuple(re.split(r",\s*", claim[1])),
                tuple(re.split(r",\s*", claim[2])),
                tuple(output[2].splitlines()),
            )


def from_script(path: Path) -> Iterator[Sample]:
    """Yield the one sample of a script's header."""
    header = path.read_text().split("*/")[0]
    lines = [line[3:] if line.startswith(" * ") else "" for line in header.splitlines()]
    claims = {}
    for line in lines:
        if match := re.fullmatch(r"(KERNELS|BPFTRACE): (.+)", line):
            claims[match[1]] = tuple(match[2].split())
    example = lines[lines.index("EXAMPLE:") + 1 :]
    end = next(i for i, line in enumerate(example) if line.startswith("NEEDS:"))
    # The last paragraph before NEEDS explains
    output = "\n".join(example[1:end]).rstrip().split("\n\n")
    shown = "\n\n".join(output[:-1]).splitlines()
    yield Sample(
        path.name,
        example[0].removeprefix("# "),
        claims["KERNELS"],
        claims["BPFTRACE"],
        tuple(shown),
    )


def samples_of(path: Path) -> list[Sample]:
    """Return what a page or a script shows; what it claims must make sense."""
    found = list(from_script(path) if path.suffix == ".bt" else from_page(path))
    if not found:
        raise SystemExit(f"{path}: shows nothing")
    for sample in found:
        if unknown := {*sample.kernels, *sample.versions} - {*KERNELS, *VERSIONS}:
            raise SystemExit(f"{path}: '{sample.name}' names unknown {', '.join(unknown)}")
        if not sample.kernels or not sample.versions:
            raise SystemExit(f"{path}: '{sample.name}' claims nothing")
        if not any(line.strip(". ") for line in sample.shown):
            raise SystemExit(f"{path}: '{sample.name}' shows no output")
    return found


def shape(line: str, version: str) -> str:
    """Return the regular expression of all lines that look like this one."""

    def generalize(match: re.Match[str]) -> str:
        kind = match.lastgroup or ""
        if kind == "enumerator" and version == "0.17":
            return r"\d+"  # it knows no names for them
        return _ANY.get(kind, re.escape(match[0]))

    return _TOKEN.sub(generalize, line)


def missing(shown: Iterable[str], lines: list[str], version: str) -> list[str]:
    """Return the shown lines without a counterpart."""
    stripped = [line.strip() for line in lines]
    return [
        line
        for line in (line.strip() for line in shown)
        if line not in ("", "...")
        and not any(re.fullmatch(shape(line, version), other) for other in stripped)
    ]


class Running:
    """A sample that has been started."""

    def __init__(self, sample: Sample, root: Path | None, out: Path) -> None:
        self.sample = sample
        self.dir = Path(tempfile.mkdtemp(prefix="sample-", dir="/tmp"))
        self.out = out
        self.writer: int | None = None
        argv = self._argv()
        if root:
            argv = ["chroot", str(root), *argv]
        with open(self.dir / "output", "wb") as output:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )

    def _argv(self) -> list[str]:
        argv = shlex.split(self.sample.command)
        if argv[0].endswith(".bt"):
            script = Path(shutil.copy(REPO / "tools/bpftrace" / argv[0], self.dir))
            argv = ["bpftrace", str(script), *argv[1:]]
        if not self.sample.at_once:
            # It traces as long as this waits for the end of a file
            os.mkfifo(self.dir / "fifo")
            argv[1:1] = ["-c", f"/usr/bin/cat {self.dir}/fifo"]
        return argv

    def started(self) -> bool:
        """Return whether it traces by now, or has ended already."""
        if self.writer is None:
            try:
                self.writer = os.open(self.dir / "fifo", os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:  # nobody reads it yet
                    raise
        return self.writer is not None or self.process.poll() is not None

    def finish(self) -> None:
        """Let it end."""
        if self.writer is not None:
            os.close(self.writer)

    def verdict(self, version: str) -> list[str]:
        """Wait for the end; return what is wrong."""
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return ["did not end"]
        text = (self.dir / "output").read_text(errors="replace")
        self.out.write_text(f"# {self.sample.command}\n{text}")
        lines = text.splitlines()
        wrong = [
            f"complained: {line}"
            for line in lines
            if re.search(r"\b(ERROR|WARNING)\b", line)
            and not (version == "0.17" and _NOISE.match(line))
        ]
        if status:
            wrong.append(f"ended with status {status}")
        wrong += [
            f"nothing looks like: {line}" for line in missing(self.sample.shown, lines, version)
        ]
        if wrong:
            wrong += [f"  | {line}" for line in lines[:60]]
        return wrong


class Tap:
    """Counts and prints test points."""

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0

    def point(self, name: str, wrong: list[str]) -> None:
        """Print one point; the reasons are for whoever reads a failure."""
        self.count += 1
        self.failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {self.count} - {name}", flush=True)
        for line in wrong:
            print(f"# {line}", file=sys.stderr, flush=True)


def load(what: str) -> None:
    """Run the load script; without it there is nothing to see."""
    subprocess.run([LOAD, what], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True)


def passed_over() -> int:
    """Return how many runs of BPF programs Linux has left out so far.

    While one program of a tracepoint or kprobe runs on a CPU, no other does: an interrupt in
    that moment that closes a socket has all of the socket's tokens put unseen.
    """
    command = ["bpftool", "-j", "prog", "show"]
    text = subprocess.run(command, capture_output=True, check=True).stdout
    return sum(program.get("recursion_misses", 0) for program in json.loads(text))


def load_until_seen() -> None:
    """Make everything happen, again if programs were passed over meanwhile."""
    for _ in range(LOADS):
        before = passed_over()
        load("run")
        if (left_out := passed_over() - before) == 0:
            return
        print(f"# {left_out} runs of programs were left out", file=sys.stderr)


def wait_started(running: list[Running]) -> None:
    """Wait until all trace."""
    end = time.monotonic() + PATIENCE
    while not all(one.started() for one in running):
        if time.monotonic() > end:
            return
        time.sleep(0.2)


def batches(samples: list[Sample]) -> Iterator[list[Sample]]:
    """Yield what runs together: those that look first, then those that wait for events."""
    for at_once in (True, False):
        kind = [sample for sample in samples if sample.at_once == at_once]
        for begin in range(0, len(kind), TOGETHER):
            yield kind[begin : begin + TOGETHER]


def run(samples: list[Sample], root: Path | None, version: str, tap: Tap, out: Path) -> None:
    """Run samples, as many at a time as fit, those that wait for events with one load."""
    for batch in batches(samples):
        running = [Running(sample, root, out / slug(sample)) for sample in batch]
        if not batch[0].at_once:
            wait_started(running)
            load_until_seen()
            for one in running:
                one.finish()
        for one in running:
            tap.point(one.sample.name, one.verdict(version))


def slug(sample: Sample) -> str:
    """Return a file name for a sample's output."""
    return re.sub(r"\W+", "-", sample.name).strip("-").lower() + ".out"


def inside(root: Path) -> None:
    """Give a root what bpftrace needs from this one."""
    for name in ("proc", "sys", "dev", "tmp"):
        subprocess.run(["mount", "--rbind", f"/{name}", root / name], check=True)


def main() -> int:
    """Run what the arguments show and is claimed to work here."""
    parser = argparse.ArgumentParser(description="run samples and compare")
    parser.add_argument("--root", type=Path, help="the root of another Debian with a bpftrace")
    parser.add_argument("--match", default="", help="only samples whose name matches")
    parser.add_argument("--unless", choices=KERNELS, help="only samples not claimed to work there")
    parser.add_argument("file", nargs="+", type=Path)
    args = parser.parse_args()
    flavor = os.environ["PPDEVMEM_FLAVOR"]
    flavor = "ppdevmem" if flavor == "debug" else flavor
    if args.root:
        inside(args.root)
    argv = [*(["chroot", str(args.root)] if args.root else []), "bpftrace", "--version"]
    text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    match = re.search(r"v(\d+\.\d+)", text)
    if not match:
        raise SystemExit(f"bpftrace --version says '{text}'")
    version = match[1]
    samples = [
        sample
        for path in args.file
        for sample in samples_of(path)
        if flavor in sample.kernels
        and args.unless not in sample.kernels
        and version in sample.versions
        and re.search(args.match, sample.name)
    ]
    if not samples:
        raise SystemExit(f"nothing claims to work on {flavor} with bpftrace {version}")
    out = REPO / "build/out/bpftrace" / f"{flavor}-{version}"
    out.mkdir(parents=True, exist_ok=True)
    tap = Tap()
    load("up")
    try:
        run(samples, args.root, version, tap, out)
    finally:
        load("down")
    print(f"1..{tap.count}")
    return tap.failed > 0


if __name__ == "__main__":
    sys.exit(main())
