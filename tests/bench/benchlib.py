# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benches share: running in a guest, writing results, printing tables."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, NoReturn, Sequence

REPO = Path(__file__).resolve().parents[2]
RESULTS = REPO / "build" / "bench"

# A command: paths are welcome in it.
Words = Sequence[str | Path]

# How a flavor is called in what people read.
TITLES = {"ppdevmem": "ours", "mainline": "mainline"}


# By how many instructions the clock may be off in a stretch of known length.
CLOCK_ERROR = 4


class BenchError(Exception):
    """A bench could not be run; the message says why."""


def say(message: str) -> None:
    """Tell what is going on."""
    print(f"bench: {message}", file=sys.stderr, flush=True)


def _output(argv: Words) -> str:
    """Run a script of ours and return what it prints."""
    words = [str(word) for word in argv]
    result = subprocess.run(words, stdout=subprocess.PIPE, text=True, cwd=REPO)
    if result.returncode:
        raise BenchError(f"{' '.join(words)}: status {result.returncode}")
    return result.stdout


def kernel_directory(flavor: str) -> Path:
    """Build a flavor if need be; return where its kernel is."""
    return Path(_output([REPO / "scripts" / "kernel", flavor]).strip())


def untraced_kernel() -> Path:
    """Build ppdevmem without its tracepoints if need be; return where it is."""
    return Path(_output([REPO / "tests" / "bench" / "untraced"]).strip())


def kernel_version(flavor: str) -> dict[str, str]:
    """Tell what a flavor is made of, as its version file says."""
    lines = (kernel_directory(flavor) / "version").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines)


def modules(flavor: str) -> Path:
    """Build the benches' modules for a flavor; return their directory."""
    script = REPO / "scripts" / "module"
    _output([script, flavor, REPO / "tests" / "bench" / "module"])
    return REPO / "build" / "modules" / flavor


def guest(flavor: str, command: Words, timeout: int, mem: int = 2048) -> str:
    """Run a command in an instruction counting guest; return its standard output."""
    options = ["--kernel", flavor, "--icount", "--mem", str(mem), "--timeout", str(timeout)]
    return _output([REPO / "scripts" / "vm", *options, "--", *command])


def guest_in_time(flavor: str, command: Words, timeout: int, cpus: int) -> str:
    """Run a command in a guest of several processors, which has time and counts nothing."""
    options = ["--kernel", flavor, "--cpus", str(cpus), "--timeout", str(timeout)]
    return _output([REPO / "scripts" / "vm", *options, "--", *command])


def guest_on(directory: Path, command: Words, timeout: int) -> str:
    """Run a command on a kernel that is no flavor, otherwise as guest() does."""
    program: Words = [sys.executable, "-B", REPO / "scripts" / "lib" / "guest.py"]
    kernel: Words = ["--kernel-dir", directory, "--flavor", "ppdevmem"]
    options: Words = ["--icount", "--mem", "2048", "--cpus", "1", "--timeout", str(timeout)]
    os.environ["PPDEVMEM_REPO"] = str(REPO)
    return _output([*program, *kernel, *options, "--", *command])


def json_lines(text: str) -> list[dict[str, Any]]:
    """Parse one JSON object per line."""
    return [json.loads(line) for line in text.splitlines()]


def typical(values: Sequence[int]) -> float:
    """Average the middle half: what timer ticks spoilt is not in it."""
    cut = len(values) // 4
    return statistics.fmean(sorted(values)[cut : len(values) - cut])


def check_clock(calibration: dict[str, Any]) -> None:
    """Insist that the clock counts instructions."""
    counted = calibration["stretch"] - calibration["empty"]
    if abs(counted - calibration["instructions"]) > CLOCK_ERROR:
        raise BenchError(
            f"the time stamp counter made {counted} of {calibration['instructions']} "
            "instructions: is the guest run with --icount?"
        )


def save(name: str, result: dict[str, Any]) -> Path:
    """Write a bench's result for the report, whole or not at all."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(result, indent=1) + "\n")
    os.replace(partial, path)
    return path


def count(number: int) -> str:
    """Write a number of iovs as people say it: 1 Ki, 256 Ki, 1 Mi."""
    for unit, size in (("Mi", 1 << 20), ("Ki", 1 << 10)):
        if number >= size and number % size == 0:
            return f"{number // size} {unit}"
    return str(number)


def figure(value: float) -> str:
    """Write a measured value with no more digits than it deserves."""
    return f"{value:,.1f}" if abs(value) < 100 else f"{value:,.0f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Make a Markdown table, columns aligned so that it reads well as text too."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [cell.rjust(width) for cell, width in zip(cells, widths)]
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    return "\n".join([line(head), rule, *(line(row) for row in rows)])


def run(main: Callable[[], int]) -> NoReturn:
    """Run a bench as a program."""
    try:
        sys.exit(main())
    except BenchError as error:
        say(str(error))
        sys.exit(1)
