# SPDX-License-Identifier: GPL-2.0-or-later
"""The drgn helpers on kernels that never ran; run by unit.t, no kernel needed."""

import contextlib
import functools
import importlib.util
import io
import itertools
import json
import struct
import sys
import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import drgn.helpers.linux
import synthetic
from drgn import Object, Program, ProgramFlags
from drgn_devmem import btf, cli, helpers, kallsyms, plugin, sockets, watch
from drgn_devmem.btf import Btf, BtfError
from drgn_devmem.document import inventory
from drgn_devmem.findings import find_leaks
from drgn_devmem.iovs import Devmem
from drgn_devmem.layout import LayoutError, has_type, select_layout
from drgn_devmem.memory import Memory, Record, list_nodes, xarray_entries
from drgn_devmem.target import TargetError, load_types, open_target

DOCS = Path(__file__).resolve().parents[2] / "docs"
LAYOUTS = ("ppdevmem", "linux-6.17", "linux-6.15", "linux-6.12")


def expected(layout: str) -> dict[str, Any]:
    """What the inventory of a synthetic.Kernel must be."""
    ours = layout == "ppdevmem"
    device = {"ifname": "dms0", "ifindex": 7, "netns": 4026531840}
    dmabuf = {"inode": 10, "size": 4096, "exporter": "udmabuf"}
    counters = dict.fromkeys(("allocs", "releases", "exhausted", "high_water"))
    if ours:
        counters = {"allocs": 20, "releases": 14, "exhausted": 1, "high_water": 9}
    zombie = {
        "kind": "rx",
        "id": 2,
        "area": None,
        **device,
        "unbound": True,
        "dmabuf": dmabuf,
        "iov_size": 4096,
        "queues": [],
        "iovs": {"total": 1, "free": 0, "pool": 1, "user": 0},
        **counters,
        "holders": [],
    }
    holder = {
        "holder": "socket",
        "cookie": 70,
        "tokens": 3,
        "iovs": 2,
        "bytes": 8192,
        "oldest_seconds": 100.0 if ours else None,
        "local": "10.0.0.1:5201",
        "remote": "10.0.0.2:40000",
        "tasks": [{"pid": 311, "comm": "devmemcat", "fd": 5, "how": "fd"}],
    }
    binding = {
        "kind": "rx",
        "id": 3,
        "area": None,
        **device,
        "unbound": False,
        "dmabuf": {**dmabuf, "size": 40960},
        "iov_size": 4096,
        "queues": [1],
        "iovs": {"total": 10, "free": 4, "pool": 4, "user": 2},
        **counters,
        "holders": [holder],
    }
    return {"version": 2, "layout": layout, "bindings": [zombie, binding]}


_Test = Callable[[Any, synthetic.Kernel], None]


def each_layout(test: _Test) -> Callable[[Any], None]:
    """Run a test on a kernel of each layout."""

    @functools.wraps(test)
    def run(self: Any) -> None:
        for layout in LAYOUTS:
            with self.subTest(layout):
                test(self, synthetic.Kernel(layout))

    return run


class EveryLayout(unittest.TestCase):
    """What must be the same on each kernel."""

    @each_layout
    def test_layout_is_recognised(self, kernel: synthetic.Kernel) -> None:
        """By the types alone."""
        devmem = Devmem(kernel.prog)
        self.assertEqual(devmem.layout.name, kernel.layout)

    @each_layout
    def test_inventory(self, kernel: synthetic.Kernel) -> None:
        """The whole document, of a bound and an unbound binding."""
        devmem = Devmem(kernel.prog)
        document = inventory(devmem, devmem.bindings)
        self.assertEqual(document, expected(kernel.layout))
        self.assertEqual((devmem.memory.faults, devmem.memory.inconsistent), (0, 0))

    def test_large_pages(self) -> None:
        """Iovs are as large as the kernel's pages, not as those that most kernels have."""
        for layout, shift in itertools.product(LAYOUTS, (14, 16)):
            with self.subTest(layout, shift=shift):
                kernel = synthetic.Kernel(layout, page_shift=shift)
                devmem = Devmem(kernel.prog)
                binding = devmem.bindings[1]
                rows = [row for block in devmem.iov_blocks(binding) for row in block.rows()]
                self.assertEqual([row.offset for row in rows], [i << shift for i in range(10)])
                self.assertEqual(
                    [row.dma for row in rows[:6]], [0x100000 + (i << shift) for i in range(6)]
                )
                (document,) = inventory(devmem, [binding])["bindings"]
                self.assertEqual(document["iov_size"], 1 << shift)
                self.assertEqual(document["iovs"], {"total": 10, "free": 4, "pool": 4, "user": 2})
                self.assertEqual(document["holders"][0]["bytes"], 2 << shift)

    @unittest.skipUnless(importlib.util.find_spec("jsonschema"), "unit.t has jsonschema")
    @each_layout
    def test_schema(self, kernel: synthetic.Kernel) -> None:
        """The document is as promised, also when a dma-buf cannot be read."""
        jsonschema = importlib.import_module("jsonschema")
        schema = json.loads((DOCS / "devmemls.schema.json").read_text())
        for dmabuf in (None, 0x1000):
            if dmabuf:
                kernel.set("net_devmem_dmabuf_binding", kernel.binding, dmabuf=dmabuf)
            devmem = Devmem(kernel.prog)
            jsonschema.validate(inventory(devmem, devmem.bindings), schema)

    @each_layout
    def test_iovs(self, kernel: synthetic.Kernel) -> None:
        """Each iov's state, place, offset, DMA address and references."""
        devmem = Devmem(kernel.prog)
        binding = devmem.bindings[1]
        rows = [row for block in devmem.iov_blocks(binding) for row in block.rows()]
        self.assertEqual([row.index for row in rows], list(range(10)))
        self.assertEqual([row.address for row in rows], [kernel.iov(i) for i in range(10)])
        self.assertEqual([row.offset for row in rows], [i * 4096 for i in range(10)])
        dma = [0x100000 + i * 4096 for i in range(6)] + [0x900000 + i * 4096 for i in range(4)]
        self.assertEqual([row.dma for row in rows], dma)
        states = ["user"] * 2 + ["pool"] * 4 + ["free"] * 4
        self.assertEqual([row.state for row in rows], states)
        places = [None, None, "cache", "ring", "skb", "out"] + [None] * 4
        self.assertEqual([row.place for row in rows], places)
        self.assertEqual([row.refs for row in rows][:6], [2, 1, 1, 1, 1, 1])
        self.assertEqual([row.tokens for row in rows], [2, 1] + [0] * 8)
        self.assertEqual([row.pool for row in rows], [kernel.pool] * 6 + [0] * 4)
        held = (100.0, 10.0) if devmem.layout.counts_tokens else (None, None)
        self.assertEqual(tuple(row.held for row in rows), held + (None,) * 8)

    @each_layout
    def test_places(self, kernel: synthetic.Kernel) -> None:
        """An iov that is on its way, or done with, is not posted."""

        def place() -> str | None:
            iov = Devmem(kernel.prog).iov_at(kernel.iov(5))
            assert iov is not None
            return iov.place

        skb = kernel.make_skb(kernel.word(5))
        for where, head in (
            ("gro", kernel.gro[2]),
            ("gro", kernel.gro[-1]),
            ("backlog", kernel.in_softnet(2, "process_queue")),
            ("backlog", kernel.in_softnet(0, "input_pkt_queue")),
        ):
            with self.subTest(where):
                kernel.list(head, [skb])
                self.assertEqual(place(), where)
                kernel.list(head, [])
        kernel.words(skb, [0, 0])
        for head in (kernel.deferred(2), kernel.in_softnet(0, "completion_queue")):
            kernel.words(head, [skb])
            self.assertEqual(place(), "deferred")
            kernel.words(head, [0])
        self.assertEqual(place(), "out")
        kernel.set("page_pool", kernel.pool, frag_page=kernel.word(5))
        self.assertEqual(place(), "frag")

    @each_layout
    def test_planted_words(self, kernel: synthetic.Kernel) -> None:
        """A page, iovs of ours, freed, gone, misaligned, untagged, garbage."""
        devmem = Devmem(kernel.prog)
        size = kernel.size("page")
        gone = kernel.alloc(64) | 1
        words = {
            kernel.word(0): ("iov", 0, "user"),
            kernel.word(9): ("iov", 9, "free"),
            kernel.iov(3): ("iov", 3, "pool"),
            kernel.iov(3) + 8 | 1: ("garbage", None, None),
            gone: ("gone", None, None),
            0xDEAD000000000123: ("gone", None, None),
            synthetic.VMEMMAP + 5 * size: ("page", None, None),
            synthetic.VMEMMAP + 5 * size + 8: ("garbage", None, None),
            synthetic.VMEMMAP + kernel.pages * size: ("garbage", None, None),
            0x1234: ("garbage", None, None),
            0: ("null", None, None),
            1030: ("reserved", None, None),
        }
        for value, (kind, index, state) in words.items():
            word = devmem.decode(value)
            self.assertEqual(word.kind, kind, hex(value))
            self.assertEqual(word.iov and word.iov.index, index, hex(value))
            self.assertEqual(word.iov and word.iov.state, state, hex(value))
        page = devmem.decode(synthetic.VMEMMAP + 5 * size)
        self.assertEqual((page.pfn, page.pool), (5, kernel.page_pool))
        self.assertEqual(devmem.decode(synthetic.VMEMMAP + 6 * size).pool, 0)
        self.assertIn("without the tag", devmem.decode(kernel.iov(3)).note)
        self.assertIn("8 bytes into iov 3", devmem.decode(kernel.iov(3) + 8 | 1).note)
        self.assertEqual(devmem.memory.faults, 0)

    @each_layout
    def test_skb(self, kernel: synthetic.Kernel) -> None:
        """Frags, also of a frag_list, and an address that is no skb."""
        devmem = Devmem(kernel.prog)
        inner = kernel.make_skb(kernel.word(1))
        outer = kernel.make_skb(kernel.word(4), synthetic.VMEMMAP)
        head = int.from_bytes(
            kernel.prog.read(outer + kernel.offset("sk_buff", "head"), 8), "little"
        )
        kernel.set("skb_shared_info", head + 128, frag_list=inner)
        skb = devmem.sockets.skbs.skb(outer)
        assert skb is not None
        self.assertEqual(
            [frag.word for frag in skb.all_frags()],
            [kernel.word(4), synthetic.VMEMMAP, kernel.word(1)],
        )
        self.assertEqual({(f.offset, f.size) for f in skb.all_frags()}, {(16, 1000)})
        self.assertIsNone(devmem.sockets.skbs.skb(0x1000))

    @each_layout
    def test_sockets(self, kernel: synthetic.Kernel) -> None:
        """One that a process has open, one that only the hash knows."""
        devmem = Devmem(kernel.prog)
        first, second = devmem.sockets.all
        self.assertEqual((first.address, second.address), (kernel.sock, kernel.orphan))
        self.assertEqual(sorted(first.tokens), [1, 2, 900])
        self.assertEqual((first.reserved, second.reserved), (1, 0))
        self.assertEqual(second.tasks, [])
        self.assertEqual([skb.address for skb in second.unread], [kernel.skb])

    @each_layout
    def test_unread(self, kernel: synthetic.Kernel) -> None:
        """Also in the backlog, and out of order."""
        late, early, later = (kernel.make_skb(kernel.word(i)) for i in (2, 3, 5))
        kernel.set("rb_node", early, rb_right=later)
        kernel.set("sock", kernel.orphan, sk_backlog__head=late)
        kernel.set("tcp_sock", kernel.orphan, out_of_order_queue__rb_node=early)
        skbs = [skb.address for skb in Devmem(kernel.prog).sockets.unread(kernel.orphan)]
        self.assertEqual(skbs[:2], [kernel.skb, late])
        self.assertEqual(sorted(skbs[2:]), [early, later])

    @each_layout
    def test_small_sockets(self, kernel: synthetic.Kernel) -> None:
        """What is no full socket ends early; what comes then may be on a page that a dump lacks."""
        common = kernel.size("sock_common")
        for state in (synthetic.TIME_WAIT, synthetic.NEW_SYN_RECV):
            with self.subTest(state=state):
                sock = synthetic.BASE + len(kernel.data) - common
                kernel.set("sock_common", sock, skc_family=2, skc_state=state)
                kernel.hash_sock(sock, 5)
                devmem = Devmem(kernel.prog)
                self.assertEqual(len(devmem.sockets.all), 2)
                self.assertEqual(devmem.memory.faults, 0)

    @each_layout
    def test_ipv6(self, kernel: synthetic.Kernel) -> None:
        """Addresses are written as ss does, and IPv4's as such."""
        mapped = bytes(10) + b"\xff\xff\x0a\x00\x00\x02"
        own = b"\xfd" + bytes(14) + b"\x01"
        kernel.set(
            "sock_common",
            kernel.sock,
            skc_family=10,
            skc_v6_daddr=mapped,
            skc_v6_rcv_saddr=own,
        )
        sock = Devmem(kernel.prog).sockets.all[0]
        self.assertEqual((sock.local, sock.remote), ("[fd00::1]:5201", "10.0.0.2:40000"))

    @each_layout
    def test_leaks(self, kernel: synthetic.Kernel) -> None:
        """Held too long, unbound, stalled; nothing is lost."""
        devmem = Devmem(kernel.prog)
        leaks = find_leaks(devmem, 50)
        kinds = [(leak.kind, leak.binding.id, leak.iovs) for leak in leaks]
        counts = devmem.layout.counts_tokens
        # Of three tokens on two iovs, those on one have been out for so long
        held = ("held", 3, 1) if counts else ("unknown", 3, 2)
        self.assertEqual(kinds, [held, ("unbound", 2, 1), ("stalled", 2, 1)])
        self.assertEqual([leak.tokens for leak in leaks], [2 if counts else 3, None, None])
        self.assertEqual([leak.is_leak for leak in leaks], [counts, True, True])
        self.assertEqual(leaks[2].seconds, 50.0)
        young = [f.kind for f in find_leaks(devmem, 500)]
        self.assertEqual(young, ([] if counts else ["unknown"]) + ["unbound", "stalled"])
        # Whatever is out has been for no time at all
        self.assertEqual(find_leaks(devmem, 0)[0].kind, "held")

    @each_layout
    def test_shared_iov(self, kernel: synthetic.Kernel) -> None:
        """An iov that two readers have says only since when the first of them has it."""
        table = kernel.xarray({0: 1030, 1: kernel.word(0)})
        kernel.set("sock", kernel.orphan, sk_user_frags__xa_head=table)
        if kernel.layout == "ppdevmem":
            kernel.set_iov(kernel.iov(0), kernel.pool, 3, 3, kernel.SINCE[0])
        leaks = [leak for leak in find_leaks(Devmem(kernel.prog), 50) if leak.holding]
        self.assertEqual({leak.kind for leak in leaks}, {"unknown"})
        self.assertEqual([leak.seconds for leak in leaks], [None, None])

    @each_layout
    def test_helpers(self, kernel: synthetic.Kernel) -> None:
        """The functions for interactive use."""
        prog = kernel.prog
        self.assertTrue(helpers.netmem_is_net_iov(kernel.word(0)))
        self.assertFalse(helpers.netmem_is_net_iov(synthetic.VMEMMAP))
        iov = helpers.netmem_to_net_iov(prog, kernel.word(7))
        self.assertEqual(iov.type_.type.type_name(), "struct " + kernel.iov_type)
        with self.assertRaisesRegex(ValueError, "is a page"):
            helpers.netmem_to_net_iov(prog, synthetic.VMEMMAP)

        def prog_iov(index: int) -> Object:
            return helpers.netmem_to_net_iov(prog, kernel.word(index))

        self.assertEqual(helpers.net_iov_idx(iov), 7)
        self.assertEqual(helpers.net_iov_virtual_addr(iov), 7 * 4096)
        self.assertEqual(helpers.net_iov_dma_addr(iov), 0x901000)
        self.assertEqual(helpers.net_iov_state(iov), "free")
        states = [helpers.net_iov_state(i) for i in map(prog_iov, (0, 5, 9))]
        counts = kernel.layout == "ppdevmem"
        want = ["user", "pool", "free"] if counts else ["pool or user", "pool or user", "free"]
        self.assertEqual(states, want)
        snapshot = Devmem(prog)
        states = [helpers.net_iov_state(i, snapshot) for i in map(prog_iov, (0, 3, 5, 9))]
        self.assertEqual(states, ["user", "ring", "out", "free"])
        refs = [helpers.net_iov_refcount(i) for i in map(prog_iov, (0, 1, 7))]
        self.assertEqual(refs, [2, 1, 0])
        binding = helpers.net_iov_binding(iov)
        self.assertEqual(binding.value_(), kernel.binding)
        iovs = [int(i) for i in helpers.for_each_net_iov(binding)]
        self.assertEqual(iovs, [kernel.iov(i) for i in range(10)])
        bindings = [int(b) for b in helpers.for_each_devmem_binding(prog)]
        self.assertEqual(bindings, [kernel.zombie, kernel.binding])
        pools = list(helpers.for_each_devmem_pool(prog))
        self.assertEqual([int(p) for p in pools], [kernel.zombie_pool, kernel.pool])
        self.assertEqual(helpers.page_pool_cache(pools[1]), [kernel.word(2)])
        self.assertEqual(helpers.page_pool_ring(pools[1]), [kernel.word(3)])
        skb = Object(prog, prog.pointer_type(kernel.type("sk_buff")), kernel.skb)
        self.assertEqual([f.word for f in helpers.for_each_skb_frag(skb)], [kernel.word(4)])
        sock = Object(prog, prog.pointer_type(kernel.type("sock")), kernel.sock)
        self.assertEqual(
            [(token, int(iov)) for token, iov in helpers.for_each_token(sock)],
            [(1, kernel.iov(0)), (2, kernel.iov(0)), (900, kernel.iov(1))],
        )
        orphan = Object(prog, sock.type_, kernel.orphan)
        self.assertEqual([int(skb) for skb in helpers.for_each_unread_skb(orphan)], [kernel.skb])
        (holding,) = helpers.devmem_holders(binding)
        self.assertEqual(holding.iovs, {kernel.iov(0), kernel.iov(1)})
        for stray in (kernel.alloc(64), 0x1000, kernel.iov(3) + 8):
            for helper in (helpers.net_iov_idx, helpers.net_iov_state, helpers.net_iov_binding):
                with self.assertRaises(LookupError):
                    helper(Object(prog, iov.type_, stray))

    @each_layout
    def test_typed_objects_are_followed(self, kernel: synthetic.Kernel) -> None:
        """Nothing else is read than what lies on the way."""
        prog = kernel.prog
        iov = helpers.netmem_to_net_iov(prog, kernel.word(7))
        pool = Object(prog, prog.pointer_type(kernel.type("page_pool")), kernel.pool)
        sock = Object(prog, prog.pointer_type(kernel.type("sock")), kernel.sock)
        questions: list[tuple[Callable[[], Any], int]] = [
            (lambda: helpers.net_iov_idx(iov), 3),
            (lambda: helpers.net_iov_binding(iov), 3),
            (lambda: helpers.net_iov_dma_addr(iov), 3),
            # An iov's chunk is looked for among those of its binding
            (lambda: helpers.net_iov_state(iov), 12),
            (lambda: helpers.page_pool_ring(pool), 3),
            # One for each node of the table
            (lambda: list(helpers.for_each_token(sock)), 4),
        ]
        for ask, most in questions:
            before = kernel.reads
            ask()
            self.assertLessEqual(kernel.reads - before, most)


class Differences(unittest.TestCase):
    """What only some kernels have."""

    def test_gone_device(self) -> None:
        """A pointer to a device that no namespace has is not followed."""
        kernel = synthetic.Kernel("linux-6.12")
        stale = kernel.new("net_device", name=b"old", ifindex=9)
        kernel.set("net_devmem_dmabuf_binding", kernel.binding, dev=stale)
        entry = inventory(devmem := Devmem(kernel.prog), devmem.bindings)["bindings"][1]
        self.assertEqual((entry["ifname"], entry["ifindex"], entry["queues"]), (None, None, []))

    def test_ours_knows_a_gone_device(self) -> None:
        """Its number was kept."""
        kernel = synthetic.Kernel("ppdevmem")
        kernel.set("net_devmem_dmabuf_binding", kernel.binding, dev=0)
        entry = inventory(devmem := Devmem(kernel.prog), devmem.bindings)["bindings"][1]
        self.assertEqual((entry["ifname"], entry["ifindex"]), (None, 7))

    def test_queue_of_another(self) -> None:
        """Newer kernels lease queues: what is no queue of the device has no number."""
        kernel = synthetic.Kernel("linux-6.17")
        queues = {i: kernel.queues + i * kernel.queue_size for i in (3, 2, 4, -1)}
        head = kernel.xarray(dict(enumerate(queues.values())))
        kernel.set("net_devmem_dmabuf_binding", kernel.binding, bound_rxqs__xa_head=head)
        self.assertEqual(Devmem(kernel.prog).bindings[1].queues, [2, 3])

    def test_iov_size(self) -> None:
        """Newer kernels have iovs that are larger than a page."""
        kernel = synthetic.Kernel("linux-6.17")
        kernel.set("net_devmem_dmabuf_binding", kernel.binding, niov_shift=14)
        devmem = Devmem(kernel.prog)
        binding = devmem.bindings[1]
        self.assertEqual(binding.iov_size, 16384)
        (block, _) = devmem.iov_blocks(binding)
        self.assertEqual(list(block.offset[:2]), [0, 16384])

    def test_unknown_flight(self) -> None:
        """A kernel that keeps packets on their way elsewhere: what is not found is said."""
        kernel = synthetic.Kernel("linux-6.17")
        del kernel.symbols["net_hotdata"]
        with self.assertLogs("devmem", "WARNING") as logs:
            iov = Devmem(kernel.prog).iov_at(kernel.iov(5))
        self.assertIn("no symbol net_hotdata", logs.output[0])
        self.assertEqual(iov and iov.place, "out")

    def test_no_clock(self) -> None:
        """Without the time an age is unknown, not zero."""
        kernel = synthetic.Kernel("ppdevmem")
        del kernel.symbols[kernel.clock]
        held, _, stalled = find_leaks(Devmem(kernel.prog), 50)
        self.assertEqual(held.kind, "unknown")
        self.assertEqual((held.seconds, stalled.seconds), (None, None))

    def test_lost_tokens(self) -> None:
        """Tokens that the kernel counts and no socket has."""
        kernel = synthetic.Kernel("ppdevmem")
        kernel.set("page_pool_iov", kernel.iov(5), user_tokens__counter=4)
        (lost,) = [f for f in find_leaks(Devmem(kernel.prog), 50) if f.kind == "lost"]
        self.assertEqual(lost.what, "4 tokens on 1 iovs that no socket has, the first on iov 5")

    def test_tokens_between(self) -> None:
        """A token that a processor was about to enter or to take out is not lost."""
        kernel = synthetic.Kernel("ppdevmem")
        # One slot is reserved, and there are two processors
        for tokens, kinds in ((3, []), (4, ["lost"])):
            kernel.set("page_pool_iov", kernel.iov(5), user_tokens__counter=tokens)
            leaks = find_leaks(Devmem(kernel.prog), 50)
            self.assertEqual([f.kind for f in leaks if f.kind == "lost"], kinds)

    def test_full_ring(self) -> None:
        """Nothing is stale in a ring whose head has caught up with its tail."""
        kernel = synthetic.Kernel("ppdevmem")
        ring = kernel.alloc(64)
        kernel.words(ring, range(101, 109))
        kernel.set(
            "page_pool",
            kernel.pool,
            ring__queue=ring,
            ring__consumer_head=5,
            ring__consumer_tail=5,
        )
        pool = Devmem(kernel.prog).pools[1]
        self.assertEqual(pool.ring, [106, 107, 108, 101, 102, 103, 104, 105])

    def test_stale_ring(self) -> None:
        """The walk stops at what was consumed, also past the end."""
        kernel = synthetic.Kernel("ppdevmem")
        ring = kernel.alloc(64)
        kernel.words(ring, range(101, 109))
        kernel.set(
            "page_pool",
            kernel.pool,
            ring__queue=ring,
            ring__consumer_head=5,
            ring__consumer_tail=3,
        )
        pool = Devmem(kernel.prog).pools[1]
        self.assertEqual(pool.ring, [106, 107, 108, 101, 102, 103])


class Churn(unittest.TestCase):
    """A live kernel, on which something happens between two looks."""

    def setUp(self) -> None:
        """A clock that goes on by a tenth of a second in each pause."""

        class LiveMemory(Memory):
            """One that may change."""

            def __init__(self, prog: Program) -> None:
                super().__init__(prog)
                self.live = True

        self.now = synthetic.Kernel.NOW
        self.happens: Callable[[], None] = lambda: None

        def pause() -> None:
            self.now += 0.1
            self.happens()

        for patch in (
            mock.patch("drgn_devmem.bindings.Memory", LiveMemory),
            mock.patch.object(watch, "_pause", pause),
            mock.patch("time.monotonic", lambda: self.now),
            mock.patch("time.clock_gettime", lambda _: self.now),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    def held(self, devmem: Devmem, seconds: float) -> list[Any]:
        """What is found to be held: tokens and seconds."""
        leaks = find_leaks(devmem, seconds)
        self.assertNotIn("lost", [leak.kind for leak in leaks])
        return [(leak.tokens, leak.seconds) for leak in leaks if leak.kind == "held"]

    @each_layout
    def test_given_back(self, kernel: synthetic.Kernel) -> None:
        """What came back after the sockets were read is not held for an unknown time."""
        devmem = Devmem(kernel.prog)
        self.assertEqual(len(devmem.sockets.all), 2)
        for index in (0, 1):
            kernel.set_iov(kernel.iov(index), kernel.pool, 1)
        kernel.set("sock", kernel.sock, sk_user_frags__xa_head=0)
        self.assertEqual(self.held(devmem, 1), [])

    @each_layout
    def test_handed_out_again(self, kernel: synthetic.Kernel) -> None:
        """The same number on the same iov is not the same token."""
        devmem = Devmem(kernel.prog)
        self.assertEqual(len(devmem.holdings), 1)
        for index in (0, 1):
            kernel.set_iov(kernel.iov(index), kernel.pool, 1, 1, self.now)
        full = {0: 1030, 1: kernel.word(0), 2: kernel.word(1)}

        def churn() -> None:
            """One of the two is out at each look."""
            here = int(self.now * 10) % 2
            table = kernel.xarray({n: full[n] for n in (0, 1 + here)})
            kernel.set("sock", kernel.sock, sk_user_frags__xa_head=table)

        self.happens = churn
        self.assertEqual(self.held(devmem, 1), [])

    @each_layout
    def test_leaker(self, kernel: synthetic.Kernel) -> None:
        """One that gives back one of its tokens is told to have the others."""
        table = kernel.xarray({0: 1030, 1: kernel.word(0), 2: kernel.word(0)})

        def give_back() -> None:
            kernel.set("sock", kernel.sock, sk_user_frags__xa_head=table)

        self.happens = give_back
        ((tokens, seconds),) = self.held(Devmem(kernel.prog), 1)
        self.assertEqual(tokens, 3 if kernel.layout == "ppdevmem" else 2)
        self.assertGreaterEqual(seconds, 1)

    @each_layout
    def test_new_root(self, kernel: synthetic.Kernel) -> None:
        """A table that gets another root while it is read still has its tokens."""
        tokens = {0: 1030, 1: kernel.word(0), 2: kernel.word(0)}
        old = kernel.xarray(tokens | {900: kernel.word(1)})
        kernel.set("sock", kernel.sock, sk_user_frags__xa_head=old)
        walk = xarray_entries

        def entries(memory: Memory, head: int | None) -> Any:
            """The old root is freed just before it is read."""
            if head == old:
                kernel.write((old & ~3), bytes(kernel.size("xa_node")))
                table = kernel.xarray(tokens)
                kernel.set("sock", kernel.sock, sk_user_frags__xa_head=table)
            return walk(memory, head)

        with mock.patch.object(sockets, "xarray_entries", entries):
            found = [sock for sock in Devmem(kernel.prog).sockets.all if sock.tokens]
        self.assertEqual([sorted(sock.tokens) for sock in found], [[1, 2]])

    def test_slow_reader(self) -> None:
        """One that is always seen to give something back is not judged, and that has an end."""
        kernel = synthetic.Kernel("linux-6.17")
        tokens = {0: 1030} | {n: kernel.word(0) for n in range(1, 60)}
        kernel.set("sock", kernel.sock, sk_user_frags__xa_head=kernel.xarray(tokens))

        def give_back() -> None:
            tokens.popitem()
            kernel.set("sock", kernel.sock, sk_user_frags__xa_head=kernel.xarray(tokens))

        self.happens = give_back
        self.assertEqual(self.held(Devmem(kernel.prog), 1), [])
        self.assertGreater(len(tokens), 10)

    def test_moving_token(self) -> None:
        """A token that is elsewhere each time the iovs are read is not lost."""
        kernel = synthetic.Kernel("ppdevmem")
        read = sockets.Sockets.__dict__["all"].func

        def put(index: int) -> None:
            self.now += 1
            for other in (3, 5):
                counts = int(other == index)
                kernel.set_iov(kernel.iov(other), kernel.pool, 1, counts, self.now * counts)
            table = kernel.xarray({0: 1030, 7: kernel.word(index)})
            kernel.set("sock", kernel.orphan, sk_user_frags__xa_head=table)

        def look(self: Any) -> Any:
            put(3)
            found = read(self)
            put(5)
            return found

        moving = functools.cached_property(look)
        moving.__set_name__(sockets.Sockets, "all")
        with mock.patch.object(sockets.Sockets, "all", moving):
            kinds = [leak.kind for leak in find_leaks(Devmem(kernel.prog), 500)]
        self.assertEqual(kinds, ["unbound", "stalled"])

    def test_lost(self) -> None:
        """What no look finds in a socket, and whose time stands still, is."""
        kernel = synthetic.Kernel("ppdevmem")
        kernel.set_iov(kernel.iov(5), kernel.pool, 3, 2, kernel.SINCE[0])
        lost = [leak for leak in find_leaks(Devmem(kernel.prog), 500) if leak.kind == "lost"]
        self.assertEqual([leak.iovs for leak in lost], [1])

    @each_layout
    def test_gone_meanwhile(self, kernel: synthetic.Kernel) -> None:
        """A binding and a page pool that were about to go have gone."""
        devmem = Devmem(kernel.prog)
        self.assertEqual(len(devmem.bindings), 2)
        listed, pools = kernel.xarray({3: kernel.binding}), kernel.xarray({11: kernel.pool})
        kernel.set("xarray", kernel.symbols["net_devmem_dmabuf_bindings"], xa_head=listed)
        kernel.set("xarray", kernel.symbols["page_pools"], xa_head=pools)
        kinds = {leak.kind for leak in find_leaks(devmem, 500)}
        self.assertEqual(kinds & {"unbound", "stalled"}, set())


class Missing(unittest.TestCase):
    """Errors say what is missing."""

    def test_no_types(self) -> None:
        """Not even a list."""
        with self.assertRaisesRegex(LayoutError, "give its vmlinux with -s"):
            select_layout(synthetic.Fake("").prog)

    def test_no_devmem(self) -> None:
        """A kernel without it."""
        with self.assertRaisesRegex(LayoutError, "CONFIG_NET_DEVMEM"):
            select_layout(synthetic.Fake(synthetic.COMMON).prog)

    def test_no_symbol(self) -> None:
        """Types, but no list of bindings."""
        kernel = synthetic.Kernel("ppdevmem")
        del kernel.symbols["net_devmem_dmabuf_bindings"]
        with self.assertRaisesRegex(LayoutError, "no symbol net_devmem_dmabuf_bindings"):
            Devmem(kernel.prog)

    def test_other_members(self) -> None:
        """A structure that lost a member."""
        common = synthetic.COMMON.replace("exp_name", "name_of_it")
        kernel = synthetic.Fake(common + synthetic.TYPES["ppdevmem"])
        kernel.symbols["net_devmem_dmabuf_bindings"] = kernel.alloc(16)
        with self.assertRaisesRegex(LayoutError, "exp_name"):
            Devmem(kernel.prog)

    def test_no_dump(self) -> None:
        """Files that are no dump."""
        with self.assertRaisesRegex(TargetError, "no such dump: /nonexistent"):
            open_target("/nonexistent")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"\x7fELF, but not really")
            file.flush()
            with self.assertRaisesRegex(TargetError, "not a kernel's dump"):
                open_target(file.name)


#: What may stand where memory was freed and is something else's by now.
GARBAGE = tuple(
    struct.pack("<Q", value)
    for value in (1, 0x6B6B6B6B6B6B6B6B, (1 << 64) - 1, synthetic.BASE + 64 * 9)
)


def _look(prog: Program) -> None:
    """Look at all there is."""
    devmem = Devmem(prog)
    json.dumps(inventory(devmem, devmem.bindings))
    for binding in devmem.bindings:
        for block in devmem.iov_blocks(binding):
            list(block.rows())
    for word in (synthetic.BASE + 65, synthetic.VMEMMAP):
        devmem.decode(word)
    find_leaks(devmem, 1)


class Stray(unittest.TestCase):
    """A kernel in which one word after the other is wrong, as while it changes."""

    @each_layout
    def test_words(self, kernel: synthetic.Kernel) -> None:
        """Whatever it is, one may look."""
        good = bytes(kernel.data)
        for at in range(0, len(good), 8):
            if not any(good[at : at + 8]):
                continue
            for bad in GARBAGE:
                kernel.data[at : at + 8] = bad
                try:
                    _look(kernel.prog)
                except Exception as e:
                    raise AssertionError(f"{bad.hex()} at {at}") from e
            kernel.data[at : at + 8] = good[at : at + 8]

    @each_layout
    def test_count(self, kernel: synthetic.Kernel) -> None:
        """A run does not have more iovs than its binding, else it costs all memory."""
        type_name, address, member = kernel.count_of_run
        kernel.set(type_name, address, **{member: 1 << 30})
        devmem = Devmem(kernel.prog)
        self.assertLess(sum(run.count for run in devmem.bindings[1].runs), 10)
        self.assertEqual(devmem.memory.inconsistent, 1)


class Robust(unittest.TestCase):
    """What is broken is counted and skipped."""

    def setUp(self) -> None:
        self.kernel = synthetic.Kernel("ppdevmem")
        self.memory = Memory(self.kernel.prog)

    def test_fault(self) -> None:
        """An address that nothing is at."""
        self.assertIsNone(self.memory.read(0x1000, 8))
        self.assertIsNone(self.memory.read((1 << 64) - 4, 8))
        self.assertIsNone(self.memory.string(0x1000))
        self.assertEqual(self.memory.faults, 3)

    def test_size(self) -> None:
        """A size that is garbage is not tried, though there is memory."""
        start = 1 << 40
        self.kernel.prog.add_memory_segment(start, start, lambda _, count, *__: bytes(count))
        self.assertEqual(self.memory.read(start, 1 << 20), bytes(1 << 20))
        self.assertIsNone(self.memory.read(start, (1 << 26) + 1))
        self.assertEqual(self.memory.faults, 1)

    def test_hole(self) -> None:
        """An array of which a part cannot be read."""
        end = synthetic.BASE + len(self.kernel.data)
        blocks = list(self.memory.read_array(end - 40, 8, 8))
        self.assertEqual(sum(count for _, count, _ in blocks), 5)
        self.assertEqual(sum(len(data) for _, _, data in blocks), 40)
        self.assertEqual(self.memory.faults, 3)

    def test_endless_list(self) -> None:
        """A list that does not come back to its head."""
        nodes = [self.kernel.alloc(16) for _ in range(4)]
        self.kernel.list(nodes[0], nodes[1:])
        self.assertEqual(list_nodes(self.memory, nodes[0]), nodes[1:])
        self.kernel.words(nodes[3], [nodes[1], nodes[2]])
        self.assertEqual(list_nodes(self.memory, nodes[0]), nodes[1:])
        self.assertEqual(self.memory.inconsistent, 1)

    def test_broken_list(self) -> None:
        """A list that leads nowhere."""
        head = self.kernel.alloc(16)
        self.kernel.words(head, [0x1000, 0x1000])
        self.assertEqual(list_nodes(self.memory, head), [])
        self.assertEqual((self.memory.faults, self.memory.inconsistent), (1, 1))

    def test_xarray(self) -> None:
        """One entry, several levels, and a node that is its own child."""
        entries = {1: 16, 63: 24, 64: 32, 5000: 40, 300000: 49}
        head = self.kernel.xarray(entries)
        self.assertEqual(dict(xarray_entries(self.memory, head)), entries)
        self.assertEqual(list(xarray_entries(self.memory, 48)), [(0, 48)])
        self.assertEqual(list(xarray_entries(self.memory, 0)), [])
        self.kernel.words((head & ~3) + self.kernel.offset("xa_node", "slots"), [head])
        list(xarray_entries(self.memory, head))
        self.assertEqual(self.memory.inconsistent, 1)

    def test_column(self) -> None:
        """A member of each element of an array."""
        record = Record(self.kernel.prog, "struct xa_node", shift="shift", parent="parent")
        data = bytes(range(8)) + struct.pack("<Q", 77) + bytes(record.size - 16)
        self.assertEqual(record.column(data * 3, "parent"), [77] * 3)
        self.assertEqual(record.read(self.memory, 0x1000), None)
        with self.assertRaises(LookupError):
            Record(self.kernel.prog, "struct xa_node", gone="gone")


class CommandLine(unittest.TestCase):
    """The drgn-devmem command."""

    def run_devmem(self, *argv: str) -> tuple[int, str]:
        """Run it on a kernel of ours; return its status and output."""
        kernel = synthetic.Kernel("ppdevmem")
        argv = tuple(f"{kernel.word(0):#x}" if a == "WORD" else a for a in argv)
        argv = tuple(f"{kernel.skb:#x}" if a == "SKB" else a for a in argv)
        args = cli.parse(argv)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = cli.run(kernel.prog, args)
        return status, out.getvalue()

    def test_ls(self) -> None:
        """JSON, before and after the command, and what to list."""
        for argv in (("-j", "ls"), ("ls", "--json")):
            status, out = self.run_devmem(*argv)
            self.assertEqual((status, json.loads(out)), (0, expected("ppdevmem")))
        for argv, ids in (
            (("-b", "2"), [2]),
            (("-p", "311"), [3]),
            (("-p", "1"), []),
            (("-i", "dms0"), [2, 3]),
        ):
            bindings = json.loads(self.run_devmem("-j", *argv, "ls")[1])["bindings"]
            self.assertEqual([binding["id"] for binding in bindings], ids)
        self.assertRegex(self.run_devmem("ls")[1], r"3  rx    dms0 .*\n.*devmemcat\[311\] fd 5")

    def test_iovs(self) -> None:
        """A document that is written piece by piece."""
        document = json.loads(self.run_devmem("-j", "iovs")[1])
        self.assertEqual(len(document["iovs"]), 11)
        document = json.loads(self.run_devmem("-j", "iovs", "--state", "ring")[1])
        self.assertEqual([iov["index"] for iov in document["iovs"]], [3])
        document = json.loads(self.run_devmem("-j", "-p", "1", "iovs")[1])
        self.assertEqual(document, {"layout": "ppdevmem", "iovs": []})
        document = json.loads(self.run_devmem("-j", "-p", "311", "iovs")[1])
        self.assertEqual([iov["index"] for iov in document["iovs"]], [0, 1])
        self.assertEqual(len(self.run_devmem("iovs")[1].splitlines()), 12)

    def test_words(self) -> None:
        """One tagged word, as data and in words."""
        (word,) = json.loads(self.run_devmem("-j", "frag", "WORD")[1])["words"]
        self.assertEqual((word["kind"], word["tagged"], word["binding"]), ("iov", True, 3))
        self.assertEqual(word["holders"][0]["tasks"][0]["pid"], 311)
        self.assertIn("iov 0 of binding 3: user", self.run_devmem("frag", "WORD")[1])
        text = self.run_devmem("explain", "WORD", "0", "1030", "0x1001", "8")[1]
        for part in ("Token 1, 2 of socket", "devmemcat[311] fd 5", "garbage", "placeholder"):
            self.assertIn(part, text)

    def test_skb(self) -> None:
        """A skb, and none."""
        document = json.loads(self.run_devmem("-j", "skb", "SKB")[1])
        self.assertEqual(document["skb"]["frags"][0]["iov"]["place"], "skb")
        self.assertIn("iov 4 of binding 3", self.run_devmem("skb", "SKB")[1])
        with self.assertRaisesRegex(cli.CommandError, "no skb at 0x10"):
            self.run_devmem("skb", "0x10")

    def test_sock(self) -> None:
        """Readers, and what is unread."""
        sockets = json.loads(self.run_devmem("-j", "sock")[1])["sockets"]
        self.assertEqual([sock["tokens"] for sock in sockets], [3, 0])
        unread = sockets[1]["unread"]
        self.assertEqual((len(unread["skbs"]), unread["bytes"], unread["iovs"]), (1, 1000, 1))
        sockets = json.loads(self.run_devmem("-j", "-p", "311", "sock")[1])["sockets"]
        self.assertEqual([sock["cookie"] for sock in sockets], [70])
        self.assertIn("1000 bytes unread, in 1 skbs", self.run_devmem("sock")[1])

    def test_leaks(self) -> None:
        """The exit status tells."""
        status, out = self.run_devmem("-j", "leaks", "50")
        self.assertEqual(status, 1)
        held = json.loads(out)["leaks"][0]
        self.assertEqual((held["kind"], held["seconds"], held["tokens"]), ("held", 100.0, 2))
        self.assertEqual(self.run_devmem("-b", "3", "leaks", "200")[0], 0)
        self.assertIn("nothing is held", self.run_devmem("-b", "3", "leaks", "200")[1])
        document = json.loads(self.run_devmem("-j", "-p", "311", "leaks", "0")[1])
        self.assertEqual([leak["kind"] for leak in document["leaks"]], ["held"])

    def test_leaks_of_one(self) -> None:
        """Another reader of the same binding is not to blame."""
        kernel = synthetic.Kernel("ppdevmem")
        kernel.set_iov(kernel.iov(5), kernel.pool, 1, 1, kernel.SINCE[0])
        kernel.set(
            "sock",
            kernel.orphan,
            sk_user_frags__xa_head=kernel.xarray({0: 1030, 1: kernel.word(5)}),
        )
        with contextlib.redirect_stdout(io.StringIO()) as out:
            cli.run(kernel.prog, cli.parse(["-j", "-p", "311", "leaks", "50"]))
        cookies = [leak["cookie"] for leak in json.loads(out.getvalue())["leaks"]]
        self.assertEqual(cookies, [70])

    def test_what_is_not_there(self) -> None:
        """A device or binding that does not exist is no empty list."""
        for argv, what in (
            (("-i", "eth0", "ls"), "no network device 'eth0'"),
            (("-b", "99", "iovs"), "no binding 99"),
            (("sock", "-b", "99"), "no binding 99"),
            (("leaks", "-i", "eth0"), "no network device 'eth0'"),
        ):
            with self.assertRaisesRegex(cli.CommandError, what):
                self.run_devmem(*argv)

    def test_usage(self) -> None:
        """Wrong usage is status 2 and says what is wrong."""
        for argv, what in (
            ([], "COMMAND"),
            (["frag"], "WORD"),
            (["frag", "zzz"], "'zzz' is no 64-bit word"),
            (["frag", "0x10000000000000000"], "no 64-bit word"),
            (["leaks", "soon"], "'soon' is no number of seconds"),
            (["iovs", "--state", "lost"], "lost"),
            (["-p", "1", "frag", "1"], "-p is for commands that list"),
            (["skb", "-b", "1", "1"], "-b is for commands that list"),
        ):
            err = io.StringIO()
            with contextlib.redirect_stderr(err), self.assertRaises(SystemExit) as caught:
                cli.main(argv)
            self.assertEqual(caught.exception.code, 2)
            self.assertIn(what, err.getvalue())

    def test_damaged_dump(self) -> None:
        """What is left is listed, and that it is not all is said, by the status, too."""
        kernel = synthetic.Kernel("ppdevmem")
        kernel.set("net_devmem_dmabuf_binding", kernel.binding, dmabuf=0x1000)
        args = cli.parse(["ls"])
        with contextlib.redirect_stdout(io.StringIO()) as out:
            with contextlib.redirect_stderr(io.StringIO()) as err:
                self.assertEqual(cli.run(kernel.prog, args), 1)
        self.assertEqual(len(out.getvalue().splitlines()), 4)
        self.assertRegex(err.getvalue(), "1 reads failed.*damaged or cut off.*incomplete")

    def test_failure(self) -> None:
        """A dump that is none is status 1."""
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            self.assertEqual(cli.main(["-c", "/nonexistent", "ls"]), 1)
        self.assertEqual(err.getvalue(), "drgn-devmem: no such dump: /nonexistent\n")


def make_btf() -> bytes:
    """struct node { int value : 3; long pad; struct node *next; } and its types."""
    strings = b"\0int\0node\0value\0next\0state\0ON\0word\0"

    def name(text: bytes) -> int:
        return strings.index(b"\0" + text + b"\0") + 1 if text else 0

    def entry(text: bytes, kind: int, vlen: int, size: int, flag: int = 0) -> bytes:
        return struct.pack("<III", name(text), flag << 31 | kind << 24 | vlen, size)

    def member(text: bytes, type_: int, bits: int, size: int = 0) -> bytes:
        return struct.pack("<III", name(text), type_, size << 24 | bits)

    types = entry(b"int", 1, 0, 4) + struct.pack("<I", 1 << 24 | 32)
    types += entry(b"node", 4, 3, 24, 1)
    types += member(b"value", 1, 32, 3) + member(b"word", 5, 64) + member(b"next", 3, 128)
    types += entry(b"", 2, 0, 2)
    types += entry(b"state", 6, 1, 4, 1) + struct.pack("<Ii", name(b"ON"), -2)
    types += entry(b"", 3, 0, 0) + struct.pack("<III", 4, 1, 2)
    types += entry(b"word", 8, 0, 1)
    header = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(types), len(types), len(strings))
    return header + types + strings


class Plugin(unittest.TestCase):
    """What drgn calls when it opens a program."""

    def test_names(self) -> None:
        """A kernel's session gets the helpers, another's does not."""
        linux: Any = drgn.helpers.linux
        plugin.drgn_prog_set(SimpleNamespace(flags=ProgramFlags(0)))
        self.assertNotIn("decode_netmem", linux.__all__)
        for _ in range(2):
            plugin.drgn_prog_set(SimpleNamespace(flags=ProgramFlags.IS_LINUX_KERNEL))
        self.assertEqual(linux.__all__.count("decode_netmem"), 1)
        self.assertIs(linux.decode_netmem, helpers.decode_netmem)

    def test_default_program(self) -> None:
        """As with drgn's own helpers, the program may be left out."""
        kernel = synthetic.Kernel("ppdevmem")
        drgn.set_default_prog(kernel.prog)
        self.addCleanup(drgn.set_default_prog, None)
        self.assertEqual(len(list(helpers.for_each_devmem_binding())), 2)
        self.assertEqual(helpers.decode_netmem(kernel.word(0)).kind, "iov")
        self.assertEqual(int(helpers.netmem_to_net_iov(kernel.word(0))), kernel.iov(0))


@unittest.skipUnless(importlib.util.find_spec("drgn.commands"), "newest.t has a drgn with commands")
class Commands(unittest.TestCase):
    """``%devmem``, and the same in the crash mode."""

    def run_command(self, namespace: str, source: str, prog: Program) -> str:
        """Run a command as a session of a kernel would; return its output."""
        crash = importlib.import_module("drgn.commands._crash.common")
        command = getattr(crash, namespace)._commands["devmem"]
        parsed = command.parse(source)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            with contextlib.redirect_stderr(out):
                command.run(prog, "devmem", parsed.args, globals={})
        return out.getvalue()

    def test_no_crash_mode(self) -> None:
        """A drgn whose crash mode is not where it was still gets the command."""
        commands: Any = importlib.import_module("drgn.commands")
        crash = "drgn.commands._crash.common"
        known = commands.DEFAULT_COMMAND_NAMESPACE._commands
        with mock.patch.dict(known), mock.patch.dict(sys.modules, {crash: None}):
            del known["devmem"]
            plugin._register()
            self.assertIn("devmem", known)

    def test_command(self) -> None:
        """Options before and after the command's name; what is wrong is said."""
        for namespace in ("DEFAULT_COMMAND_NAMESPACE", "CRASH_COMMAND_NAMESPACE"):
            prog = synthetic.Kernel("ppdevmem").prog
            for source in ("-j ls", "ls -j"):
                document = json.loads(self.run_command(namespace, source, prog))
                self.assertEqual(document, expected("ppdevmem"))
            self.assertIn("WORD", self.run_command(namespace, "frag", prog))
            for source, what in (("skb 16", "no skb at 0x10"), ("ls", "no types")):
                with self.assertRaisesRegex(Exception, what):
                    self.run_command(namespace, source, prog)
                prog = synthetic.Fake("").prog


class Types(unittest.TestCase):
    """Types from BTF."""

    def setUp(self) -> None:
        self.prog = synthetic.Fake("").prog

    def test_types(self) -> None:
        """A structure that points to itself, a bit-field, an enum, an array."""
        self.prog.register_type_finder("btf", Btf(self.prog, make_btf()).find, enable_index=0)
        node = self.prog.type("struct node")
        self.assertEqual(node.size, 24)
        self.assertEqual([m.bit_offset for m in node.members], [32, 64, 128])
        self.assertEqual(node.member("value").bit_field_size, 3)
        self.assertEqual(node.member("next").type.type.type_name(), "struct node")
        self.assertEqual(node.member("word").type.length, 2)
        self.assertEqual(self.prog.type("enum state").enumerators[0].value, -2)
        self.assertEqual(self.prog.type("word").type.type_name(), "int")
        with self.assertRaises(LookupError):
            self.prog.type("struct none")

    def test_twice(self) -> None:
        """Types are taken from another file, and after a failure, in the same session."""
        with mock.patch.object(btf, "use_kallsyms"), tempfile.NamedTemporaryFile() as file:
            for data in (b"no BTF", make_btf(), make_btf()):
                file.seek(0)
                file.write(data)
                file.flush()
                with contextlib.suppress(TargetError):
                    load_types(self.prog, file.name)
        self.assertEqual(self.prog.type("struct node").size, 24)
        self.assertFalse(has_type(self.prog, "struct none"))

    def test_symbols_twice(self) -> None:
        """So are symbols."""
        symbols = [{"one": [16]}, {"two": [32]}]
        with mock.patch.object(kallsyms, "_from_memory", side_effect=symbols):
            for _ in range(2):
                kallsyms.use_kallsyms(self.prog)
        self.assertEqual([s.address for s in self.prog.symbols("two")], [32])
        self.assertEqual(self.prog.symbols("one"), [])

    def test_broken(self) -> None:
        """Not BTF, and BTF that was cut off."""
        for data in (b"", b"\x7fELF" * 10, make_btf()[:40]):
            with self.assertRaises(BtfError):
                Btf(self.prog, data)


if __name__ == "__main__":
    unittest.main()
