#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
# host
# soak: host
# timeout: 10800
#
# Every scene on Debian's kernels, some of which kill the guest or hurt it; those that follow
# get a new one. Then docs/hazards.md is written. Arguments, which the harness does not give:
# --kernel FLAVOR, and the names of scenes (FILE/SCENE, or FILE).
"""Run scenes in guests and note what became of the guest."""

import argparse
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
SCENES = REPO / "tests" / "hazards"
RESULTS = REPO / "build" / "out" / "hazards"
STOCK = ("stock-6.12", "stock-latest")
BOOT_SECONDS, SCENE_SECONDS = 240, 60
SPLAT, TIMEOUT, BROKEN, NOT_IN_ARCHIVE = 99, 124, 125, 3


def scenes(patterns: list[str]) -> list[str]:
    """Return the names of the scenes that begin with one of the patterns."""
    names = []
    for path in sorted(SCENES.glob("*.t")):
        if "\nrun_scenes " not in path.read_text(encoding="utf-8"):
            continue
        env = {**os.environ, "PPDEVMEM_REPO": str(REPO)}
        listed = subprocess.run(
            [str(path), "--list"], env=env, stdout=subprocess.PIPE, text=True, check=True
        )
        names += [line.split("\t")[0] for line in listed.stdout.splitlines()]
    if not patterns:
        return names
    return [n for n in names if any(n == p or n.startswith(f"{p}/") for p in patterns)]


def noted(flavor: str) -> list[dict[str, str]]:
    """Return what the scenes left, in its order; without an outcome when one began."""
    path = RESULTS / f"{flavor}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def note(flavor: str, scene: str, outcome: str, why: str) -> None:
    """Write down what the scene itself could not."""
    line = {"scene": scene, "kernel": "", "outcome": outcome, "why": why}
    with open(RESULTS / f"{flavor}.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def died_in(log: str) -> str:
    """Return the function in which the kernel died, as its console says."""
    fatal = re.search(r"(?:BUG: |Oops: |general protection|kernel BUG at)", log)
    place = re.search(r"RIP: 0010:([A-Za-z0-9_.]+)\+0x", log[fatal.start() :] if fatal else log)
    return place[1] if place else ""


def warned_in(log: str) -> str:
    """Return the function that a warning is about."""
    place = re.search(r"WARNING: .*?([A-Za-z0-9_.]+)\+0x", log)
    return place[1] if place else ""


def boot(flavor: str, todo: list[str]) -> tuple[int, str]:
    """Run scenes of one file in a guest, until one hurts it; return its status and output."""
    file = todo[0].split("/")[0]
    names = [scene.split("/")[1] for scene in todo]
    log = REPO / "build" / "hazards" / f"{flavor}-{file}-{names[0]}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    seconds = BOOT_SECONDS + SCENE_SECONDS * len(names)
    argv = [str(REPO / "scripts/vm"), "--kernel", flavor, "--timeout", str(seconds), "--"]
    with open(log, "wb") as sink:
        status = subprocess.run(
            [*argv, f"tests/hazards/{file}.t", "--unhurt", *names],
            cwd=REPO,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    return status, log.read_text(encoding="utf-8", errors="replace")


def judge(flavor: str, begun: list[dict[str, str]], status: int, log: str) -> None:
    """Note what became of the guest, as far as the last scene could not."""
    last = begun[-1]
    if status == TIMEOUT:
        note(flavor, last["scene"], "hang", "")
    elif status in (SPLAT, BROKEN) and not last["outcome"]:
        note(flavor, last["scene"], "panic", died_in(log))
    elif status == SPLAT and last["outcome"] != "WARN":
        note(flavor, last["scene"], "WARN", warned_in(log))


def run(flavor: str, todo: list[str]) -> dict[str, str]:
    """Run scenes of one file, in as many guests as they need; return what happened in each."""
    happened: dict[str, str] = {}
    while todo:
        before = len(noted(flavor))
        status, log = boot(flavor, todo)
        if status == NOT_IN_ARCHIVE:
            return {scene: "not in the archive" for scene in todo}
        begun = [seen for seen in noted(flavor)[before:] if seen["scene"] in todo]
        if not begun:
            print(f"# {flavor} {todo[0]}: no guest, status {status}: {log[-2000:]}", flush=True)
            return happened
        judge(flavor, begun, status, log)
        seen = [line for line in noted(flavor)[before:] if line["scene"] in todo]
        happened |= {line["scene"]: line["outcome"] for line in seen}
        todo = [scene for scene in todo if scene not in happened]
    return happened


def main() -> int:
    """Run them all, two guests at a time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kernel", action="append", choices=STOCK)
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count())
    parser.add_argument("scene", nargs="*")
    args = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    wanted = scenes(args.scene)
    files = sorted({scene.split("/")[0] for scene in wanted})
    jobs = [
        (flavor, [scene for scene in wanted if scene.startswith(f"{file}/")])
        for file in files
        for flavor in args.kernel or STOCK
    ]
    failed = number = 0
    with ThreadPoolExecutor(args.jobs) as pool:
        for (flavor, todo), happened in zip(jobs, pool.map(lambda job: run(*job), jobs)):
            for number, scene in enumerate(todo, number + 1):
                failed += not happened.get(scene)
                word = "ok" if happened.get(scene) else "not ok"
                what = happened.get(scene) or "no result"
                print(f"{word} {number} - {flavor} {scene}: {what}", flush=True)
    if not args.scene:
        number += 1
        written = subprocess.run([str(SCENES / "page.py")], check=False).returncode
        failed += written
        print(f"{'not ok' if written else 'ok'} {number} - docs/hazards.md is written")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
