#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bindings, sockets, processes and devices that come and go, until SIGTERM.

Beside the scene of hour.t: bindings on queues 2 and 3 of dms0 in namespace rx, readers and
connections on ports 5204 and 5205, which have queue 1, and a pair of devices of its own, which
is deleted while it is bound. Says "seed N" first; at last, how often it did what.
"""

import collections
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
SIZES = ("256K", "1M", "4M")
done: collections.Counter[str] = collections.Counter()
stop = False


def in_ns(name: str, *argv: str) -> list[str]:
    """A command in a network namespace."""
    return ["nsenter", f"--net=/run/netns/{name}", *argv]


def start(argv: list[str]) -> subprocess.Popen[bytes]:
    """Run it in the background, in a group of its own."""
    null = subprocess.DEVNULL
    return subprocess.Popen(argv, stdout=null, stderr=null, start_new_session=True)


def run(*argv: str) -> bool:
    """Run it to its end, or for as long as one can wait for it."""
    process = start(["timeout", "-s", "KILL", "60", *argv])
    return process.wait() == 0


def end(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """End it and its children."""
    try:
        os.killpg(process.pid, how)
        process.wait(timeout=20)
    except ProcessLookupError:
        process.wait()
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def some_time(rng: random.Random) -> None:
    """Let it be for a while."""
    time.sleep(rng.choice((0.01, 0.1, 0.5, 2.0)))


def bindings(rng: random.Random, queue: int) -> None:
    """One that nobody uses, or several, one after the other."""
    argv = ["devmemcat", "--bind-only", "-i", "dms0", "-q", str(queue), "-S", rng.choice(SIZES)]
    if rng.random() < 0.3:
        argv += ["--count", "10"]
    process = start(in_ns("rx", *argv))
    some_time(rng)
    end(process, rng.choice((signal.SIGKILL, signal.SIGTERM)))
    done["bindings"] += 1


def readers(rng: random.Random) -> None:
    """Some that keep what they get, and are killed with it."""
    argv = [str(HERE / "reader.py"), "--hold", str(rng.randrange(40))]
    if rng.random() < 0.3:
        argv.append("--unread")
    reader = start(in_ns("rx", *argv, "5204", "3"))
    some_time(rng)
    senders = [start(in_ns("tx", "devmemcat", "-n", "50000", "10.0.0.1", "5204")) for _ in range(3)]
    some_time(rng)
    for process in rng.sample([reader, *senders], 4):
        end(process, signal.SIGKILL)
    done["readers"] += 1


def short(rng: random.Random) -> None:
    """Connections that bring a message each, half of which close with their tokens."""
    if run(str(HERE / "shortlived.py"), "5205", str(rng.randrange(1, 50))):
        done["short connections"] += 1


def devices(rng: random.Random) -> None:
    """A pair that is deleted while it is bound, or before."""
    make = "ip link add chn0 numrxqueues 2 numtxqueues 2 type devmemsim && ip link set chn0 up"
    if not run(*in_ns("churn", "sh", "-c", f"{make} && ethtool -G chn0 tcp-data-split on")):
        run(*in_ns("churn", "ip", "link", "del", "chn0"))
        return
    bind = in_ns("churn", "devmemcat", "--bind-only", "-i", "chn0", "-q", "1", "-S", "1M")
    process = start(bind)
    some_time(rng)
    run(*in_ns("churn", "ip", "link", "del", "chn0"))
    end(process, signal.SIGTERM)
    done["devices"] += 1


def worker(seed: int, what: Callable[[random.Random], None]) -> None:
    """Do it again and again."""
    rng = random.Random(seed)
    while not stop:
        what(rng)
    print("did", dict(done), flush=True)
    sys.exit(0 if done else 1)


def on_term(*_: object) -> None:
    """End after what is being done."""
    global stop  # pylint: disable=global-statement
    stop = True


def main() -> None:
    """One process for each kind."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
    print("seed", seed, flush=True)
    signal.signal(signal.SIGTERM, on_term)
    subprocess.run(["ip", "netns", "add", "churn"], check=False)
    kinds: list[Callable[[random.Random], None]] = [
        lambda rng: bindings(rng, 2),
        lambda rng: bindings(rng, 3),
        readers,
        short,
        devices,
    ]
    pids = []
    for number, kind in enumerate(kinds):
        pid = os.fork()
        if pid == 0:
            worker(seed + number, kind)
        pids.append(pid)
    while not stop:
        signal.pause()
    for pid in pids:
        os.kill(pid, signal.SIGTERM)
    failed = [pid for pid in pids if os.waitpid(pid, 0)[1]]
    subprocess.run(["ip", "netns", "del", "churn"], check=False)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
