#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print the system calls of a trace that a systemd unit does not let through.

    unit_calls.py UNIT TRACE

TRACE is what strace -f -o wrote.
"""

import re
import subprocess
import sys
from pathlib import Path


def read_sets() -> dict[str, set[str]]:
    """Return what is in each of systemd's sets: calls, and other sets."""
    listing = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    sets: dict[str, set[str]] = {}
    name = ""
    for line in listing.splitlines():
        if line.startswith("@"):
            name = line.strip()
            sets[name] = set()
        elif name and re.fullmatch(r" +[@\w-]+", line):
            sets[name].add(line.strip())
    return sets


SETS = read_sets()


def members(word: str) -> set[str]:
    """Return the calls of a word of SystemCallFilter=."""
    if not word.startswith("@"):
        return {word}
    return set().union(*(members(inner) for inner in SETS[word]))


def allowed(unit: str) -> set[str]:
    """Return what the unit's filters leave, from the first line to the last."""
    calls: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit, re.M):
        words = set().union(*(members(word) for word in line.lstrip("~").split()))
        calls = calls - words if line.startswith("~") else calls | words
    return calls


def main() -> None:
    """Print them, one per line."""
    calls = set(re.findall(r"^(?:\d+ +)?(\w+)\(", Path(sys.argv[2]).read_text(), re.M))
    if "bpf" not in calls:
        raise SystemExit("the trace has no call of bpf(2): nothing was traced")
    # The exec itself is systemd's
    for call in sorted(calls - allowed(Path(sys.argv[1]).read_text()) - {"execve"}):
        print(call)


if __name__ == "__main__":
    main()
