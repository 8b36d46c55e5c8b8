#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
"""What counts as a kernel splat, and how test results are counted."""

import splat
from tap import Report

COMPLAINTS = """\
[    4.538431] Kernel panic - not syncing: Attempted to kill init!
[    1.000000] ------------[ cut here ]------------
[    1.000000] WARNING: CPU: 1 PID: 77 at net/core/dev.c:1 f+0x1/0x2
[   12.345678] WARNING: net/core/dev.c:1 at f+0x1/0x2, CPU#1: sh/77
[    1.000000] WARNING: possible circular locking dependency detected
[    1.000000] WARNING: suspicious RCU usage
[    1.000000] BUG: KASAN: slab-use-after-free in f+0x1/0x2
[    1.000000] BUG: sleeping function called from invalid context at mm/x.c:1
[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000
[    1.000000] [ BUG: Invalid wait context ]
[    1.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [sh:1]
[    1.000000] Oops: 0002 [#1] PREEMPT SMP
[    1.000000] Oops: general protection fault, probably for non-canonical address
[    1.000000] refcount_t: underflow; use-after-free.
[    1.000000] UBSAN: array-index-out-of-bounds in x.c:1:2
[    1.000000] INFO: task sh:77 blocked for more than 120 seconds.
[    1.000000] rcu: INFO: rcu_preempt self-detected stall on CPU
[    1.000000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
[    1.000000] INFO: rcu_tasks detected stalls on tasks:
[    1.000000] list_del corruption. prev->next should be
[    1.000000] ODEBUG: free active (active state 0) object
[    1.000000][  T123] WARNING: CPU: 1 PID: 77 at net/core/dev.c:1 f+0x1/0x2
[    1.000000] unregister_netdevice: waiting for dms0 to become free. Usage count = 2
unreferenced object 0xffff888003b4c000 (size 64):
"""

HARMLESS = """\
[    0.100000] Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on
[    0.100000] Linux version 6.12.117 (debug@host)
[    0.100000] BUGS: none
[    0.100000] page_pool_release_retry() stalled pool shutdown: id 1, 1 inflight 60 sec
[    0.100000] systemd[1]: WARNING: is a word
[    0.100000] rcu: Hierarchical RCU implementation.
[    0.100000] kmemleak: Kernel memory leak detector initialized
"""


class Tap:
    """Print test points."""

    def __init__(self) -> None:
        self.count = 0
        self.failed = 0

    def ok(self, passed: bool, description: str) -> None:
        """Print one."""
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {description}")


def report(text: str, status: int) -> tuple[int, int, int]:
    """Return passed, failed and skipped of a test that printed this."""
    result = Report()
    for line in text.splitlines():
        result.feed(line)
    result.finish(status)
    return result.passed, len(result.failed), len(result.skipped)


def main() -> None:
    """Check both."""
    tap = Tap()
    for line in COMPLAINTS.splitlines():
        tap.ok(splat.is_splat(line), f"a splat: {line.replace('#', '')}")
    for line in HARMLESS.splitlines():
        tap.ok(not splat.is_splat(line), f"no splat: {line}")
    found = splat.find(HARMLESS.splitlines() + COMPLAINTS.splitlines())
    tap.ok(found[0].endswith("kill init!"), "the first splat comes first")
    tap.ok(splat.find(HARMLESS.splitlines()) == [], "nothing is found in a clean log")

    tap.ok(report("ok 1 - a\n1..1\n", 0) == (1, 0, 0), "one that passes")
    tap.ok(report("ok 1 - a\nnot ok 2 - b\n1..2\n", 1) == (1, 1, 0), "one that fails")
    tap.ok(report("ok 1 - a # SKIP no luck\n1..1\n", 0) == (0, 0, 1), "one that skips")
    tap.ok(report("1..0 # SKIP no kernel\n", 0) == (0, 0, 1), "one that skips all")
    tap.ok(report("ok 1 - a\n", 0)[1] == 1, "no plan is a failure")
    tap.ok(report("", 0)[1] == 1, "nothing printed is a failure")
    tap.ok(report("ok 1 - a\n1..2\n", 0)[1] == 1, "a point that is missing is a failure")
    tap.ok(report("ok 1 - a\n1..1\n", 139)[1] == 1, "a crash at the end is a failure")
    tap.ok(report("ok 1 - a\nok 3 - b\n1..2\n", 0)[1] == 1, "a wrong number is a failure")
    tap.ok(report("ok 1 - a\nBail out! no\n1..1\n", 255)[1] == 1, "bailing out is a failure")
    print(f"1..{tap.count}")
    raise SystemExit(tap.failed > 0)


if __name__ == "__main__":
    main()
