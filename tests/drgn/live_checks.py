# SPDX-License-Identifier: GPL-2.0-or-later
"""What live.t checks from one process, since opening a kernel takes a while.

Prints 'ok TEXT' or 'not TEXT' for each check.
"""

import json
import logging
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPO / "tools" / "drgn"))

from drgn_devmem.document import inventory, sock_entry, word_entry  # noqa: E402
from drgn_devmem.iovs import Devmem, Word  # noqa: E402
from drgn_devmem.target import open_target  # noqa: E402

SCENE = Path("/tmp/scene")
READER, LAZY, LEAKER = (int(os.environ[name]) for name in ("reader", "lazy", "leaker"))
# That there is no debugging information is no news on Debian's kernels
logging.getLogger("drgn").setLevel(logging.CRITICAL)
PROG = open_target()


def check(text: str, good: bool, why: Any = "") -> None:
    """Print the result of a check."""
    if not good:
        print(f"# {text}: {why}")
    print("ok" if good else "not", text, flush=True)


def wait_for(condition: Callable[[], bool]) -> bool:
    """Poll until a condition holds, for two minutes at most."""
    end = time.monotonic() + 120
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def take_ages(document: dict[str, Any]) -> list[float | None]:
    """Remove what goes on while one looks; return the ages."""
    for binding in document["bindings"]:
        if not binding["iovs"]["free"]:
            del binding["exhausted"]
    holders = [holder for b in document["bindings"] for holder in b["holders"]]
    return [holder.pop("oldest_seconds") for holder in holders]


def check_inventory(devmem: Devmem) -> None:
    """The same as devmemls says, which was asked first."""
    theirs = json.loads((SCENE / "devmemls.json").read_text())
    ours = inventory(devmem, devmem.bindings)
    pairs = list(zip(take_ages(theirs), take_ages(ours)))
    check("the inventory is that of devmemls", ours == theirs, f"{ours} != {theirs}")
    if devmem.layout.counts_tokens:
        good = all(a is not None and b is not None and a <= b < a + 300 for a, b in pairs)
        check("tokens are as old as devmemls says, and a little more", good, pairs)
    else:
        check("no tool makes up an age", set(pairs) == {(None, None)}, pairs)
    check("three bindings", len(ours["bindings"]) == 3, ours)
    memory = devmem.memory
    check("no read failed", not memory.faults and not memory.inconsistent, vars(memory))


def check_iovs(devmem: Devmem) -> None:
    """Iovs one by one add up to what the inventory says."""
    for binding in devmem.bindings:
        rows = [row for block in devmem.iov_blocks(binding) for row in block.rows()]
        states = Counter(row.state for row in rows)
        user = devmem.users(binding)
        want = {"free": binding.free, "pool": binding.total - binding.free - user, "user": user}
        check(f"iovs of queue {binding.queues} by state", states == Counter(want), states)
        offsets = [row.offset for row in rows]
        check("their offsets", offsets == list(range(0, binding.total * 4096, 4096)), offsets)
        check("their DMA addresses differ", len({row.dma for row in rows}) == len(rows))
        refs = all(row.refs >= max(1, row.tokens) for row in rows if row.state != "free")
        check("each token is a reference", refs)


def binding_on(devmem: Devmem, queue: int) -> Any:
    """The binding of a queue."""
    return next(b for b in devmem.bindings if queue in b.queues)


def in_place(devmem: Devmem, queue: int, where: str) -> list[int]:
    """Addresses of a queue's iovs that are somewhere."""
    blocks = devmem.iov_blocks(binding_on(devmem, queue))
    rows = [row for block in blocks for row in block.rows()]
    return [row.address for row in rows if where in (row.state, row.place)]


def check_places(devmem: Devmem) -> None:
    """What is unread, what is held, and that nothing is left for the leaker."""
    socks = {sock.tasks[0].pid: sock for sock in devmem.sockets.all if sock.tasks}
    check("all three readers have sockets", set(socks) == {READER, LAZY, LEAKER}, socks)
    lazy = sock_entry(devmem, socks[LAZY])["unread"]
    unread = in_place(devmem, 2, "skb")
    check("unread iovs are those of the skbs", len(unread) == lazy["iovs"] > 0, lazy)
    check("all that was sent is unread", lazy["bytes"] == 32768, lazy)
    check("the reader holds 100 iovs", len(in_place(devmem, 1, "user")) == 100)
    posted = len(in_place(devmem, 1, "posted"))
    check("some are posted", posted > 0, posted)
    leaked = binding_on(devmem, 3)
    check("nothing is free for the leaker", leaked.free == 0, leaked.free)
    exhausted = leaked.counters["exhausted"]
    check("and that was counted", exhausted is None or exhausted > 0, exhausted)
    skb = devmem.sockets.skb(lazy["skbs"][0])
    words = [frag.word for frag in skb.all_frags()] if skb else []
    check("the skb's frags are iovs", set(words) <= {at | 1 for at in unread} and bool(words))


def plant(devmem: Devmem) -> dict[str, int]:
    """Words of all kinds."""
    vmemmap = devmem._vmemmap() or 0
    return {
        "page": vmemmap + 64 * 4096,
        "user": in_place(devmem, 1, "user")[0] | 1,
        "free": in_place(devmem, 1, "free")[0] | 1,
        "skb": in_place(devmem, 2, "skb")[0] | 1,
        "untagged": in_place(devmem, 1, "user")[0],
        "inside": in_place(devmem, 1, "user")[0] + 9,
        "garbage": 0x123456789ABCDEF1,
    }


def check_words(devmem: Devmem, words: dict[str, int]) -> None:
    """Each is recognised for what it is."""

    def decode(name: str) -> Word:
        return devmem.decode(words[name])

    page = decode("page")
    check("a page", (page.kind, page.pfn) == ("page", 4096), page)
    user = word_entry(devmem, decode("user"))
    pids = [task["pid"] for holder in user["holders"] for task in holder["tasks"]]
    check("an iov, and who holds it", (user["kind"], pids) == ("iov", [READER]), user)
    for name, state in (("free", "free"), ("skb", "pool")):
        iov = decode(name).iov
        check(f"an iov, {name}", iov is not None and iov.state == state, iov)
    check("an iov without its tag", "without the tag" in decode("untagged").note)
    check("a word that points into an iov", decode("inside").kind == "garbage")
    check("tagged garbage", decode("garbage").kind == "gone")


def check_unbound(words: dict[str, int]) -> None:
    """A binding that was let go of is found as long as a reader holds it."""
    os.kill(READER, signal.SIGUSR2)
    unbound = wait_for(lambda: "unbound binding" in (SCENE / "1.log").read_text())
    check("the reader unbinds its queue", unbound)
    devmem = Devmem(PROG)
    word = devmem.decode(words["user"])
    found = word.binding is not None and word.binding.unbound
    check("a held iov of the unbound binding is still found", found, word)
    holders = word_entry(devmem, word)["holders"]
    check("and its holder", [h["iovs"] for h in holders] == [100], holders)


def check_gone(words: dict[str, int]) -> None:
    """When the last reader is gone the binding is, and the word means nothing."""
    os.kill(READER, signal.SIGKILL)
    gone = wait_for(lambda: Devmem(PROG).decode(words["user"]).kind == "gone")
    check("an iov of a binding that is gone", gone)


def main() -> None:
    """Run all checks."""
    devmem = Devmem(PROG)
    check_inventory(devmem)
    check_iovs(devmem)
    check_places(devmem)
    words = plant(devmem)
    check_words(devmem, words)
    check_unbound(words)
    check_gone(words)


main()
