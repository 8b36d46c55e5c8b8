# SPDX-License-Identifier: GPL-2.0-or-later
"""
What device memory looks like, by kernel
----------------------------------------

One class for each layout that a Linux kernel had or has, newest first in
:data:`LAYOUTS`. Which one a program has is told by its types, never by its
version. Nothing outside this module knows a difference between them.
"""

import dataclasses
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, Type

from drgn import Program, offsetof, sizeof

from .memory import TYPES_KEY, Memory, Record

__all__ = (
    "LAYOUTS",
    "Layout",
    "LayoutError",
    "Placed",
    "Run",
    "TIMEKEEPERS",
    "deferred_lists",
    "detach_unit",
    "gro_lists",
    "has_member",
    "has_type",
    "netmem_type",
    "select_layout",
    "timekeeper_offset",
)


class LayoutError(Exception):
    """The program has no device memory that we know of; says what is missing."""


@dataclasses.dataclass(frozen=True)
class Run:
    """Iovs that stand side by side in memory and in the device's addresses."""

    __slots__ = ("address", "count", "offset", "dma", "bits")

    #: Address of the first iov.
    address: int
    #: Number of iovs.
    count: int
    #: Offset of the first iov's memory in the dma-buf, in bytes.
    offset: int
    #: DMA address of the first iov's memory; ``None`` if each iov has its own.
    dma: Optional[int]
    #: Which iovs are allocated, a bit each; ``None`` if the iovs themselves tell.
    bits: Optional[bytes]

    def allocated(self) -> int:
        """:return: Number of bits that are set."""
        data = self.bits or b""
        bits = int.from_bytes(data, "little")
        # int.bit_count() is Python 3.10's
        return bin(bits & ((1 << min(self.count, 8 * len(data))) - 1)).count("1")

    def is_allocated(self, index: int) -> bool:
        """
        :param index: Number of an iov in this run.
        :return: Whether its bit is set.
        """
        data = self.bits or b""
        return index >> 3 < len(data) and bool(data[index >> 3] >> (index & 7) & 1)


class Placed(NamedTuple):
    """Where an iov belongs, found by following its owner."""

    #: Address of the ``struct net_devmem_dmabuf_binding``.
    binding: int
    #: Its number in the binding.
    index: int  # type: ignore[assignment]
    #: Offset of its memory in the dma-buf, in bytes.
    offset: int
    #: DMA address of its memory.
    dma: int


def has_type(prog: Program, name: str) -> bool:
    """
    :param prog: Program to look at.
    :param name: C name of a type.
    :return: Whether the program has it.
    """
    try:
        prog.type(name)
    except LookupError:
        return False
    return True


def has_member(prog: Program, name: str, member: str) -> bool:
    """
    :param prog: Program to look at.
    :param name: C name of a structure.
    :param member: Name of a member.
    :return: Whether the program has both.
    """
    return has_type(prog, name) and prog.type(name).has_member(member)


class Layout:
    """How bindings and iovs lie in memory. Subclasses say how exactly."""

    #: Short name, the same in all of ppdevmem's tools.
    name: str
    #: Where the layout came from.
    origin: str
    #: C name of an iov's type.
    iov_type = "struct net_iov"
    #: C designators of an iov's members.
    iov_members: Dict[str, str]
    #: C designators of a binding's members.
    binding_members: Dict[str, str]
    #: Whether an iov knows how many tokens there are on it, and since when.
    counts_tokens = False
    #: Whether there are bindings for sending.
    can_send = False

    def __init__(self, prog: Program) -> None:
        """
        :param prog: Program that has this layout.
        :raises LayoutError: if it has not, after all
        """
        self.page_shift = int(prog["PAGE_SHIFT"])
        try:
            self.iov = Record.of(prog, self.iov_type, **self.iov_members)
            self.binding = Record.of(
                prog, "struct net_devmem_dmabuf_binding", **self.binding_members
            )
            self._setup(prog)
        except LookupError as e:
            raise LayoutError(f"layout {self.name} was recognised, but does not fit: {e}") from e

    def _setup(self, prog: Program) -> None:
        """Look up what else the layout is made of."""

    @classmethod
    def matches(cls, prog: Program) -> bool:
        """:return: Whether the program's types are this layout's."""
        raise NotImplementedError

    def iov_shift(self, binding: Any) -> int:
        """
        :param binding: What was read of a binding.
        :return: Size of its iovs, as a power of two of bytes.
        """
        return self.page_shift

    def runs(self, memory: Memory, binding: Any) -> List[Run]:
        """
        :param memory: Where to read.
        :param binding: What was read of a binding.
        :return: All its iovs, in the order of their offset.
        """
        raise NotImplementedError

    def _owner_of(self, memory: Memory, iov: Any) -> Tuple[int, Any]:
        """The area or chunk that an iov names as its owner, and that one's address."""
        raise NotImplementedError

    def place(self, memory: Memory, address: int) -> Optional[Placed]:
        """
        Follow an iov to its binding. Nothing is searched: what is no iov has an
        owner that is none.

        :param memory: Where to read.
        :param address: Address of an iov of a dma-buf.
        :return: Where it belongs, ``None`` if its owner does not have it.
        """
        iov = self.iov.read(memory, address)
        owner = self._owner_of(memory, iov)[1] if iov is not None else None
        if owner is None:
            return None
        number, rest = divmod(address - owner.iovs, self.iov.size)
        binding = self.binding.read(memory, owner.binding)
        if rest or not 0 <= number < owner.count or binding is None:
            return None
        shift = self.iov_shift(binding)
        offset = owner.offset + (number << shift)
        return Placed(owner.binding, offset >> shift, offset, owner.dma + (number << shift))

    def is_free(self, memory: Memory, address: int) -> Optional[bool]:
        """
        :param memory: Where to read.
        :param address: Address of an iov of a dma-buf.
        :return: Whether it is in its binding's free list, ``None`` if that cannot
            be told.
        """
        raise NotImplementedError

    def sends(self, binding: Any) -> bool:
        """
        :param binding: What was read of a binding.
        :return: Whether it is for sending.
        """
        return False

    def free_flags(self, run: Run, data: bytes, first: int, count: int) -> List[bool]:
        """
        Tell which iovs are free.

        :param run: What they are part of.
        :param data: Their bytes.
        :param first: Number in the run of the first.
        :param count: How many.
        :return: A flag for each.
        """
        raise NotImplementedError

    def counters(self, binding: Any) -> Dict[str, Optional[int]]:
        """
        :param binding: What was read of a binding.
        :return: ``allocs``, ``releases``, ``exhausted``, ``high_water``; ``None``
            for what the kernel does not count.
        """
        return dict.fromkeys(("allocs", "releases", "exhausted", "high_water"))


class Ppdevmem(Layout):
    """Ours: one array of iovs and one of areas for a binding, and counters."""

    name = "ppdevmem"
    origin = "ppdevmem, include/net/page_pool/iov.h"
    iov_type = "struct page_pool_iov"
    iov_members = {
        "pp": "niov.pp",
        "owner": "niov.owner",
        "refs": "niov.pp_ref_count",
        "tokens": "user_tokens",
        "since": "user_since_ns",
    }
    binding_members = {
        "dmabuf": "dmabuf",
        "dev": "dev",
        "ifindex": "ifindex",
        "queues": "bound_rxqs.xa_head",
        "id": "id",
        "unbound": "unbound",
        "iovs": "iovs",
        "num_iovs": "num_iovs",
        "areas": "areas",
        "num_areas": "num_areas",
        "num_user": "num_user",
        "num_free": "num_free",
        "high_water": "high_water",
        "allocs": "allocs",
        "releases": "releases",
        "exhausted": "exhausted",
    }
    counts_tokens = True

    @classmethod
    def matches(cls, prog: Program) -> bool:
        return has_member(prog, "struct page_pool_iov", "niov")

    def _setup(self, prog: Program) -> None:
        self._area = Record.of(
            prog,
            "struct page_pool_iov_area",
            offset="base_virtual",
            dma="base_dma_addr",
            iovs="iovs",
            count="num_iovs",
            binding="binding",
        )

    def _owner_of(self, memory: Memory, iov: Any) -> Tuple[int, Any]:
        return iov.owner, self._area.read(memory, iov.owner)

    def is_free(self, memory: Memory, address: int) -> Optional[bool]:
        iov = self.iov.read(memory, address)
        return None if iov is None else not iov.pp and not iov.tokens

    def runs(self, memory: Memory, binding: Any) -> List[Run]:
        size = self._area.size
        runs: List[Run] = []
        for _, count, data in memory.read_array(binding.areas, binding.num_areas, size):
            for i in range(count):
                area = self._area.unpack(data, i * size)
                if area.count > binding.num_iovs:
                    memory.inconsistent += 1
                    return runs
                runs.append(Run(area.iovs, area.count, area.offset, area.dma, None))
        return runs

    def free_flags(self, run: Run, data: bytes, first: int, count: int) -> List[bool]:
        tokens = self.iov.column(data, "tokens")
        return [not pp and not token for pp, token in zip(self.iov.column(data, "pp"), tokens)]

    def counters(self, binding: Any) -> Dict[str, Optional[int]]:
        names = ("allocs", "releases", "exhausted", "high_water")
        return {name: getattr(binding, name) for name in names}


class Linux612(Layout):
    """
    The first one: a gen_pool with a chunk for each segment of the dma-buf.

    An iov that was never allocated has whatever was in the memory before: only
    the gen_pool's bitmap tells which iovs are in use.
    """

    name = "linux-6.12"
    origin = (
        'Linux, commit 170aafe35cb9 ("netdev: support binding dma-buf to netdevice") (in v6.12)'
    )
    iov_members = {
        "pp": "pp",
        "owner": "owner",
        "refs": "pp_ref_count",
    }
    binding_members = {
        "dmabuf": "dmabuf",
        "dev": "dev",
        "queues": "bound_rxqs.xa_head",
        "id": "id",
        "chunk_pool": "chunk_pool",
    }
    owner_members = {
        "offset": "base_virtual",
        "dma": "base_dma_addr",
        "iovs": "niovs",
        "count": "num_niovs",
        "binding": "binding",
    }

    @classmethod
    def matches(cls, prog: Program) -> bool:
        return has_member(prog, "struct dmabuf_genpool_chunk_owner", "niovs")

    def _setup(self, prog: Program) -> None:
        self._pool = Record.of(prog, "struct gen_pool", chunks="chunks", order="min_alloc_order")
        self._chunk = Record.of(
            prog,
            "struct gen_pool_chunk",
            next="next_chunk.next",
            prev="next_chunk.prev",
            owner="owner",
            start="start_addr",
            end="end_addr",
            bits="bits",
        )
        self._owner = Record.of(prog, "struct dmabuf_genpool_chunk_owner", **self.owner_members)

    def _chunks(self, memory: Memory, pool_address: int) -> Iterator[Tuple[Any, bytes]]:
        """
        Chunks and their bitmaps. The list does not change while bound; what was
        freed meanwhile may be anything.
        """
        pool = self._pool.read(memory, pool_address)
        if pool is None:
            return
        head = pool_address + self._pool.offsets["chunks"]
        address, last = memory.word(head) or head, head
        while address != head:
            chunk = self._chunk.read(memory, address, cached=True)
            if (
                chunk is None
                or chunk.prev != last
                or chunk.end < chunk.start
                or not 0 <= pool.order < 64
            ):
                memory.inconsistent += 1
                return
            nbits = (chunk.end + 1 - chunk.start) >> pool.order
            bits = memory.read_cached(address + self._chunk.offsets["bits"], (nbits + 63) // 64 * 8)
            if bits is not None:
                yield chunk, bits
            address, last = chunk.next, address

    def _owner_of(self, memory: Memory, iov: Any) -> Tuple[int, Any]:
        return iov.owner, self._owner.read(memory, iov.owner)

    def is_free(self, memory: Memory, address: int) -> Optional[bool]:
        iov = self.iov.read(memory, address)
        if iov is None:
            return None
        owner, data = self._owner_of(memory, iov)
        binding = self.binding.read(memory, data.binding) if data is not None else None
        if data is None or binding is None:
            return None
        for chunk, bits in self._chunks(memory, binding.chunk_pool):
            if chunk.owner == owner:
                run = Run(data.iovs, data.count, data.offset, data.dma, bits)
                return not run.is_allocated((address - data.iovs) // self.iov.size)
        return None

    def runs(self, memory: Memory, binding: Any) -> List[Run]:
        runs = []
        for chunk, bits in self._chunks(memory, binding.chunk_pool):
            owner = self._owner.read(memory, chunk.owner, cached=True)
            if owner is None:
                continue
            if owner.count > 8 * len(bits):
                # A number that is garbage must not cost memory
                memory.inconsistent += 1
                continue
            runs.append(Run(owner.iovs, owner.count, owner.offset, owner.dma, bits))
        return sorted(runs, key=lambda run: run.offset)

    def free_flags(self, run: Run, data: bytes, first: int, count: int) -> List[bool]:
        return [not run.is_allocated(i) for i in range(first, first + count)]


# enum dma_data_direction
_DMA_TO_DEVICE = 1


class Linux615(Linux612):
    """The chunk's owner has its iovs in an area, for providers of all kinds."""

    name = "linux-6.15"
    origin = 'Linux, commit 7d60fa9e1ab1 ("net: generalise net_iov chunk owners") (in v6.15)'
    iov_members = {
        "pp": "pp",
        "owner": "owner",
        "dma": "dma_addr",
        "refs": "pp_ref_count",
    }
    owner_members = {
        "offset": "area.base_virtual",
        "dma": "base_dma_addr",
        "iovs": "area.niovs",
        "count": "area.num_niovs",
        "binding": "binding",
    }

    @classmethod
    def matches(cls, prog: Program) -> bool:
        return has_member(prog, "struct dmabuf_genpool_chunk_owner", "area")

    def _setup(self, prog: Program) -> None:
        super()._setup(prog)
        owner = prog.type("struct dmabuf_genpool_chunk_owner")
        self._area_offset = int(offsetof(owner, "area"))
        self._dmabuf_type = 0
        if has_member(prog, "struct net_iov", "type"):
            # Since "net: add net_iov type" (in v6.18)
            self.iov = Record.of(prog, self.iov_type, type="type", **self.iov_members)
        # Sending came in v6.16, iovs of other sizes than a page later; 7.3 has both
        newer = {
            name: name
            for name in ("niov_shift", "direction", "tx_vec")
            if has_member(prog, "struct net_devmem_dmabuf_binding", name)
        }
        self.can_send = not newer.keys().isdisjoint(("direction", "tx_vec"))
        self.binding = Record.of(
            prog, "struct net_devmem_dmabuf_binding", **newer, **self.binding_members
        )

    def sends(self, binding: Any) -> bool:
        if hasattr(binding, "direction"):
            return bool(binding.direction == _DMA_TO_DEVICE)
        return bool(getattr(binding, "tx_vec", 0))

    def iov_shift(self, binding: Any) -> int:
        return int(getattr(binding, "niov_shift", self.page_shift))

    def _owner_of(self, memory: Memory, iov: Any) -> Tuple[int, Any]:
        # An iov of another kind of memory has an area in something else
        if getattr(iov, "type", self._dmabuf_type) != self._dmabuf_type:
            return 0, None
        address = iov.owner - self._area_offset
        return address, self._owner.read(memory, address)


class Linux617(Linux615):
    """An iov begins with the descriptor that it shares with pages."""

    name = "linux-6.17"
    origin = (
        'Linux, commit f3d85c9ee510 ("netmem: introduce struct netmem_desc '
        'mirroring struct page") (in v6.17)'
    )
    iov_members = {
        "pp": "desc.pp",
        "owner": "owner",
        "dma": "desc.dma_addr",
        "refs": "desc.pp_ref_count",
    }

    @classmethod
    def matches(cls, prog: Program) -> bool:
        return has_member(prog, "struct net_iov", "desc") and super().matches(prog)


#: All layouts, in the order in which they are tried.
LAYOUTS: Tuple[Type[Layout], ...] = (
    Ppdevmem,
    Linux617,
    Linux615,
    Linux612,
)


def select_layout(prog: Program) -> Layout:
    """
    Find out how a program's device memory lies, or remember it.

    :param prog: Program with types.
    :return: Its layout.
    :raises LayoutError: if there is none, saying what the program lacks
    """
    key = (TYPES_KEY, "layout")
    if key in prog.cache:
        known: Layout = prog.cache[key]
        return known
    for layout in LAYOUTS:
        if layout.matches(prog):
            prog.cache[key] = found = layout(prog)
            return found
    if not has_type(prog, "struct list_head"):
        raise LayoutError(
            "no types: the kernel's debugging information is missing; give its "
            "vmlinux with -s, or take them from its BTF by load_types(prog)"
        )
    raise LayoutError(
        "the kernel has no device memory for page pools: struct "
        "net_devmem_dmabuf_binding is missing, which Linux 6.12 and later have "
        "with CONFIG_NET_DEVMEM"
    )


# What differs, but has nothing to do with the provider

#: Where the timekeeper of the monotonic clock is, newest first: an array whose
#: first one it is, since "timekeeping: Introduce auxiliary timekeepers" (in
#: v6.17); before that, a variable.
TIMEKEEPERS = ("timekeeper_data", "tk_core")


def timekeeper_offset(prog: Program) -> int:
    """
    :param prog: Program with types.
    :return: Offset of the ``struct timekeeper`` in the first of
        :data:`TIMEKEEPERS` that there is, in bytes.
    """
    if has_type(prog, "struct tk_data"):
        return Record.of(prog, "struct tk_data", timekeeper="timekeeper").offsets["timekeeper"]
    # Before v6.13 the type has no name; the lock comes first.
    return (int(sizeof(prog.type("seqcount_raw_spinlock_t"))) + 7) & ~7


def netmem_type(prog: Program) -> str:
    """
    :param prog: Program with types.
    :return: C name of what a page and an iov have in common, with the page pool:
        since v6.17 it has a name of its own, see :class:`Linux617`.
    """
    return "struct netmem_desc" if has_type(prog, "struct netmem_desc") else "struct page"


def detach_unit(prog: Program) -> int:
    """
    :param prog: Program with types.
    :return: How many of ``page_pool.user.detach_time`` are a second: it became a
        ``ktime_t``, in nanoseconds, in a later version than v6.12.
    """
    user = prog.type("struct page_pool").member("user").type
    is_ktime = user.member("detach_time").type.type_name() == "ktime_t"
    return 10**9 if is_ktime else 1


def gro_lists(prog: Program) -> List[int]:
    """
    :param prog: Program with types.
    :return: Offsets in a ``struct napi_struct`` of the lists of skbs that it has: what
        may be merged, and what has been. In a structure of their own since "net: gro:
        decouple GRO from the NAPI layer" (in v6.15).
    """
    key = (TYPES_KEY, "gro")
    if key in prog.cache:
        known: List[int] = prog.cache[key]
        return known
    napi = prog.type("struct napi_struct")
    own = napi.has_member("gro")
    table, done = ("gro.hash", "gro.rx_list") if own else ("gro_hash", "rx_list")
    buckets = (napi.member("gro").type.member("hash") if own else napi.member("gro_hash")).type
    names = [f"{table}[{i}].list" for i in range(buckets.length or 0)]
    prog.cache[key] = offsets = [int(offsetof(napi, name)) for name in [*names, done]]
    return offsets


# As many as any configuration has
_NODES = 1024


def deferred_lists(
    prog: Program, memory: Memory, symbol: Callable[..., int], softnet_data: int
) -> List[int]:
    """
    :param prog: Program with types.
    :param memory: Where to read.
    :param symbol: How to find a variable's address by its name.
    :param softnet_data: Where that is in the memory of each CPU.
    :return: Where in the memory of each CPU the first of the skbs stands that it is
        to free for others. In ``struct softnet_data``, until "net: add NUMA awareness to
        skb_attempt_defer_free()" (in v6.19) gave each node of memory a list.
    """
    softnet = prog.type("struct softnet_data")
    if softnet.has_member("defer_list"):
        return [softnet_data + int(offsetof(softnet, "defer_list"))]
    hotdata = Record.of(prog, "struct net_hotdata", nodes="skb_defer_nodes")
    nodes = hotdata.read(memory, symbol("net_hotdata"))
    if nodes is None:
        return []
    # A kernel without NUMA has no variable for that
    count = memory.read(where, 4) if (where := symbol("nr_node_ids", required=False)) else None
    node = Record.of(prog, "struct skb_defer_node", first="defer_list.first")
    number = int.from_bytes(count, "little") if count else 1
    if number > _NODES:
        memory.inconsistent += 1
        number = 0
    return [nodes.nodes + i * node.size + node.offsets["first"] for i in range(number)]
