# SPDX-License-Identifier: GPL-2.0-or-later
"""Run tests one after the other, in the guest, and stream what happens.

Prints one JSON object per line: that it is ready for a test, each line that the test
prints, and how it ended, with what the kernel had to complain meanwhile. Each line of
standard input is the answer to 'ready': PATH:SECONDS, or nothing at the end. The host
counts; a guest that dies loses nothing. A guest in which something went wrong runs no
further test.
"""

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import leftovers
import oracles
import splat

CGROUP = Path("/sys/fs/cgroup/test")
# How long device memory may take to be gone after the test that had it, at most.
DRAIN_SECONDS = 180


def emit(event: str, **fields: Any) -> None:
    """Tell the host."""
    print(json.dumps({"event": event, **fields}), flush=True)


class KernelLog:
    """What the kernel says from now on."""

    def __init__(self) -> None:
        self._fd = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self._fd, 0, os.SEEK_END)

    def read(self) -> list[str]:
        """Return the lines since the last call."""
        lines: list[str] = []
        while True:
            try:
                record = os.read(self._fd, 8192).decode(errors="replace")
            except BlockingIOError:
                return lines
            except BrokenPipeError:
                lines.append("(kernel messages were lost here)")
                continue
            head, _, text = record.partition(";")
            seconds = int(head.split(",")[2]) / 1e6
            lines.append(f"[{seconds:12.6f}] {text.splitlines()[0]}")


def kill_all() -> None:
    """End every process that the test started."""
    (CGROUP / "cgroup.kill").write_text("1")
    while "populated 1" in (CGROUP / "cgroup.events").read_text():
        time.sleep(0.05)


def start(path: str) -> subprocess.Popen[bytes]:
    """Start a test in the cgroup."""
    enter = f'echo $$ >{CGROUP}/cgroup.procs && exec "$0"'
    return subprocess.Popen(
        ["sh", "-c", enter, path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def relay(child: subprocess.Popen[bytes], deadline: float) -> bool:
    """Pass on the test's lines until it ends; return whether it did in time."""
    assert child.stdout and child.stderr
    selector = selectors.DefaultSelector()
    selector.register(child.stdout, selectors.EVENT_READ, "out")
    selector.register(child.stderr, selectors.EVENT_READ, "err")
    partial = {"out": b"", "err": b""}
    while selector.get_map():
        events = selector.select(0.2)
        if not events:
            if time.monotonic() > deadline:
                return False
            if child.poll() is not None:
                break  # what it left running holds the pipes
        for key, _ in events:
            data = os.read(key.fd, 65536)
            if not data:
                selector.unregister(key.fileobj)
            *lines, partial[key.data] = (partial[key.data] + data).split(b"\n")
            for line in lines:
                emit(key.data, text=line.decode(errors="replace"))
        if time.monotonic() > deadline:
            return False
    for name, rest in partial.items():
        if rest:
            emit(name, text=rest.decode(errors="replace"))
    return True


def run(path: str, seconds: int, log: KernelLog) -> bool:
    """Run one test; return whether the guest is as good as before."""
    oracles.rearm()
    begin = time.monotonic()
    child = start(path)
    in_time = relay(child, begin + seconds)
    if in_time:
        try:
            child.wait(max(1.0, begin + seconds - time.monotonic()))
        except subprocess.TimeoutExpired:
            in_time = False
    if not in_time:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            pass
    kill_all()
    status = child.wait()
    complaint = splat.find(log.read())
    harm = [f"{name} no longer looks for mistakes" for name in oracles.dead()]
    if oracles.tainted() and not complaint:
        harm.append("the kernel is tainted, although it did not complain")
    if not harm and not complaint and (left := leftovers.wait(DRAIN_SECONDS)):
        harm.append(f"{left} dma-bufs are left of it")
    emit(
        "end",
        status=status,
        timeout=not in_time,
        seconds=round(time.monotonic() - begin, 1),
        splat=complaint,
        harm=harm,
    )
    return in_time and not complaint and not harm


def main() -> None:
    """Run tests until there is none, or until one has spoilt the guest."""
    CGROUP.mkdir(exist_ok=True)
    os.chdir(os.environ["PPDEVMEM_REPO"])
    if dead := oracles.dead():
        emit("unfit", why=f"without {', '.join(dead)} from the start")
        return
    oracles.spare()
    log = KernelLog()
    good = True
    while good:
        emit("ready")
        match = re.fullmatch(r"(.+):(\d+)\n", sys.stdin.readline())
        if not match:
            break
        good = run(os.path.abspath(match[1]), int(match[2]), log)
    emit("finished")


if __name__ == "__main__":
    main()
