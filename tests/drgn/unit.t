#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# timeout: 300
#
# Runs test_*.py, a point for each of their tests.

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent.parent / "tools" / "drgn")]


class Tap(unittest.TestResult):
    """Prints the Test Anything Protocol."""

    def _point(self, test: unittest.TestCase, directive: str, text: str) -> None:
        print(f"{'not ok' if text else 'ok'} - {test.id()}{directive}", flush=True)
        if text:
            print("# " + text.rstrip().replace("\n", "\n# "), file=sys.stderr)

    def stopTest(self, test: unittest.TestCase) -> None:
        """Judge a test, with all of its subtests."""
        super().stopTest(test)
        results = self.failures + self.errors
        # A subtest's name is the test's and what it was about
        bad = [text for case, text in results if f"{case.id()} ".startswith(f"{test.id()} ")]
        skipped = "".join(f" # SKIP {why}" for case, why in self.skipped if case is test)
        self._point(test, skipped, "\n".join(bad))


def main() -> int:
    """Run all tests; return the exit status."""
    suite = unittest.defaultTestLoader.loadTestsFromNames(["test_drgn", "test_kinds", "test_reach"])
    count = suite.countTestCases()
    result = Tap()
    suite.run(result)
    for text in [text for _, text in result.errors if result.testsRun < count]:
        print(text, file=sys.stderr)
    print(f"1..{count}")
    return 0 if result.wasSuccessful() else 1


sys.exit(main())
