# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that is sent from, and that of io_uring; run by unit.t, no kernel needed."""

import contextlib
import importlib.util
import io
import json
import unittest
import unittest.mock
from pathlib import Path
from typing import Any

import synthetic
from drgn_devmem import cli, text
from drgn_devmem.document import inventory, sock_entry, word_entry
from drgn_devmem.findings import find_leaks
from drgn_devmem.iovs import Devmem
from kinds import Sender, Uring

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: Layout and release of the kernels that send, and of those that receive by io_uring.
SENDING = (("linux-6.15", "6.16"), ("linux-6.17", "6.18"), ("linux-6.17", ""))
RECEIVING = (("linux-6.15", ""), *SENDING)


def document(kernel: synthetic.Kernel) -> dict[str, Any]:
    """The inventory, which is as its schema promises."""
    devmem = Devmem(kernel.prog)
    found = inventory(devmem, devmem.bindings)
    if importlib.util.find_spec("jsonschema"):
        jsonschema = importlib.import_module("jsonschema")
        jsonschema.validate(found, json.loads((DOCS / "devmemls.schema.json").read_text()))
    assert (devmem.memory.faults, devmem.memory.inconsistent) == (0, 0)
    return found


def printed(kernel: synthetic.Kernel, *argv: str) -> str:
    """What a command prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        cli.run(kernel.prog, cli.parse(argv, False))
    return out.getvalue()


class Sending(unittest.TestCase):
    """A dma-buf that is sent from."""

    def test_inventory(self) -> None:
        """Who has how much of it in flight, and nothing of free lists."""
        for layout, release in SENDING:
            with self.subTest(layout, release=release):
                kernel = synthetic.Kernel(layout, release=release)
                Sender(kernel)
                *others, entry = document(kernel)["bindings"]
                self.assertEqual([other["kind"] for other in others], ["rx", "rx"])
                (holder,) = entry.pop("holders")
                for name, value in {
                    "kind": "tx",
                    "id": 4,
                    "area": None,
                    "unbound": False,
                    "queues": [],
                    "iovs": {"total": 3, "free": None, "pool": None, "user": 2},
                    "allocs": None,
                }.items():
                    self.assertEqual(entry[name], value, name)
                want = {
                    "holder": "socket",
                    "cookie": Sender.COOKIE,
                    "tokens": 3,
                    "iovs": 2,
                    "bytes": 3000,
                    "oldest_seconds": None,
                    "local": "10.0.0.1:5201",
                    "remote": "10.0.0.2:40000",
                    "tasks": [{"pid": Sender.PID, "comm": "sender", "fd": Sender.FD, "how": "fd"}],
                }
                self.assertEqual(holder, want)

    def test_told_by_its_vector(self) -> None:
        """A kernel that does not keep the direction."""
        types = synthetic.RELEASES["6.18"].replace("u32 direction, ", "")
        with unittest.mock.patch.dict(synthetic.RELEASES, {"odd": types}):
            kernel = synthetic.Kernel("linux-6.17", release="odd")
        Sender(kernel)
        kinds = [entry["kind"] for entry in document(kernel)["bindings"]]
        self.assertEqual(kinds, ["rx", "rx", "tx"])

    def test_unbound(self) -> None:
        """One that user space let go of is kept by the packets, and found by them."""
        for layout, release in SENDING:
            with self.subTest(layout, release=release):
                kernel = synthetic.Kernel(layout, release=release)
                Sender(kernel, listed=False)
                entry = document(kernel)["bindings"][-1]
                self.assertEqual((entry["id"], entry["unbound"]), (4, True))
                leaks = find_leaks(Devmem(kernel.prog), 50)
                (leak,) = [leak for leak in leaks if leak.binding.id == 4]
                self.assertEqual((leak.kind, leak.iovs), ("unbound", 2))
                self.assertIn("sockets send 2 of its 3 iovs", leak.what)

    def test_words(self) -> None:
        """One that is on its way, and one that is not."""
        kernel = synthetic.Kernel("linux-6.17")
        sender = Sender(kernel)
        devmem = Devmem(kernel.prog)
        sent, idle = (devmem.decode(sender.word(i)) for i in (0, 2))
        self.assertEqual([w.iov and w.iov.state for w in (sent, idle)], ["user", None])
        self.assertEqual(sent.iov and sent.iov.tokens, 2)
        entry = word_entry(devmem, sent)
        self.assertEqual((entry["kind"], entry["memory"], entry["binding"]), ("iov", "tx", 4))
        self.assertEqual([h["cookie"] for h in entry["holders"]], [Sender.COOKIE])
        lines = "\n".join(text.explain(devmem, sent))
        self.assertIn("has not acknowledged", lines)
        self.assertIn("2 frags of what socket 10.0.0.1:5201 -> 10.0.0.2:40000 sends", lines)
        self.assertNotIn("may not use it", "\n".join(text.explain(devmem, idle)))
        self.assertIn("of binding 4: being sent", printed(kernel, "frag", hex(sender.word(0))))

    def test_text(self) -> None:
        """What is not there is a dash."""
        kernel = synthetic.Kernel("linux-6.17")
        Sender(kernel)
        listed = printed(kernel, "ls")
        self.assertRegex(listed, r"(?m)^ *4 +tx +dms0 +- +udmabuf:12 +12K +3 +- +- +2 ")
        self.assertIn("3 frags, 2 iovs, 3000B not acknowledged; sender[320] fd 6", listed)
        self.assertRegex(printed(kernel, "iovs", "-b", "4"), r"(?m)^ *4 +2 .* -  +- ")

    def test_sock(self) -> None:
        """What it has not got acknowledged."""
        kernel = synthetic.Kernel("linux-6.17")
        sender = Sender(kernel)
        devmem = Devmem(kernel.prog)
        (sock,) = [s for s in devmem.sockets.all if s.address == sender.sock]
        entry = sock_entry(devmem, sock)
        self.assertEqual(entry["sending"]["iovs"], 2)
        self.assertEqual(set(entry["sending"]["skbs"]), set(sender.skbs))
        self.assertIn("4000 bytes not acknowledged", printed(kernel, "sock", "-p", "320"))


class Receiving(unittest.TestCase):
    """Zero-copy receive of io_uring."""

    def test_inventory(self) -> None:
        """The area, and the ring that has it."""
        for layout, release in RECEIVING:
            with self.subTest(layout, release=release):
                kernel = synthetic.Kernel(layout, release=release)
                Uring(kernel)
                size = 16384 if kernel.has("io_zcrx_ifq", "niov_shift") else 4096
                *others, entry = document(kernel)["bindings"]
                self.assertEqual([other["kind"] for other in others], ["rx", "rx"])
                counters = dict.fromkeys(("allocs", "releases", "exhausted", "high_water"))
                ring = {
                    "holder": "ring",
                    "cookie": None,
                    "tokens": 3,
                    "iovs": 2,
                    "bytes": 2 * size,
                    "oldest_seconds": None,
                    "local": None,
                    "remote": None,
                    "tasks": [{"pid": Uring.PID, "comm": "uring", "fd": Uring.FD, "how": "fd"}],
                }
                want = {
                    "kind": "io_uring",
                    "id": None,
                    "area": 0,
                    "ifname": "dms0",
                    "ifindex": 7,
                    "netns": 4026531840,
                    "unbound": False,
                    "dmabuf": None,
                    "iov_size": size,
                    "queues": [Uring.QUEUE],
                    "iovs": {"total": 6, "free": 2, "pool": 2, "user": 2},
                    **counters,
                    "holders": [ring],
                }
                self.assertEqual(entry, want)

    def test_found_by_each(self) -> None:
        """Of page pool, device queue and ring, one is enough."""
        for only in ("pool", "queue", "ring"):
            with self.subTest(only):
                kernel = synthetic.Kernel("linux-6.17")
                uring = Uring(kernel, pool=only == "pool")
                if only != "queue":
                    queue = kernel.queues + Uring.QUEUE * kernel.queue_size
                    kernel.set("netdev_rx_queue", queue, mp_params__mp_ops=0)
                if only != "ring":
                    kernel.set("io_ring_ctx", uring.ring, zcrx_ctxs__xa_head=0)
                entry = document(kernel)["bindings"][-1]
                self.assertEqual((entry["kind"], entry["iovs"]["total"]), ("io_uring", 6))
                tasks = [len(holder["tasks"]) for holder in entry["holders"]]
                self.assertEqual(tasks, [int(only == "ring")])

    def test_areas(self) -> None:
        """An entry for each, and each ring that has the queue; one has nothing out."""
        kernel = synthetic.Kernel("linux-6.17")
        uring = Uring(kernel)
        uring.add_area((0, 0), (1, 0))
        uring.add_ring(331, 4)
        first, second = document(kernel)["bindings"][2:]
        self.assertEqual([first["area"], second["area"]], [0, 1])
        self.assertEqual(second["iovs"], {"total": 2, "free": 2, "pool": 0, "user": 0})
        for entry in (first, second):
            (holder,) = entry["holders"]
            self.assertEqual([task["pid"] for task in holder["tasks"]], [330, 331])
        self.assertEqual(second["holders"][0]["tokens"], 0)

    def test_gone_device(self) -> None:
        """A queue that was closed has no device any more."""
        kernel = synthetic.Kernel("linux-6.17")
        uring = Uring(kernel)
        kernel.set("io_zcrx_ifq", uring.ifq, netdev=0, if_rxq=0xFFFFFFFF)
        entry = document(kernel)["bindings"][-1]
        self.assertEqual((entry["ifname"], entry["ifindex"], entry["queues"]), (None, None, []))

    def test_iovs(self) -> None:
        """Each with its own address, and where it is."""
        for layout, release in RECEIVING:
            with self.subTest(layout, release=release):
                kernel = synthetic.Kernel(layout, release=release)
                uring = Uring(kernel)
                devmem = Devmem(kernel.prog)
                area = devmem.bindings[-1]
                rows = [row for block in devmem.iov_blocks(area) for row in block.rows()]
                self.assertEqual([row.address | 1 for row in rows], list(map(uring.word, range(6))))
                self.assertEqual(tuple(row.dma for row in rows), Uring.DMA)
                self.assertEqual(
                    [row.offset for row in rows], [i * area.iov_size for i in range(6)]
                )
                states = ["user", "user", "pool", "pool", "free", "free"]
                self.assertEqual([row.state for row in rows], states)
                self.assertEqual([row.place for row in rows][2:4], ["cache", "out"])
                self.assertEqual([row.tokens for row in rows], [2, 1, 0, 0, 0, 0])
                self.assertEqual([row.pool for row in rows], [uring.pool] * 4 + [0] * 2)

    def test_words(self) -> None:
        """A free one is not garbage."""
        kernel = synthetic.Kernel("linux-6.17")
        uring = Uring(kernel)
        devmem = Devmem(kernel.prog)
        held, free = (devmem.decode(uring.word(i)) for i in (0, 5))
        entry = word_entry(devmem, held)
        self.assertEqual(
            (entry["kind"], entry["memory"], entry["binding"]), ("iov", "io_uring", None)
        )
        self.assertEqual((entry["area"], entry["ifname"], entry["pool"]), (0, "dms0", 21))
        self.assertEqual([h["holder"] for h in entry["holders"]], ["ring"])
        lines = "\n".join(text.explain(devmem, held))
        self.assertIn("number 0 of io_uring area 0 of dms0 queue 2 (bound)", lines)
        self.assertIn("The ring has it 2 times (user_refs): uring[330] fd 9", lines)
        lines = "\n".join(text.explain(devmem, free))
        self.assertIn("lies in its area's free list", lines)
        self.assertNotIn("garbage", lines)
        self.assertIn(
            "iov 5 of io_uring area 0 of dms0 queue 2: free",
            printed(kernel, "frag", hex(uring.word(5))),
        )

    def test_text(self) -> None:
        """A row of its own."""
        kernel = synthetic.Kernel("linux-6.17")
        Uring(kernel)
        listed = printed(kernel, "ls", "-p", "330")
        self.assertRegex(listed, r"(?m)^ *- +io_uring +dms0 +2 +- +96K +6 +2 +2 +2 ")
        self.assertIn("ring: 3 buffers, 2 iovs, 32K; uring[330] fd 9", listed)

    def test_stalled(self) -> None:
        """A page pool that its driver gave up."""
        kernel = synthetic.Kernel("linux-6.17")
        uring = Uring(kernel)
        kernel.set("page_pool", uring.pool, user__detach_time=kernel.detached)
        found = [
            leak.binding.kind
            for leak in find_leaks(Devmem(kernel.prog), 50)
            if leak.kind == "stalled"
        ]
        self.assertEqual(sorted(found), ["io_uring", "rx"])

    def test_damaged(self) -> None:
        """Numbers that are garbage cost nothing and are told."""
        for name, value in (("free_count", 7), ("ifq", 0x1000)):
            kernel = synthetic.Kernel("linux-6.17")
            uring = Uring(kernel)
            kernel.set("io_zcrx_area", uring.areas[0], **{name: value})
            devmem = Devmem(kernel.prog)
            self.assertEqual([binding.kind for binding in devmem.bindings], ["rx", "rx"])
            self.assertEqual(devmem.memory.inconsistent, 1)
