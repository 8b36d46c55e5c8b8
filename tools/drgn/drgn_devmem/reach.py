# SPDX-License-Identifier: GPL-2.0-or-later
"""
What processes can get at
-------------------------

A process has a socket open, or it has something open that has the socket: a unix socket
that it was sent over and not yet received from, a ring of io_uring whose fixed file it
is, a listener whose connection nobody accepted yet.
"""

import collections
import functools
import struct
from typing import Any, Deque, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from .bindings import Kernel
from .layout import has_member, has_type
from .memory import Record, list_nodes, xarray_entries

__all__ = ("HOWS", "Reach", "Task")

_AF_UNIX = 1
_INET = (2, 10)
_IPPROTO_TCP = 6
_TCP_LISTEN = 10
# As many as one message, or one ring, or one listener may have
_MAX_FDS = 253
_MAX_FILES = 1 << 20
_MAX_WAITING = 1 << 20

#: How a process can have something, the most direct way first.
HOWS = ("fd", "in_flight", "registered", "unaccepted")


class Task(NamedTuple):
    """A process that can get at something."""

    pid: int
    comm: str
    #: Its descriptor, of the thing itself or of what that is in.
    fd: int
    #: One of :data:`HOWS`.
    how: str = "fd"


#: ``sock``, ``ring`` (``struct io_ring_ctx``) or ``queue`` (``struct io_zcrx_ifq``), and address.
_Thing = Tuple[str, int]


def _directness(task: Task) -> Tuple[int, int]:
    return HOWS.index(task.how), task.fd


class Reach:
    """What the processes of a kernel can get at, at one look."""

    def __init__(self, kernel: Kernel) -> None:
        """
        :param kernel: Whose processes.
        :raises LookupError: if its types are not what they should be
        """
        self.kernel = kernel
        self.memory = kernel.memory
        prog = kernel.prog
        self._file = Record.of(prog, "struct file", op="f_op", data="private_data")
        self._socket = Record.of(prog, "struct socket", sk="sk")
        self._task = Record.of(
            prog,
            "struct task_struct",
            tgid="tgid",
            comm="comm",
            files="files",
            signal="signal",
        )
        self._task_lists = Record.of(
            prog, "struct task_struct", tasks="tasks", threads="thread_node"
        ).offsets
        self._signal = Record.of(prog, "struct signal_struct", threads="thread_head")
        self._files = Record.of(prog, "struct files_struct", table="fdt")
        self._table = Record.of(prog, "struct fdtable", size="max_fds", files="fd")
        self._sock = Record.of(
            prog,
            "struct sock",
            family="__sk_common.skc_family",
            state="__sk_common.skc_state",
            protocol="sk_protocol",
            queue="sk_receive_queue.next",
        )
        self._listener = Record.of(
            prog, "struct inet_connection_sock", first="icsk_accept_queue.rskq_accept_head"
        )
        self._request = Record.of(prog, "struct request_sock", next="dl_next", sk="sk")
        self._setup_unix()
        self._setup_rings()

    def _setup_unix(self) -> None:
        prog = self.kernel.prog
        self._passed: Optional[Record] = None
        # A kernel may be built without
        if has_type(prog, "struct unix_skb_parms"):
            self._passed = Record.of(prog, "struct scm_fp_list", count="count", files="fp")
            self._skb = Record.of(prog, "struct sk_buff", sk="sk", control="cb")
            self._control = Record.of(prog, "struct unix_skb_parms", passed="fp")

    def _setup_rings(self) -> None:
        prog = self.kernel.prog
        self._ring: Optional[Record] = None
        self._ring_ops = self.kernel.symbol("io_uring_fops", required=False)
        if not self._ring_ops:
            return
        members = {"files": "file_table.data.nodes", "count": "file_table.data.nr"}
        # Until "io_uring/rsrc: get rid of per-ring io_rsrc_node list" (in v6.13)
        self._slots = has_member(prog, "struct io_file_table", "files")
        if self._slots:
            members = {"files": "file_table.files", "count": "nr_user_files"}
        else:
            self._node = Record.of(prog, "struct io_rsrc_node", file="file_ptr")
        # One queue for each ring, until "io_uring/zcrx: add support for multiple ifqs" (in v6.16)
        for name, member in (("queues", "zcrx_ctxs.xa_head"), ("queue", "ifq")):
            if has_member(prog, "struct io_ring_ctx", member.partition(".")[0]):
                members[name] = member
        self._ring = Record.of(prog, "struct io_ring_ctx", **members)

    # Tasks and their files

    def _tasks(self) -> Iterator[Any]:
        """Threads, as far as they have files of their own."""
        seen = set()
        init = self.kernel.symbol("init_task")
        head = init + self._task_lists["tasks"]
        for node in [head, *list_nodes(self.memory, head)]:
            leader = self._task.read(self.memory, node - self._task_lists["tasks"])
            for task in self._threads(leader):
                if task.files and (task.tgid, task.files) not in seen:
                    seen.add((task.tgid, task.files))
                    yield leader, task

    def _threads(self, leader: Any) -> Iterator[Any]:
        if leader is None:
            return
        yield leader
        head = leader.signal + self._signal.offsets["threads"]
        for node in list_nodes(self.memory, head):
            address = node - self._task_lists["threads"]
            task = self._task.read(self.memory, address)
            if task is not None:
                yield task

    def _open_files(self, files: int) -> Iterator[Tuple[int, int]]:
        """File descriptors and ``struct file`` of a ``struct files_struct``."""
        pointer = self._files.read(self.memory, files)
        table = self._table.read(self.memory, pointer.table) if pointer else None
        if table is None:
            return
        for first, count, data in self.memory.read_array(table.files, table.size, 8):
            for i, file in enumerate(struct.unpack(f"<{count}Q", data)):
                if file:
                    yield first + i, file

    def _thing(self, address: int) -> Optional[_Thing]:
        """What a ``struct file`` is, if that is of interest."""
        file = self._file.read(self.memory, address, cached=True)
        if file is None:
            return None
        if file.op == self._socket_ops:
            socket = self._socket.read(self.memory, file.data, cached=True)
            return ("sock", socket.sk) if socket is not None and socket.sk else None
        if self._ring is not None and file.op == self._ring_ops and file.data:
            return "ring", file.data
        return None

    @functools.cached_property
    def _socket_ops(self) -> int:
        return self.kernel.symbol("socket_file_ops")

    # What is in something else

    def _inside(self, thing: _Thing) -> Iterator[Tuple[Optional[str], _Thing]]:
        """What something has, and how; ``None``: as directly as one has that itself."""
        kind, address = thing
        if kind == "ring":
            yield from self._in_ring(address)
        elif kind == "sock":
            sock = self._sock.read(self.memory, address)
            if sock is None:
                return
            if sock.family == _AF_UNIX:
                yield from self._in_unix(address, sock)
            elif (sock.state, sock.protocol) == (_TCP_LISTEN, _IPPROTO_TCP):
                if sock.family in _INET:
                    yield from self._waiting(address)

    def _in_unix(self, address: int, sock: Any) -> Iterator[Tuple[str, _Thing]]:
        head = address + self._sock.offsets["queue"]
        if self._passed is None or sock.queue == head:
            return
        for node in list_nodes(self.memory, head):
            skb = self._skb.read(self.memory, node)
            if skb is None:
                continue
            if sock.state == _TCP_LISTEN and skb.sk:
                yield "unaccepted", ("sock", skb.sk)
            for file in self._passed_files(self._control.unpack(skb.control).passed):
                thing = self._thing(file)
                if thing is not None:
                    yield "in_flight", thing

    def _passed_files(self, address: int) -> List[int]:
        assert self._passed is not None
        count = self.memory.read(address + self._passed.offsets["count"], 2) if address else None
        number = int.from_bytes(count, "little", signed=True) if count else 0
        # It is only as long as it has to be
        if not 0 < number <= _MAX_FDS:
            return []
        data = self.memory.read(address + self._passed.offsets["files"], 8 * number)
        return [file for file in struct.unpack(f"<{number}Q", data) if file] if data else []

    def _waiting(self, address: int) -> Iterator[Tuple[str, _Thing]]:
        """Connections of a listener that nobody accepted yet."""
        listener = self._listener.read(self.memory, address)
        request = listener.first if listener is not None else 0
        seen: Set[int] = set()
        while request and request not in seen and len(seen) < _MAX_WAITING:
            seen.add(request)
            data = self._request.read(self.memory, request)
            if data is None:
                return
            if data.sk:
                yield "unaccepted", ("sock", data.sk)
            request = data.next

    def _in_ring(self, address: int) -> Iterator[Tuple[Optional[str], _Thing]]:
        ring = self._ring.read(self.memory, address) if self._ring is not None else None
        if ring is None:
            return
        for queue in self._queues(ring):
            yield None, ("queue", queue)
        if not 0 < ring.count <= _MAX_FILES:
            return
        for _, n, data in self.memory.read_array(ring.files, ring.count, 8):
            for word in struct.unpack(f"<{n}Q", data):
                thing = self._registered(word) if word else None
                if thing is not None:
                    yield "registered", thing

    def _registered(self, word: int) -> Optional[_Thing]:
        """A slot of a table of fixed files."""
        if not self._slots:
            node = self._node.read(self.memory, word, cached=True)
            word = node.file if node is not None else 0
        # Its lowest bits are flags
        return self._thing(word & ~7) if word & ~7 else None

    def _queues(self, ring: Any) -> List[int]:
        if hasattr(ring, "queues"):
            return [entry for _, entry in xarray_entries(self.memory, ring.queues) if not entry & 3]
        queue = getattr(ring, "queue", 0)
        return [queue] if queue else []

    # All of it

    @functools.cached_property
    def _found(self) -> Dict[_Thing, Dict[int, Task]]:
        """Everything that somebody can get at: how each process can most directly."""
        found: Dict[_Thing, Dict[int, Task]] = {}
        inside: Dict[_Thing, List[Tuple[Optional[str], _Thing]]] = {}
        todo: Deque[Tuple[_Thing, Task]] = collections.deque()
        for leader, task in self._tasks():
            comm = leader.comm.split(b"\0")[0].decode(errors="replace")
            for fd, file in self._open_files(task.files):
                thing = self._thing(file)
                if thing is not None:
                    todo.append((thing, Task(leader.tgid, comm, fd)))
        while todo:
            thing, task = todo.popleft()
            known = found.setdefault(thing, {}).get(task.pid)
            if known is not None and _directness(known) <= _directness(task):
                continue
            found[thing][task.pid] = task
            if thing not in inside:
                inside[thing] = list(self._inside(thing))
            todo += [(other, task._replace(how=how or task.how)) for how, other in inside[thing]]
        return found

    def _of_kind(self, kind: str) -> Dict[int, List[Task]]:
        return {
            address: sorted(tasks.values())
            for (what, address), tasks in self._found.items()
            if what == kind
        }

    @functools.cached_property
    def socks(self) -> Dict[int, List[Task]]:
        """Address of a ``struct sock`` -> who can get at it, by pid, each process once."""
        return self._of_kind("sock")

    @functools.cached_property
    def queues(self) -> Dict[int, List[Task]]:
        """Address of a ``struct io_zcrx_ifq`` -> who has a ring that it serves."""
        return self._of_kind("queue")
