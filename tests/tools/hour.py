#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What hour.t asks the tools, again and again, and knows the answers to.

Prints 'ok TEXT' or 'not TEXT' for each kind of question, and '# ...' for each wrong answer.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any, Callable

DRGN = Path(__file__).resolve().parents[2] / "tools" / "drgn" / "drgn-devmem"
LIMIT = 3
# A tool that takes longer than this on its own comes to no end
PATIENCE = 300
# What healthy.py keeps a token for
HOLD_US = 50000

Json = Any


class Wrong(Exception):
    """An answer that is not so."""


def expect(good: bool, text: str, answer: object = "") -> None:
    """It has to be so."""
    if not good:
        raise Wrong(f"{text}: {answer}")


def run(*argv: str, good: tuple[int, ...] = (0,)) -> str:
    """What a tool prints; it comes to an end, and content."""
    try:
        done = subprocess.run(argv, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise Wrong(f"{' '.join(argv)} did not end") from None
    said = done.stderr.decode(errors="replace")
    expect(done.returncode in good, f"{' '.join(argv)} ended with {done.returncode}", said)
    return done.stdout.decode()


def lines(*argv: str) -> list[Json]:
    """What a tool streams."""
    return [json.loads(line) for line in run(*argv).splitlines()]


class Hour:
    """The scene, and what is asked of it."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.wrong: collections.Counter[str] = collections.Counter()
        self.asked: collections.Counter[str] = collections.Counter()
        self.unfit: collections.Counter[str] = collections.Counter()
        self.metrics: dict[str, float] = {}
        self.healthy = int(args.healthy.read_text().split()[0])

    def reports(self) -> list[tuple[int, float]]:
        """Of the healthy reader: tokens given back, longest hold since the one before."""
        words = [line.split() for line in self.args.healthy.read_text().splitlines()]
        return [(int(w[2]), float(w[3])) for w in words if w[1:2] == ["back"] and len(w) == 4]

    def ask(self, question: Callable[[], None]) -> None:
        """Once; whether the healthy reader was healthy is seen afterwards."""
        name = question.__name__.removeprefix("ask_")
        before = self.reports()
        begin = time.monotonic()
        self.asked[name] += 1
        try:
            question()
        except (Wrong, ValueError, LookupError, OSError) as error:
            worst = max(hold for _, hold in self.reports()[len(before) - 1 :])
            if worst >= LIMIT:
                self.unfit[name] += 1
                print(f"# the healthy reader had a token for {worst} s", flush=True)
                return
            self.wrong[name] += 1
            print(f"# {name}: {error!r}"[:2000], flush=True)
        else:
            print(f"# {name}: right, after {time.monotonic() - begin:.1f} s", flush=True)

    def ask_devmemls(self) -> None:
        """The binding, and who has how much of it."""
        document = json.loads(run("devmemls", "-j"))
        for binding in document["bindings"]:
            iovs = binding["iovs"]
            for kind in ("free", "pool", "user"):
                expect(0 <= iovs[kind] <= iovs["total"], f"{kind} iovs", binding)
        (ours,) = [b for b in document["bindings"] if b["id"] == self.args.binding]
        expect(ours["queues"] == [1] and "truncated" not in ours, "the binding", ours)
        held = {t["pid"]: h["tokens"] for h in ours["holders"] for t in h["tasks"]}
        expect(held.get(self.args.leaky) == self.args.held, "the leaky reader's tokens", held)
        expect(ours["iovs"]["user"] >= self.args.held, "iovs in use", ours["iovs"])

    def ask_iovs(self) -> None:
        """Each iov once, and a word of one leads back to it."""
        document = json.loads(run("devmemls", "-j", "--iovs", "-b", str(self.args.binding)))
        (ours,) = document["bindings"]
        iovs = ours["iov_list"]
        expect([i["iov"] for i in iovs] == list(range(ours["iovs"]["total"])), "iovs", len(iovs))
        user = [i for i in iovs if i["state"] == "user"]
        expect(len(user) >= self.args.held, "iovs in use", len(user))
        word = user[0]["frag"]
        found = json.loads(run("devmemls", "-j", "--frag", word))
        expect(found["binding"] == self.args.binding, "the word's binding", found)
        expect(found["iov"] == user[0]["iov"], "the word's iov", found)

    def judge_leaks(self, leaks: list[Json]) -> None:
        """Of the scene's readers, only what is a leak is one."""
        found: dict[tuple[int, str], int] = collections.Counter()
        for leak in leaks:
            for task in leak["tasks"]:
                what = "bytes" if leak["kind"] == "unread" else "tokens"
                found[task["pid"], leak["kind"]] += leak[what]
        expect(found.get((self.args.leaky, "tokens")) == self.args.held, "the leaky one", found)
        expect((self.healthy, "tokens") not in found, "the healthy one", found)
        unread = found.get((self.args.unread, "unread"))
        expect(unread == self.args.unread_bytes, "what is unread", found)

    def ask_devmemleak(self) -> None:
        """Leaks."""
        document = json.loads(run("devmemleak", "-j", "-t", str(LIMIT), good=(1,)))
        if document["missed_tokens"] or document["unknown_tokens"]:
            print(f"# missed {document['missed_tokens']}, unknown {document['unknown_tokens']}")
            return
        self.judge_leaks(document["leaks"])

    def ask_devmemtop(self) -> None:
        """Rates that the healthy reader makes."""
        documents = lines("devmemtop", "-B", "-j", "-w", "process", "1", "4")
        expect(len(documents) == 4, "intervals", len(documents))
        rows = [r for d in documents[1:] for r in d["rows"]]
        rates = [r["get_per_second"] for r in rows if r["pid"] == self.healthy]
        expect(bool(rates) and max(r or 0 for r in rates) > 0, "the healthy one's rate", rows)
        still = [r for r in rows if r["pid"] == self.args.leaky]
        expect({r["tokens"] for r in still} == {self.args.held}, "the leaky one's tokens", still)
        expect(not any(r["get_per_second"] for r in still), "the leaky one's rate", still)

    def ask_devmemlat(self) -> None:
        """The healthy reader keeps a token for as long as it means to, now and then a bit less."""
        found = lines("devmemlat", "-j", "-p", str(self.healthy), "3", "1")
        holds = [d for d in found if d["histogram"] == "hold" and d["count"]]
        expect(bool(holds), "a histogram", found)
        early = sum(s["count"] for d in holds for s in d["slots"] if s["to_us"] <= HOLD_US)
        expect(early * 2 < sum(d["count"] for d in holds), "how long it keeps them", holds)

    def ask_devmemsnoop(self) -> None:
        """It ends when it is to, and has both ways of the healthy reader's tokens."""
        found = lines("devmemsnoop", "-j", "-d", "2", "-p", str(self.healthy))
        kinds = collections.Counter(e["event"] for e in found)
        expect(kinds["token_get"] > 0 and kinds["token_put"] > 0, "events", kinds)
        expect({e["pid"] for e in found} == {self.healthy}, "whose events", kinds)

    def ask_exporter(self) -> None:
        """Counters do not go back, and tokens are those that are held."""
        url = f"http://127.0.0.1:{self.args.exporter}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            text = answer.read().decode()
        values = {}
        for line in text.splitlines():
            if line[:1] != "#":
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        for name, value in values.items():
            if re.match(r"devmem_\w+_total\b", name):
                expect(value >= self.metrics.get(name, 0), "a counter went back", name)
        self.metrics = values
        tokens = sum(v for n, v in values.items() if re.match(r"devmem_tokens\b", n))
        expect(tokens >= self.args.held, "tokens", tokens)

    def ask_drgn(self) -> None:
        """Leaks, as a debugger sees them."""
        document = json.loads(run(str(DRGN), "leaks", str(LIMIT), "-j", good=(1,)))
        pids = {
            task["pid"]: leak["tokens"]
            for leak in document["leaks"]
            if leak["kind"] == "held"
            for task in leak["tasks"]
        }
        expect(pids.get(self.args.leaky) == self.args.held, "the leaky one", document)
        expect(self.healthy not in pids, "the healthy one", document)
        ours = [x for x in document["leaks"] if x["binding"] == self.args.binding]
        expect(all(x["kind"] != "lost" for x in ours), "nothing is lost", ours)

    def run(self) -> None:
        """Ask until the time is over, each question at least once."""
        questions = [
            self.ask_devmemls,
            self.ask_iovs,
            self.ask_devmemleak,
            self.ask_devmemtop,
            self.ask_devmemlat,
            self.ask_devmemsnoop,
            self.ask_exporter,
            self.ask_drgn,
        ]
        end = time.monotonic() + self.args.seconds
        while time.monotonic() < end or not self.asked:
            for question in questions:
                self.ask(question)
        for name, times in self.asked.items():
            right = times - self.wrong[name] - self.unfit[name]
            good = not self.wrong[name] and right > 0
            print("ok" if good else "not", f"{name}: {right} of {times} answers are right")


def main() -> None:
    """Read what is known."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--binding", type=int, required=True)
    parser.add_argument("--leaky", type=int, required=True)
    parser.add_argument("--held", type=int, required=True)
    parser.add_argument("--healthy", type=Path, required=True, help="what healthy.py says")
    parser.add_argument("--unread", type=int, required=True)
    parser.add_argument("--unread-bytes", type=int, required=True)
    parser.add_argument("--exporter", type=int, required=True, help="its port")
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    Hour(parser.parse_args()).run()


main()
