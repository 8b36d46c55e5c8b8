# SPDX-License-Identifier: GPL-2.0-or-later
"""The test files: what their headers say, and which of them a run is about."""

import fnmatch
import os
import re
from dataclasses import dataclass
from pathlib import Path

FLAVORS = ("stock-6.12", "stock-latest", "mainline", "ppdevmem", "debug")
HOST = "host"
# The demo builds one kernel, two come from the archive. Who wants more than their tests
# asks for all, or for a kernel by its name.
QUICK = ("stock-6.12", "stock-latest", "ppdevmem", HOST)

DEFAULT_TIMEOUT = 60
# Under KASAN and lockdep all takes several times as long.
SLOWER = {"debug": 4}

REPO = Path(os.environ["PPDEVMEM_REPO"])


def slowed(flavor: str, seconds: int) -> int:
    """Return how long something may take there that may take so many seconds elsewhere."""
    return seconds * SLOWER.get(flavor, 1)


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

    def on(self, flavor: str) -> bool:
        """Return whether it is for this kernel, or for the host."""
        return self.host if flavor == HOST else flavor in self.kernels

    def limit(self, flavor: str) -> int:
        """Return how many seconds it may take there."""
        return slowed(flavor, self.timeout)


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
        if elsewhere := set(flavors) - set(kernels or [HOST]):
            raise SystemExit(f"{path}: does not run where '# {name}:' says: {', '.join(elsewhere)}")
    timeout = int(header.get("timeout", DEFAULT_TIMEOUT))
    return Test(path, kernels, timeout, host, **tiers)


def select_tests(patterns: list[str]) -> list[Test]:
    """Return the tests whose name contains, or matches, one of the patterns."""
    tests = [read_test(path) for path in sorted((REPO / "tests").glob("*/*.t"))]
    if not patterns:
        return tests
    for pattern in patterns:
        if not any(_matches(test, pattern) for test in tests):
            raise SystemExit(f"no test matches '{pattern}'")
    return [test for test in tests if any(_matches(test, p) for p in patterns)]


def _matches(test: Test, pattern: str) -> bool:
    pattern = pattern.removeprefix("tests/")
    return pattern in test.name or fnmatch.fnmatch(test.name, pattern)
