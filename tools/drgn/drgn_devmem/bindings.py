# SPDX-License-Identifier: GPL-2.0-or-later
"""
Bindings and page pools
-----------------------

What is bound where, and which page pools live on it, also after user space let
go of it.
"""

import dataclasses
import functools
import struct
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from drgn import Program, sizeof

from .layout import LayoutError, Run, detach_unit, select_layout
from .memory import TYPES_KEY, XA_ZERO_ENTRY, Memory, Record, list_nodes, xarray_entries
from .zcrx import InterfaceQueue, Zcrx

__all__ = ("Binding", "DmaBuf", "Kernel", "NetDevice", "Pool")


class NetDevice(NamedTuple):
    """A network device that exists."""

    #: Address of the ``struct net_device``.
    address: int
    name: str
    ifindex: int
    #: Inode of its network namespace.
    netns: int
    #: Address of its receive queues.
    queues: int
    num_queues: int


class DmaBuf(NamedTuple):
    """What a binding is made of."""

    inode: Optional[int]
    #: In bytes.
    size: int
    exporter: Optional[str]


@dataclasses.dataclass
class Binding:
    """A dma-buf attached to a device, or an area of io_uring's zero-copy receive."""

    #: Address of the ``struct net_devmem_dmabuf_binding``, or ``struct io_zcrx_area``.
    address: int
    #: What its page pools name: itself, or the ``struct io_zcrx_ifq`` of the area.
    provider: int
    #: ``rx``, received into a dma-buf; ``tx``, sent from a dma-buf; ``io_uring``.
    kind: str
    #: ``None`` for io_uring.
    id: Optional[int]
    #: Number of the area in its interface queue; ``None`` for a dma-buf.
    area: Optional[int]
    #: User space let go of it, something still holds it.
    unbound: bool
    #: ``None`` if the device is gone.
    device: Optional[NetDevice]
    #: Still known when the device is gone, by some kernels.
    ifindex: Optional[int]
    dmabuf: Optional[DmaBuf]
    #: In bytes.
    iov_size: int
    queues: List[int]
    runs: List[Run]
    #: Number of iovs.
    total: int
    #: How many of them are free; ``None`` for what is sent from.
    free: Optional[int]
    #: How many of them have a token; ``None`` if only the sockets know.
    user: Optional[int]
    counters: Dict[str, Optional[int]]
    #: What user space holds of an area: address of an iov -> how often.
    user_refs: Dict[int, int] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """How it is called in one line."""
        if self.kind != "io_uring":
            return f"binding {self.id}"
        device = self.device.name if self.device else "no device"
        queue = f" queue {self.queues[0]}" if self.queues else ""
        return f"io_uring area {self.area} of {device}{queue}"


@dataclasses.dataclass
class Pool:
    """A page pool on device memory, or on io_uring's."""

    #: Address of the ``struct page_pool``.
    address: int
    #: As netlink knows it.
    id: int
    #: Address of the ``struct net_devmem_dmabuf_binding``, or ``struct io_zcrx_ifq``.
    provider: int
    #: Whether it lives on a dma-buf.
    on_dmabuf: bool
    #: Iovs that it has or that are out with its name on them.
    inflight: int
    #: When its driver gave it up, in seconds of the boot clock; 0 if it is in use.
    detached: float
    #: Words in its allocation cache.
    cache: List[int]
    #: Words in its ring.
    ring: List[int]
    #: Word that it is cutting into frags, or 0.
    frag: int


class Kernel:
    """
    A kernel's device memory, as it is at one look.

    What was read once is not read again: make a new one for a new look.
    """

    def __init__(self, prog: Program) -> None:
        """
        :param prog: Kernel, live or dumped.
        :raises LayoutError: if it has no device memory, or no types or symbols
        """
        self.prog = prog
        self.memory = Memory(prog)
        self.layout = select_layout(prog)
        self._bindings_head = self.symbol("net_devmem_dmabuf_bindings")
        try:
            self._setup()
        except LookupError as e:
            raise LayoutError(f"the kernel's types are not what they should be: {e}")

    def _setup(self) -> None:
        prog = self.prog
        self._xarray = Record.of(prog, "struct xarray", head="xa_head")
        self._dmabuf = Record.of(
            prog, "struct dma_buf", size="size", exporter="exp_name", file="file"
        )
        self._file = Record.of(prog, "struct file", inode="f_inode")
        self._inode = Record.of(prog, "struct inode", ino="i_ino")
        self._net = Record.of(prog, "struct net", inum="ns.inum")
        self._net_offsets = Record.of(
            prog, "struct net", list="list", devices="dev_base_head"
        ).offsets
        self._device = Record.of(
            prog,
            "struct net_device",
            name="name",
            ifindex="ifindex",
            list="dev_list",
            queues="_rx",
            num_queues="num_rx_queues",
        )
        self._queue_size = int(sizeof(prog.type("struct netdev_rx_queue")))
        self._zcrx_ops = self.symbol("io_uring_pp_zc_ops", required=False)
        self._zcrx: Optional[Zcrx] = None
        if self._zcrx_ops and Zcrx.exists(prog):
            self._zcrx = Zcrx(prog, self.memory, self.layout.iov.size)
            self._queue = Record.of(
                prog, "struct netdev_rx_queue", priv="mp_params.mp_priv", ops="mp_params.mp_ops"
            )
        self._pool = Record.of(
            prog,
            "struct page_pool",
            hold="pages_state_hold_cnt",
            release="pages_state_release_cnt",
            count="alloc.count",
            cache="alloc.cache",
            ring_head="ring.consumer_head",
            ring_tail="ring.consumer_tail",
            ring_size="ring.size",
            ring="ring.queue",
            priv="mp_priv",
            frag="frag_page",
            id="user.id",
            detached="user.detach_time",
        )
        self._detach_unit = detach_unit(prog)
        self._pool_ops = Record.of(prog, "struct page_pool", ops="mp_ops")

    def symbol(self, name: str, required: bool = True) -> int:
        """
        Find a variable of the kernel.

        :param name: Its name; static ones are found, too.
        :param required: Whether it is an error if there is none.
        :return: Its address, 0 if there is none.
        :raises LayoutError: if it is required and there is none
        """
        # drgn goes through all symbols each time
        key = (TYPES_KEY, "symbol", name)
        if key in self.prog.cache:
            return int(self.prog.cache[key])
        symbols = self.prog.symbols(name)
        if len({symbol.address for symbol in symbols}) == 1:
            self.prog.cache[key] = int(symbols[0].address)
            return int(symbols[0].address)
        if not required:
            return 0
        what = f"{len(symbols)} symbols {name}" if symbols else f"no symbol {name}"
        raise LayoutError(
            f"{what} in the kernel: give the vmlinux that it was booted from with "
            "-s, or boot one with CONFIG_KALLSYMS_ALL and CONFIG_NET_DEVMEM"
        )

    def per_cpu_symbol(self, name: str) -> int:
        """
        Find a variable that each CPU has.

        :param name: Its name.
        :return: Its address, as a distance from the memory of each CPU.
        :raises LayoutError: if there is none
        """
        try:
            # drgn knows that this is not moved with the rest of the kernel
            address = self.prog.variable(name).address_
            return self.symbol(name) if address is None else int(address)
        except LookupError:
            return self.symbol(name)

    @functools.cached_property
    def per_cpu_offsets(self) -> List[int]:
        """Where the memory of each possible CPU is."""
        mask = Record.of(self.prog, "struct cpumask", bits="bits").read(
            self.memory, self.symbol("__cpu_possible_mask")
        )
        possible = int.from_bytes(mask.bits, "little") if mask is not None else 0
        offsets = self.symbol("__per_cpu_offset")
        words = (
            self.memory.word(offsets + 8 * cpu)
            for cpu in range(possible.bit_length())
            if possible >> cpu & 1
        )
        return [word for word in words if word is not None]

    def xarray(self, address: int) -> List[Tuple[int, int]]:
        """
        :param address: Address of a ``struct xarray``.
        :return: Its ``(index, entry)`` pairs, without reserved entries.
        """
        xarray = self._xarray.read(self.memory, address)
        return self._entries(xarray.head) if xarray else []

    def _entries(self, head: int) -> List[Tuple[int, int]]:
        return [
            (index, entry)
            for index, entry in xarray_entries(self.memory, head)
            if entry != XA_ZERO_ENTRY
        ]

    @functools.cached_property
    def namespaces(self) -> Dict[int, int]:
        """Network namespaces: address of a ``struct net`` -> inode."""
        nodes = list_nodes(self.memory, self.symbol("net_namespace_list"))
        nets = {}
        for node in nodes:
            address = node - self._net_offsets["list"]
            net = self._net.read(self.memory, address)
            if net is not None:
                nets[address] = net.inum
        return nets

    @functools.cached_property
    def devices(self) -> Dict[int, NetDevice]:
        """Network devices in all namespaces, by address."""
        devices = {}
        for net, inum in self.namespaces.items():
            head = net + self._net_offsets["devices"]
            for node in list_nodes(self.memory, head):
                address = node - self._device.offsets["list"]
                dev = self._device.read(self.memory, address)
                if dev is not None:
                    name = dev.name.split(b"\0")[0].decode(errors="replace")
                    devices[address] = NetDevice(
                        address, name, dev.ifindex, inum, dev.queues, dev.num_queues
                    )
        return devices

    def _dmabuf_at(self, address: int) -> Optional[DmaBuf]:
        dmabuf = self._dmabuf.read(self.memory, address)
        if dmabuf is None:
            return None
        file = self._file.read(self.memory, dmabuf.file)
        inode = self._inode.read(self.memory, file.inode) if file else None
        return DmaBuf(
            inode.ino if inode else None,
            dmabuf.size,
            self.memory.string(dmabuf.exporter),
        )

    def _queue_indices(self, head: int, device: Optional[NetDevice]) -> List[int]:
        """What stands in ``bound_rxqs``: queues, whatever their index there is."""
        if device is None:
            return []
        indices = ((queue - device.queues) // self._queue_size for _, queue in self._entries(head))
        return sorted(index for index in indices if 0 <= index < device.num_queues)

    def _read_binding(self, address: int, listed: bool) -> Optional[Binding]:
        """A dma-buf's."""
        layout = self.layout
        data = layout.binding.read(self.memory, address)
        if data is None:
            return None
        iov_shift = layout.iov_shift(data)
        if iov_shift >= 64:
            # What was the binding has become something else's
            self.memory.inconsistent += 1
            return None
        runs = layout.runs(self.memory, data)
        total = getattr(data, "num_iovs", sum(run.count for run in runs))
        sends = layout.sends(data)
        free = None
        if not sends:
            free = getattr(data, "num_free", None)
        if not sends and free is None:
            free = total - sum(run.allocated() for run in runs)
        device = self.devices.get(data.dev)
        unbound = bool(getattr(data, "unbound", not listed))
        return Binding(
            address=address,
            provider=address,
            kind="tx" if sends else "rx",
            id=data.id,
            area=None,
            unbound=unbound,
            device=device,
            ifindex=getattr(data, "ifindex", device.ifindex if device else None),
            dmabuf=self._dmabuf_at(data.dmabuf),
            iov_size=1 << iov_shift,
            # Mainline lets it keep its list, freed as that may be
            queues=[] if unbound or sends else self._queue_indices(data.queues, device),
            runs=runs,
            total=total,
            free=free,
            user=getattr(data, "num_user", None),
            counters=layout.counters(data),
        )

    def dmabuf_bindings(self, held: Iterable[int]) -> List[Binding]:
        """
        Bindings of dma-bufs, by id: those that user space has, and those that it let go
        of and that something still holds.

        :param held: Addresses of those that something other than a page pool holds.
        """
        listed = {entry for _, entry in self.xarray(self._bindings_head)}
        held = {pool.provider for pool in self.pools if pool.on_dmabuf}.union(held) - {0}
        found = (
            self._read_binding(address, address in listed) for address in sorted(listed | held)
        )
        return sorted((b for b in found if b is not None), key=lambda b: b.id or 0)

    def areas(self, queues: Iterable[int]) -> List[Binding]:
        """
        Areas of io_uring's interface queues, by device, queue and number.

        :param queues: Addresses of interface queues that rings have; those that page pools
            or devices have are found.
        """
        if self._zcrx is None:
            return []
        known = {pool.provider for pool in self.pools if not pool.on_dmabuf}.union(queues)
        known.update(self._installed())
        found = (self._zcrx.read(address) for address in sorted(known - {0}))
        areas = [area for ifq in found if ifq is not None for area in self._ifq_areas(ifq)]

        def place(area: Binding) -> Tuple[Any, ...]:
            gone = area.device is None
            return gone, area.ifindex or 0, area.queues, area.provider, area.area

        return sorted(areas, key=place)

    def _installed(self) -> Iterator[int]:
        """Addresses of interface queues that devices' receive queues have."""
        for device in self.devices.values():
            blocks = self.memory.read_array(device.queues, device.num_queues, self._queue_size)
            for _, count, data in blocks:
                for i in range(count):
                    queue = self._queue.unpack(data, i * self._queue_size)
                    if queue.ops == self._zcrx_ops:
                        yield queue.priv

    def _ifq_areas(self, ifq: InterfaceQueue) -> Iterator[Binding]:
        device = self.devices.get(ifq.device)
        for area in ifq.areas:
            yield Binding(
                address=area.address,
                provider=ifq.address,
                kind="io_uring",
                id=None,
                area=area.number,
                unbound=False,
                device=device,
                ifindex=device.ifindex if device else None,
                dmabuf=None,
                iov_size=1 << ifq.shift,
                queues=[ifq.queue] if device and ifq.queue is not None else [],
                runs=[area.run],
                total=area.run.count,
                free=area.free,
                user=len(area.user_refs),
                counters=self.layout.counters(None),
                user_refs=area.user_refs,
            )

    @functools.cached_property
    def pools(self) -> List[Pool]:
        """All page pools that live on a dma-buf or an io_uring's area."""
        pools = (self.read_pool(address) for address in self.pool_providers)
        return [pool for pool in pools if pool is not None]

    @functools.cached_property
    def pool_providers(self) -> Dict[int, int]:
        """All page pools: address -> address of its provider's operations, or 0."""
        providers = {}
        for _, address in self.xarray(self.symbol("page_pools")):
            pool = self._pool_ops.read(self.memory, address)
            if pool is not None:
                providers[address] = pool.ops
        return providers

    def read_pool(self, address: int) -> Optional[Pool]:
        """
        :param address: Address of a ``struct page_pool``.
        :return: It, ``None`` if it does not live on a dma-buf or an io_uring's area.
        """
        provider = self._pool_ops.read(self.memory, address)
        ops = {self.symbol("dmabuf_devmem_ops"), self._zcrx_ops} - {0}
        if provider is None or provider.ops not in ops:
            return None
        pool = self._pool.read(self.memory, address)
        if pool is None:
            return None
        words = struct.unpack(f"<{len(pool.cache) // 8}Q", pool.cache)
        return Pool(
            address=address,
            id=pool.id,
            provider=pool.priv,
            on_dmabuf=provider.ops != self._zcrx_ops,
            inflight=(pool.hold - pool.release) & 0xFFFFFFFF,
            detached=pool.detached / self._detach_unit,
            cache=list(words[: pool.count]),
            ring=self._read_ring(pool),
            frag=pool.frag,
        )

    def _read_ring(self, pool: Any) -> List[int]:
        """
        What a ``struct ptr_ring`` holds.

        Its consumer clears slots in batches: those from the tail up to the head
        are consumed, though something still stands in them.
        """
        data = self.memory.read(pool.ring, pool.ring_size * 8)
        if not data or not 0 <= pool.ring_head < pool.ring_size:
            return []
        slots = struct.unpack(f"<{pool.ring_size}Q", data)
        words = []
        for i in range(pool.ring_size):
            at = (pool.ring_head + i) % pool.ring_size
            if not slots[at] or (i and at == pool.ring_tail):
                break
            words.append(slots[at])
        return words
