# SPDX-License-Identifier: GPL-2.0-or-later
"""What kinds.t checks from one process, since opening a kernel takes a while.

Prints 'ok TEXT' or 'not TEXT' for each check.
"""

import contextlib
import io
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPO / "tools" / "drgn"))

from drgn_devmem import cli, text  # noqa: E402
from drgn_devmem.document import inventory, sock_entry, word_entry  # noqa: E402
from drgn_devmem.iovs import Devmem  # noqa: E402
from drgn_devmem.target import open_target  # noqa: E402

SCENE = Path("/tmp/kinds")
IN_FLIGHT, REGISTERED, UNACCEPTED = (
    int(os.environ[name]) for name in ("in_flight", "registered", "unaccepted")
)
HOLDING, BUSY, SENDING = (int(os.environ.get(name, 0)) for name in ("holding", "busy", "sending"))
HOLD = 7
# That there is no debugging information is no news on Debian's kernels
logging.getLogger("drgn").setLevel(logging.CRITICAL)
PROG = open_target()


def check(what: str, good: bool, why: Any = "") -> None:
    """Print the result of a check."""
    if not good:
        print(f"# {what}: {why}")
    print("ok" if good else "not", what, flush=True)


def steady(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Entries of what stands still, without what goes on while one looks."""
    entries = [entry for entry in document["bindings"] if entry["queues"] != [5]]
    for entry in entries:
        for holder in entry["holders"]:
            del holder["oldest_seconds"]
    return entries


def check_document(document: dict[str, Any]) -> None:
    """What devmemls said before."""
    theirs = json.loads((SCENE / "devmemls.json").read_text())
    ours, other = steady(document), steady(theirs)
    check("the inventory is that of devmemls", ours == other, f"{ours} != {other}")


def on_queue(document: dict[str, Any], queue: int) -> dict[str, Any]:
    """The entry of a queue."""
    found: dict[str, Any] = next(e for e in document["bindings"] if e["queues"] == [queue])
    return found


def check_reach(document: dict[str, Any]) -> None:
    """Who can get at what holds tokens, without a descriptor of it."""
    for queue, pid, how in ((1, IN_FLIGHT, "in_flight"), (2, REGISTERED, "registered")):
        holders = on_queue(document, queue)["holders"]
        found = [(h["tokens"], [(t["pid"], t["how"]) for t in h["tasks"]]) for h in holders]
        check(f"a socket, {how}", found == [(HOLD, [(pid, how)])], holders)
        (task,) = holders[0]["tasks"]
        fd = os.readlink(f"/proc/{pid}/fd/{task['fd']}")
        want = "anon_inode:[io_uring]" if how == "registered" else "socket:"
        check(f"and the descriptor that it hangs on, {how}", fd.startswith(want), fd)


def check_unaccepted(devmem: Devmem) -> None:
    """A connection that waits for a listener, with what it was sent."""
    entries = [sock_entry(devmem, sock) for sock in devmem.sockets.all]
    found = [entry for entry in entries if entry["local"] == "10.0.0.1:5203"]
    tasks = [(t["pid"], t["how"]) for entry in found for t in entry["tasks"]]
    check("a connection that nobody accepted", tasks == [(UNACCEPTED, "unaccepted")], found)
    check("what it was sent is unread", [e["unread"]["bytes"] for e in found] == [32768], found)


def check_uring(devmem: Devmem, document: dict[str, Any]) -> None:
    """Buffers that the user of io_uring holds."""
    entry = on_queue(document, 4)
    names = ("kind", "id", "area", "ifname", "dmabuf", "unbound", "iov_size")
    shape = [entry[name] for name in names]
    want = ["io_uring", None, 0, "dms0", None, False, os.sysconf("SC_PAGE_SIZE")]
    check("an area of io_uring", shape == want, entry)
    iovs = entry["iovs"]
    check("all of its memory", iovs["total"] * entry["iov_size"] == 8 << 20, iovs)
    found = [(h["holder"], [(t["pid"], t["how"]) for t in h["tasks"]]) for h in entry["holders"]]
    check("its ring holds it", found == [("ring", [(HOLDING, "fd")])], entry["holders"])
    # What was given back counts until a page pool looks into the refill queue
    tokens = entry["holders"][0]["tokens"]
    check("the buffers that are held", HOLD <= tokens < iovs["total"], entry["holders"])
    area = next(b for b in devmem.bindings if b.queues == [4])
    rows = [row for block in devmem.iov_blocks(area) for row in block.rows()]
    counts = [sum(row.state == state for row in rows) for state in ("free", "pool", "user")]
    check("iovs one by one add up", counts == [iovs[s] for s in ("free", "pool", "user")], counts)
    check("their DMA addresses differ", len({row.dma for row in rows}) == len(rows))
    check("some are posted", any(row.place == "out" for row in rows))
    held = next(row for row in rows if row.state == "user")
    free = next(row for row in rows if row.state == "free")
    word = word_entry(devmem, devmem.decode(held.address | 1))
    check(
        "a word of it",
        (word["memory"], word["area"], word["iov"]["state"]) == ("io_uring", 0, "user"),
        word,
    )
    lines = "\n".join(text.explain(devmem, devmem.decode(free.address | 1)))
    check("a free one is no garbage", "area's free list" in lines and "garbage" not in lines, lines)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        text.print_inventory(document)
    print("# " + out.getvalue().replace("\n", "\n# "))


def check_sending(devmem: Devmem, document: dict[str, Any]) -> None:
    """What is sent from a dma-buf and not acknowledged."""
    entry = next(e for e in document["bindings"] if e["kind"] == "tx")
    want = {"total": 512, "free": None, "pool": None}
    shape = {name: entry["iovs"][name] for name in want}
    check("a dma-buf to send from", (entry["ifname"], shape) == ("dms1", want), entry)
    found = [(h["holder"], h["bytes"], [t["pid"] for t in h["tasks"]]) for h in entry["holders"]]
    unacknowledged = int(os.environ["unacknowledged"])
    check(
        "its sender and what is not acknowledged",
        found == [("socket", unacknowledged, [SENDING])],
        found,
    )
    binding = next(b for b in devmem.bindings if b.kind == "tx")
    rows = [row for block in devmem.iov_blocks(binding) for row in block.rows()]
    queued = [row for row in rows if row.state == "user"]
    check("iovs one by one add up", len(queued) == entry["iovs"]["user"] > 0, entry["iovs"])
    check("those that are not queued have no state", {r.state for r in rows} <= {"user", None})
    lines = "\n".join(text.explain(devmem, devmem.decode(queued[0].address | 1)))
    check("a word of it", "sends" in lines and "may not use" not in lines, lines)


def check_busy() -> None:
    """A queue with traffic, at several looks."""
    states, words = set(), set()
    for _ in range(3):
        devmem = Devmem(PROG)
        entry = on_queue(inventory(devmem, devmem.bindings), 5)
        iovs = entry["iovs"]
        sound = all(0 <= iovs[name] <= iovs["total"] for name in ("free", "pool", "user"))
        pids = [t["pid"] for holder in entry["holders"] for t in holder["tasks"]]
        check("a busy queue is sound", sound and pids == [BUSY], entry)
        area = next(b for b in devmem.bindings if b.queues == [5])
        rows = [row for block in devmem.iov_blocks(area) for row in block.rows()]
        states |= {row.state for row in rows}
        kinds = {devmem.decode(row.address | 1).kind for row in rows[:64]}
        words |= kinds
    check("each word of it is an iov", words == {"iov"}, words)
    check("in states that there are", states <= {"free", "pool", "user"}, states)


def is_clean() -> bool:
    """Look at everything; return whether all could be read and made sense."""
    devmem = Devmem(PROG)
    inventory(devmem, devmem.bindings)
    return not devmem.memory.faults and not devmem.memory.inconsistent


def main() -> None:
    """Run all checks."""
    devmem = Devmem(PROG)
    document = inventory(devmem, devmem.bindings)
    check_reach(document)
    check_unaccepted(devmem)
    if HOLDING:
        check_uring(devmem, document)
    if SENDING:
        check_sending(devmem, document)
    # A packet of the busy queue can go while it is read
    check("nothing fails for good", any(is_clean() for _ in range(10 if BUSY else 1)))
    check_document(document)
    if BUSY:
        check_busy()
    args = cli.parse(["ls", "-p", str(IN_FLIGHT)], False)
    with contextlib.redirect_stdout(io.StringIO()) as out:
        cli.run(PROG, args)
    want = "in flight in a unix socket of devmemcat["
    check("how is said in words", want in out.getvalue(), out.getvalue())


main()
