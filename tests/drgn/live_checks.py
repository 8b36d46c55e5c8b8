# SPDX-License-Identifier: GPL-2.0-or-later
"""What live.t checks from one process, since opening a kernel takes a while.

Prints 'ok TEXT' or 'not TEXT' for each check.
"""

import json
import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPO / "tools" / "drgn"))

from drgn_devmem.document import inventory, sock_entry, word_entry  # noqa: E402
from drgn_devmem.findings import find_leaks  # noqa: E402
from drgn_devmem.iovs import Devmem, Word  # noqa: E402
from drgn_devmem.target import open_target  # noqa: E402

SCENE = Path("/tmp/scene")
STATES = ("free", "pool", "user")
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
    end = time.monotonic() + 300
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def poke_cpus() -> None:
    """Call that of net.sh, for skbs that wait on a CPU to be freed."""
    script = '. "$PPDEVMEM_REPO/tests/lib/net.sh" && poke_cpus'
    subprocess.run(["bash", "-c", script], check=True)


def no_bindings() -> bool:
    """Return whether all are gone."""
    poke_cpus()
    return not Devmem(PROG).bindings


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
        free = binding.free or 0
        want = {"free": free, "pool": binding.total - free - user, "user": user}
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
    out = len(in_place(devmem, 1, "out"))
    check("some are out: posted", out > 0, out)
    leaked = binding_on(devmem, 3)
    check("nothing is free for the leaker", leaked.free == 0, leaked.free)
    exhausted = leaked.counters["exhausted"]
    check("and that was counted", exhausted is None or exhausted > 0, exhausted)
    skb = devmem.sockets.skbs.skb(lazy["skbs"][0])
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

    def is_gone() -> bool:
        poke_cpus()
        return Devmem(PROG).decode(words["user"]).kind == "gone"

    os.kill(READER, signal.SIGKILL)
    gone = wait_for(is_gone)
    check("an iov of a binding that is gone", gone)


def in_netns(name: str, script: str) -> "subprocess.Popen[bytes]":
    """Start a shell in a namespace, and what it starts in a process group of its own."""
    words = ["nsenter", f"--net=/run/netns/{name}", "sh", "-c", script]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(words, stdout=quiet, stderr=quiet, start_new_session=True)


def look() -> Counter[int | None]:
    """Look at everything; return the bindings' ids, each once for each that is unsound."""
    devmem = Devmem(PROG)
    json.dumps(inventory(devmem, devmem.bindings))
    found: Counter[int | None] = Counter()
    for binding in devmem.bindings:
        rows = [row for block in devmem.iov_blocks(binding) for row in block.rows()]
        sound = len(rows) <= binding.total and all(row.state in STATES for row in rows)
        found[binding.id] = int(not sound)
    for sock in devmem.sockets.all:
        json.dumps(sock_entry(devmem, sock))
    find_leaks(devmem, 0)
    memory = devmem.memory
    print(f"# {len(found)} bindings, {memory.faults} faults, {memory.inconsistent} inconsistent")
    return found


def check_churn() -> None:
    """Bindings, pools and sockets come and go while they are looked at."""
    for pid in LAZY, LEAKER:
        os.kill(pid, signal.SIGKILL)
    check("all bindings are gone", wait_for(no_bindings))
    churn = [
        in_netns("rx", "devmemcat --bind-only -i dms0 -q 1 -S 1M --count=1000000"),
        in_netns("rx", "devmemcat -l -i dms0 -q 2 -S 1M --discard --accept=0 5202"),
        in_netns("tx", "while :; do devmemcat -n 64K 10.0.0.1 5202; done"),
    ]
    looks: list[Counter[int | None]] = []
    end = time.monotonic() + 300
    try:
        # Not every look meets a binding that lives for some milliseconds
        while len(looks) < 6 or len(set().union(*looks)) < 4:
            looks.append(look())
            if time.monotonic() > end:
                break
        good = time.monotonic() <= end
    except Exception:  # what no look may end with
        good = False
        print("# " + traceback.format_exc().replace("\n", "\n# "))
    check("looked at while bindings come and go", good, looks)
    check("what was seen is sound", not any(found.total() for found in looks), looks)
    for process in churn:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    check("then all are gone", wait_for(no_bindings))
    memory = Devmem(PROG).memory
    check("and nothing is out of order", not memory.faults and not memory.inconsistent)


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
    check_churn()


main()
