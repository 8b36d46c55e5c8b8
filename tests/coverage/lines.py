#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print which lines and branches of the kernel part ran.

    lines.py KERNEL COUNTS UNREACHABLE

KERNEL is the directory of a kernel of flavor coverage, COUNTS has the .gcda files that its
guest left. UNREACHABLE names the lines that nothing can reach, as 'FILE: TEXT OF THE LINE',
below the reason, a line that begins with '#'. Ends with 1 if a line that is not in it was
missed, or if one that is in it ran or is no more.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parents[2]
# Of the repository's kernel/, where it is ours; the tests in it are no part to be tested.
OURS = ("net/core/pp_devmem/", "drivers/net/devmemsim/", "include/net/page_pool/iov.h")
LEFT_OUT = ("net/core/pp_devmem/pp_devmem_test.c",)


@dataclass
class File:
    """What ran of a source file: counts by line, and by line and number of branch."""

    lines: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    branches: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))

    def add(self, line: dict[str, Any]) -> None:
        """Add what one object file says of a line: an inline function is in several."""
        number = line["line_number"]
        self.lines[number] += line["count"]
        for index, branch in enumerate(line["branches"]):
            self.branches[number, index] += branch["count"]

    def missed(self) -> list[int]:
        """Return the lines that did not run."""
        return sorted(number for number, count in self.lines.items() if not count)


def gcov(directory: Path) -> list[dict[str, Any]]:
    """Return what gcov makes of the files in a directory; without counts nothing ran."""
    documents = []
    for notes in sorted(directory.glob("*.gcno")):
        said = subprocess.run(
            ["gcov", "--json-format", "--branch-probabilities", "--stdout", notes.name],
            cwd=directory,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
        )
        documents.append(json.loads(said.stdout))
    return documents


def ours(name: str) -> str | None:
    """Return a source file's path in kernel/, or None if it is not there."""
    for prefix in OURS:
        at = name.find(prefix)
        if at >= 0 and name[at:] not in LEFT_OUT:
            return name[at:]
    return None


def collect(kernel: Path, counts: Path) -> dict[str, File]:
    """Return what ran, by source file."""
    files: dict[str, File] = defaultdict(File)
    for notes in {path.parent for path in kernel.rglob("*.gcno")}:
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            for path in notes.glob("*.gcno"):
                shutil.copy(path, directory)
            for path in (counts / notes.relative_to(kernel)).glob("*.gcda"):
                shutil.copy(path, directory)
            for document in gcov(directory):
                for entry in document["files"]:
                    path_in_kernel = ours(entry["file"])
                    if path_in_kernel:
                        for line in entry["lines"]:
                            files[path_in_kernel].add(line)
    return files


def share(done: int, total: int) -> str:
    """Return a count of a total, in words and in percent."""
    percent = 100 * done / total if total else 100
    return f"{done:5} of {total:4} {percent:5.1f} %"


def table_row(name: str, files: list[File]) -> str:
    """Return a row of the table."""
    lines = [count for file in files for count in file.lines.values()]
    branches = [count for file in files for count in file.branches.values()]
    return (
        f"{name:40} {share(sum(map(bool, lines)), len(lines))}  "
        f"{share(sum(map(bool, branches)), len(branches))}"
    )


def read_unreachable(path: Path) -> set[str]:
    """Return the lines that the file names; each must have a reason above it."""
    named = set()
    reason = False
    for line in path.read_text().splitlines():
        if not line.strip():
            reason = False
        elif line.startswith("#"):
            reason = True
        elif not reason:
            raise SystemExit(f"{path}: no reason is given for '{line}'")
        else:
            named.add(line.strip())
    return named


def main() -> int:
    """Print the table and what was missed."""
    kernel, counts, unreachable = map(Path, sys.argv[1:])
    files = collect(kernel, counts)
    if not files:
        raise SystemExit(f"no counts in {counts}: did the guest get to its end?")
    print(f"{'':40} {'lines':>21}  {'branches':>21}")
    for name in sorted(files):
        print(table_row(name, [files[name]]))
    for prefix in OURS[:2]:
        print(table_row(f"{prefix} in all", [f for n, f in files.items() if n.startswith(prefix)]))
    named = read_unreachable(unreachable)
    missed = set()
    unexplained = 0
    for name in sorted(files):
        source = (REPO / "kernel" / name).read_text().splitlines()
        for number in files[name].missed():
            key = f"{name}: {source[number - 1].strip()}"
            missed.add(key)
            known = key in named
            unexplained += not known
            print(
                f"missed{' as explained' if known else ''}: {name}:{number}: {source[number - 1].strip()}"
            )
    for key in sorted(named - missed):
        print(f"{unreachable.name} has what was reached, or is no more: {key}")
    print(f"{unexplained} lines missed without a reason")
    return 1 if unexplained or named - missed else 0


if __name__ == "__main__":
    sys.exit(main())
