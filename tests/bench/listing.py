# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure what it costs drgn to list a million iovs of a dump.

The helpers of tools/drgn, which read arrays in blocks, against two plain ways to
write it: one object at a time, and the same with care. All three list the same
dump, one after the other, and must list the same. Prints the table, writes
build/bench/drgn.json. Ends with status 1 if they do not, or if the helpers are
not faster.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import benchlib

FLAVOR = "ppdevmem"
METHODS = {
    "bulk": "tools/drgn, in blocks",
    "careful": "plain drgn, each iov read once",
    "plain": "plain drgn, each member read",
}
ROUNDS = {"bulk": 3, "careful": 1, "plain": 1}
TIMEOUT = "900"


def make_dump(path: Path) -> None:
    """Dump a guest with a binding of a million iovs."""
    modules = benchlib.modules(FLAVOR)
    benchlib.say("a guest with a million iovs, and its dump")
    words = [benchlib.REPO / "scripts" / "vm", "--kernel", FLAVOR, "--mem", "1024"]
    words += ["--timeout", TIMEOUT, "--vmcore", path, "--"]
    words += [benchlib.REPO / "tests" / "bench" / "million.sh", modules]
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


def measure(method: str, dump: Path, vmlinux: Path) -> dict[str, Any]:
    """List in one way; return the round that took the median time."""
    script = benchlib.REPO / "tests" / "bench" / "drgn_list.py"
    rounds = []
    for _ in range(ROUNDS[method]):
        benchlib.say(METHODS[method])
        words = [sys.executable, "-B", str(script), method, str(dump), str(vmlinux)]
        output = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
        rounds.append(json.loads(output))
    rounds.sort(key=lambda result: float(result["list"]))
    median: dict[str, Any] = rounds[len(rounds) // 2]
    return median


def show(results: dict[str, dict[str, Any]]) -> str:
    """Make the table."""
    rows = []
    for method, title in METHODS.items():
        result = results[method]
        ratio = result["list"] / results["bulk"]["list"]
        each = result["list"] / result["iovs"] * 1e6
        rows.append([title, f"{result['list']:.2f}", f"{each:.2f}", f"{ratio:.1f}"])
    return benchlib.table(["way", "CPU seconds", "us per iov", "times ours"], rows)


def markdown(results: dict[str, dict[str, Any]]) -> str:
    """Write the section of the report."""
    return f"""
## Listing a dump with drgn

All {results["bulk"]["iovs"]:,} iovs of one dump, listed by drgn in three ways that must list
the same; CPU seconds on the machine that wrote this page. Run it alone by `make bench-drgn`.

{show(results)}
"""


def main() -> int:
    """Run the bench."""
    vmlinux = benchlib.kernel_directory(FLAVOR) / "vmlinux"
    with tempfile.TemporaryDirectory(dir=benchlib.REPO / "build") as directory:
        dump = Path(directory) / "vmcore"
        make_dump(dump)
        results = {method: measure(method, dump, vmlinux) for method in METHODS}
    same = len({(r["iovs"], r["checksum"]) for r in results.values()}) == 1
    faster = all(results["bulk"]["list"] < results[m]["list"] for m in ("careful", "plain"))
    record = {"unit": "CPU seconds", "iovs": results["bulk"]["iovs"], **results}
    benchlib.save("drgn", {**record, "markdown": markdown(results)})
    print(f"Listing {results['bulk']['iovs']:,} iovs of one dump:\n")
    print(show(results))
    print(f"\nall ways list the same: {'yes' if same else 'NO'}")
    return 0 if same and faster else 1


if __name__ == "__main__":
    benchlib.run(main)
