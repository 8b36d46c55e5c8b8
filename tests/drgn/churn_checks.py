# SPDX-License-Identifier: GPL-2.0-or-later
"""What churn.t checks from one process, since opening a kernel takes a while.

Prints 'ok TEXT' or 'not TEXT' for each check.
"""

import logging
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPO / "tools" / "drgn"))

from drgn_devmem.findings import Finding, find_leaks  # noqa: E402
from drgn_devmem.iovs import Devmem  # noqa: E402
from drgn_devmem.target import open_target  # noqa: E402

SCENE = Path("/tmp/churn")
LIMIT = 1.0
ROUNDS = 3
# A guest whose host is busy may stand still for longer than the limit
TRIES = 9


def reports() -> list[tuple[int, int, float]]:
    """What the healthy reader said: its pid, tokens given back, longest hold since then."""
    lines = [line.split() for line in (SCENE / "healthy").read_text().splitlines()]
    return [
        (int(w[0]), int(w[2]), float(w[3])) for w in lines if w[1:2] == ["back"] and len(w) == 4
    ]


def pids_of(findings: list[Finding], kind: str) -> set[int]:
    """Processes that are named."""
    named = [f.holding.tasks for f in findings if f.kind == kind and f.holding]
    return {task.pid for tasks in named for task in tasks}


def check(text: str, good: bool, why: object = "") -> None:
    """Print the result of a check."""
    if not good:
        print(f"# {text}: {why}")
    print("ok" if good else "not", text, flush=True)


def main() -> None:
    """Look several times."""
    logging.getLogger("drgn").setLevel(logging.CRITICAL)
    logging.getLogger("devmem").setLevel(logging.ERROR)
    prog = open_target()
    (leaker,) = {
        int(line.split()[0])
        for line in (SCENE / "leaker").read_text().splitlines()
        if line.endswith("held 50")
    }
    rounds = 0
    for _ in range(TRIES):
        before = reports()
        devmem = Devmem(prog)
        findings = find_leaks(devmem, LIMIT)
        after = reports()
        healthy, given, _ = after[-1]
        worst = max(hold for _, _, hold in after[max(0, len(before) - 1) :])
        print(f"# {given - before[-1][1]} tokens came back, the slowest after {worst} s")
        print("# " + "; ".join(f"{f.kind}: {f.what} for {f.seconds}" for f in findings))
        named = pids_of(findings, "held")
        check("the leaker is named", leaker in named, named)
        held = [f.tokens for f in findings if f.holding and leaker in pids_of([f], "held")]
        check("with the tokens that it keeps", held == [50], held)
        if worst >= LIMIT or given == before[-1][1]:
            print("# the healthy reader was not so healthy this time")
            continue
        check("the healthy reader is not", healthy not in named, named)
        kinds = {f.kind for f in findings} - {"held"}
        check("nothing is lost, unbound or stalled", not kinds, kinds)
        rounds += 1
        if rounds == ROUNDS:
            break
    check(f"{ROUNDS} rounds", rounds == ROUNDS, rounds)


main()
