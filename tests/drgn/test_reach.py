# SPDX-License-Identifier: GPL-2.0-or-later
"""Who can get at a socket without a descriptor of it; run by unit.t, no kernel needed."""

import unittest
from typing import Any

import synthetic
from drgn_devmem import text
from drgn_devmem.document import inventory
from drgn_devmem.iovs import Devmem

UNIX, INET = 1, 2
ESTABLISHED, LISTEN = 1, 10
#: The same in all layouts but for io_uring's table of files.
LAYOUTS = ("ppdevmem", "linux-6.17", "linux-6.15", "linux-6.12")


class Scene:
    """A synthetic.Kernel, whose socket with tokens nobody has a descriptor of."""

    def __init__(self, layout: str) -> None:
        self.kernel = synthetic.Kernel(layout)
        self.file = self.kernel.sock_file(self.kernel.sock)
        self.kernel.tasks.clear()
        self.kernel.add_task(311, b"devmemcat", {})

    def tasks(self) -> list[tuple[int, int, str]]:
        """Who can get at it: pid, descriptor and how."""
        devmem = Devmem(self.kernel.prog)
        found = inventory(devmem, devmem.bindings)["bindings"][1]["holders"]
        assert (devmem.memory.faults, devmem.memory.inconsistent) == (0, 0)
        return [(t["pid"], t["fd"], t["how"]) for holder in found for t in holder["tasks"]]

    def unix_sock(self, state: int, *skbs: int) -> int:
        """A unix socket that skbs wait in."""
        sock = self.kernel.new("tcp_sock")
        self.kernel.set("sock_common", sock, skc_family=UNIX, skc_state=state)
        self.kernel.list(sock + self.kernel.offset("sock", "sk_receive_queue"), skbs)
        return sock

    def message(self, *files: int) -> int:
        """A message with descriptors."""
        kernel = self.kernel
        passed = kernel.new("scm_fp_list", count=len(files))
        kernel.words(passed + kernel.offset("scm_fp_list", "fp"), files)
        skb = kernel.new("sk_buff")
        control = skb + kernel.offset("sk_buff", "cb")
        kernel.set("unix_skb_parms", control, fp=passed)
        return skb

    def ring(self, *files: int) -> int:
        """A file that is a ring, with fixed files."""
        kernel = self.kernel
        ops = kernel.symbols["io_uring_fops"] = kernel.alloc(8)
        slots = kernel.alloc(8 * len(files))
        ring = kernel.new("io_ring_ctx")
        if kernel.has("io_ring_ctx", "nr_user_files"):
            # The lowest bits are flags
            kernel.words(slots, [file | 3 if file else 0 for file in files])
            kernel.set("io_ring_ctx", ring, nr_user_files=len(files), file_table__files=slots)
        else:
            nodes = [kernel.new("io_rsrc_node", file_ptr=f | 3) if f else 0 for f in files]
            kernel.words(slots, nodes)
            kernel.set(
                "io_ring_ctx", ring, file_table__data__nr=len(files), file_table__data__nodes=slots
            )
        return kernel.new("file", f_op=ops, private_data=ring)

    def listener(self, *socks: int) -> int:
        """A TCP socket that connections wait in; the first has not sent its data yet."""
        kernel = self.kernel
        following = 0
        for sock in reversed((0, *socks)):
            following = kernel.new("request_sock", sk=sock, dl_next=following)
        listener = kernel.make_sock(0, {}, [])
        kernel.set("sock_common", listener, skc_state=LISTEN)
        kernel.set("inet_connection_sock", listener, icsk_accept_queue__rskq_accept_head=following)
        return listener


class Unreached(unittest.TestCase):
    """One test for each way."""

    def each(self) -> Any:
        """A scene of each layout."""
        for layout in LAYOUTS:
            with self.subTest(layout):
                yield Scene(layout)

    def test_nobody(self) -> None:
        """It is said."""
        for scene in self.each():
            scene.kernel.hash_sock(scene.kernel.sock, 4)
            self.assertEqual(scene.tasks(), [])
            devmem = Devmem(scene.kernel.prog)
            word = devmem.decode(scene.kernel.word(0))
            self.assertIn(
                "held by nobody that can be reached", "\n".join(text.explain(devmem, word))
            )

    def test_in_flight(self) -> None:
        """Sent over a unix socket, and not received; not even TCP's hash has it."""
        for scene in self.each():
            other = scene.kernel.sock_file(scene.kernel.orphan)
            sock = scene.unix_sock(ESTABLISHED, scene.message(), scene.message(other, scene.file))
            scene.kernel.add_task(400, b"receiver", {7: scene.kernel.sock_file(sock)})
            self.assertEqual(scene.tasks(), [(400, 7, "in_flight")])

    def test_in_flight_unaccepted(self) -> None:
        """In a connection that nobody accepted, of a unix listener."""
        for scene in self.each():
            skb = scene.message()
            inner = scene.unix_sock(ESTABLISHED, scene.message(scene.file))
            scene.kernel.set("sk_buff", skb, sk=inner)
            sock = scene.unix_sock(LISTEN, skb)
            scene.kernel.add_task(400, b"receiver", {7: scene.kernel.sock_file(sock)})
            self.assertEqual(scene.tasks(), [(400, 7, "in_flight")])

    def test_circle(self) -> None:
        """A unix socket in flight in itself."""
        for scene in self.each():
            sock = scene.unix_sock(ESTABLISHED)
            file = scene.kernel.sock_file(sock)
            queue = sock + scene.kernel.offset("sock", "sk_receive_queue")
            scene.kernel.list(queue, [scene.message(file, scene.file)])
            scene.kernel.add_task(400, b"receiver", {7: file})
            self.assertEqual(scene.tasks(), [(400, 7, "in_flight")])

    def test_registered(self) -> None:
        """A fixed file of a ring, with a slot that is empty."""
        for scene in self.each():
            scene.kernel.add_task(400, b"ring", {3: scene.ring(0, scene.file)})
            self.assertEqual(scene.tasks(), [(400, 3, "registered")])

    def test_unaccepted(self) -> None:
        """A connection that nobody accepted yet."""
        for scene in self.each():
            file = scene.kernel.sock_file(scene.listener(scene.kernel.orphan, scene.kernel.sock))
            scene.kernel.add_task(400, b"listener", {4: file})
            self.assertEqual(scene.tasks(), [(400, 4, "unaccepted")])

    def test_once(self) -> None:
        """A process is listed once, by the most direct way; a thread's own table is its."""
        for scene in self.each():
            kernel = scene.kernel
            task = kernel.add_task(
                400, b"all", {3: scene.ring(scene.file), 9: scene.file, 8: scene.file}
            )
            kernel.add_task(401, b"some", {5: scene.ring(scene.file)})
            thread = kernel.new("task_struct", pid=402, tgid=400, comm=b"thread")
            kernel.set("task_struct", thread, files=kernel.make_files({2: scene.file}))
            signal = int.from_bytes(
                kernel.prog.read(task + kernel.offset("task_struct", "signal"), 8), "little"
            )
            node = kernel.offset("task_struct", "thread_node")
            kernel.list(
                signal + kernel.offset("signal_struct", "thread_head"), [task + node, thread + node]
            )
            kernel.set("task_struct", thread, signal=signal)
            self.assertEqual(scene.tasks(), [(400, 2, "fd"), (401, 5, "registered")])

    def test_words(self) -> None:
        """How it is said."""
        entry = {"pid": 40, "comm": "x", "fd": 4}
        for how, want in (
            ("fd", "x[40] fd 4"),
            ("in_flight", "in flight in a unix socket of x[40] fd 4"),
            ("registered", "registered with io_uring of x[40] fd 4"),
            ("unaccepted", "not accepted yet, listener of x[40] fd 4"),
        ):
            self.assertEqual(text._tasks([{**entry, "how": how}]), want)

    def test_without(self) -> None:
        """A kernel without unix sockets and io_uring."""
        common = synthetic.COMMON.replace("unix_skb_parms: ", "other: ")
        kernel = synthetic.Kernel("ppdevmem", common)
        self.assertEqual([len(s.tasks) for s in Devmem(kernel.prog).sockets.all], [1, 0])
