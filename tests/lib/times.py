# SPDX-License-Identifier: GPL-2.0-or-later
"""How long each test took the last time, kept in the cache from run to run."""

import json
import os
from pathlib import Path

from suite import Test

_FILE = Path(os.environ["PPDEVMEM_CACHE"]) / "test-seconds.json"
# A boot that was never timed.
_BOOT = 15.0


class Times:
    """Seconds by 'FLAVOR TEST', and of a boot by 'FLAVOR'."""

    def __init__(self) -> None:
        try:
            self._known: dict[str, float] = json.loads(_FILE.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            self._known = {}
        self._new: dict[str, float] = {}

    def of_test(self, flavor: str, test: Test) -> float:
        """Return what to expect; what never ran is expected to need all it may."""
        return self._known.get(f"{flavor} {test.name}", float(test.limit(flavor)))

    def of_boot(self, flavor: str) -> float:
        """Return what to expect of a boot."""
        return self._known.get(flavor, _BOOT)

    def record(self, what: str, seconds: float) -> None:
        """Remember how long it took this time."""
        self._new[what] = round(seconds, 1)

    def save(self) -> None:
        """Keep them for the next run. One that runs beside this one may lose a few."""
        if self._new:
            part = _FILE.with_name(f".{_FILE.name}.{os.getpid()}")
            known = Times()._known | self._new
            part.write_text(json.dumps(known, indent=0, sort_keys=True))
            part.rename(_FILE)
