# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels that never ran: types, memory and symbols made for a test.

The structures have the members that the helpers look for, in an order and with
gaps of their own, so that no offset is right by accident.
"""

import struct
from collections.abc import Sequence
from typing import Any

from drgn import (
    Architecture,
    FindObjectFlags,
    Object,
    Platform,
    Program,
    Symbol,
    SymbolBinding,
    SymbolKind,
    Type,
    TypeKind,
    TypeKindSet,
    TypeMember,
    offsetof,
    sizeof,
)

BASE = 0xFFFF888000000000
VMEMMAP = 0xFFFFEA0000000000
# skc_state
TIME_WAIT = 6
NEW_SYN_RECV = 12

_INTEGERS = {
    "char": (1, True),
    "u8": (1, False),
    "u16": (2, False),
    "s16": (2, True),
    "int": (4, True),
    "u32": (4, False),
    "u64": (8, False),
    "s64": (8, True),
}

COMMON = """
list_head: ptr next, ptr prev
hlist_nulls_node: ptr next, ptr pprev
rb_node: u64 parent, ptr rb_right, ptr rb_left
atomic: int counter
atomic_long: s64 counter
xarray: u32 lock, u32 flags, ptr xa_head
xa_node: u8 shift, u8 offset, u8 count, u8 nr_values, ptr parent, ptr array, ptr[64] slots
inode: u64 pad, u64 i_ino
file: u32 mode, ptr f_op, ptr f_inode, ptr private_data
dma_buf: u64 size, ptr file, ptr exp_name
ns_common: ptr ops, u32 inum
death_row: u64 pad, ptr hashinfo
netns_ipv4: death_row tcp_death_row
net: u64 pad, list_head list, list_head dev_base_head, ns_common ns, netns_ipv4 ipv4
possible_net: ptr net
net_device: char[16] name, u64 pad, list_head dev_list, list_head napi_list, int ifindex, u32 num_rx_queues, ptr _rx
pp_memory_provider_params: ptr mp_priv, ptr mp_ops
netdev_rx_queue: u64[5] pad, ptr dev, pp_memory_provider_params mp_params
alloc_cache: u32 count, u64[128] cache
ptr_ring: int producer, int consumer_head, int consumer_tail, int size, ptr queue
pool_user: u64 pad, u64 detach_time, u32 id
page_pool: u64 pad, u32 pages_state_hold_cnt, u64 frag_page, alloc_cache alloc, ptr_ring ring, \
 ptr mp_priv, ptr mp_ops, atomic pages_state_release_cnt, pool_user user
in6_addr: char[16] bytes
sock_common: u32 skc_daddr, u32 skc_rcv_saddr, u16 skc_dport, u16 skc_num, u16 skc_family, \
 u8 skc_state, possible_net skc_net, in6_addr skc_v6_daddr, in6_addr skc_v6_rcv_saddr, \
 u64 skc_cookie, hlist_nulls_node skc_nulls_node
skb_head: ptr next, ptr prev, u32 qlen
backlog: int rmem, ptr head, ptr tail
sock: sock_common __sk_common, u64 pad, skb_head sk_receive_queue, backlog sk_backlog, \
 u16 sk_type, u16 sk_protocol, rb_root tcp_rtx_queue, skb_head sk_write_queue, \
 xarray sk_user_frags
rb_root: ptr rb_node
inet_sock: sock sk, u16 inet_sport
request_sock_queue: u32 rskq_lock, ptr rskq_accept_head
request_sock: u64[3] pad, ptr dl_next, u16 mss, ptr sk
inet_connection_sock: sock sk, u16 inet_sport, request_sock_queue icsk_accept_queue
tcp_sock: sock sk, u16 inet_sport, request_sock_queue icsk_accept_queue, \
 rb_root out_of_order_queue
sk_buff: ptr next, ptr prev, u64 pad, ptr sk, char[48] cb, u32 len, u32 data_len, u32 end, ptr head
unix_skb_parms: ptr pid, u32 uid, u32 gid, ptr fp
scm_fp_list: s16 count, s16 max, ptr user, ptr[253] fp
cpumask: u64[2] bits
gro_list: list_head list, int count
skb_frag: u64 netmem, u32 len, u32 offset
skb_shared_info: u8 flags, u8 nr_frags, ptr frag_list, skb_frag[17] frags
socket: u64 pad, ptr sk
task_struct: u64[3] pad, list_head tasks, int pid, int tgid, list_head thread_node, \
 char[16] comm, ptr files, ptr signal
signal_struct: u64 pad, list_head thread_head
files_struct: u64[2] pad, ptr fdt
fdtable: u32 max_fds, ptr fd
ehash_bucket: ptr first
inet_hashinfo: ptr ehash, u64 pad, u32 ehash_mask
tk_read_base: u64 clock, u32 mult, u32 shift, u64 xtime_nsec, u64 base
timekeeper: tk_read_base tkr_mono, u64 xtime_sec, ktime_t offs_boot
page: u64 flags, u64 pp_magic, ptr pp, u64 pad, u64 dma_addr, u64[3] rest
"""

TYPEDEFS = {"seqcount_raw_spinlock_t": "u32", "ktime_t": "s64"}

GEN_POOL = """
gen_pool: u32 lock, list_head chunks, int min_alloc_order
gen_pool_chunk: list_head next_chunk, atomic_long avail, u64 phys, ptr owner, \
 u64 start_addr, u64 end_addr, u64[] bits
"""

#: Where packets on their way are.
FLIGHT = """
napi_struct: u64 pad, gro_list[4] gro_hash, list_head rx_list, list_head dev_list
softnet_data: list_head poll_list, skb_head process_queue, ptr completion_queue, \
 skb_head input_pkt_queue, ptr defer_list
"""
NEWER_FLIGHT = """
llist_head: ptr first
skb_defer_node: llist_head defer_list, u64 defer_count
net_hotdata: u64 pad, ptr skb_defer_nodes
gro_node: u64 bitmask, gro_list[4] hash, list_head rx_list
napi_struct: u64 pad, gro_node gro, list_head dev_list
softnet_data: list_head poll_list, skb_head process_queue, ptr completion_queue, \
 skb_head input_pkt_queue
"""

#: io_uring, as in Debian's 6.12 and ours: nothing is received without a copy.
RINGS_612 = """
io_fixed_file: u64 file_ptr
io_file_table: ptr files, ptr bitmap, u32 alloc_hint
io_ring_ctx: u64 flags, u32 nr_user_files, io_file_table file_table
"""
RSRC = """
io_rsrc_node: u8 type, int refs, u64 tag, u64 file_ptr
io_rsrc_data: u32 nr, ptr nodes
io_file_table: io_rsrc_data data, ptr bitmap, u32 alloc_hint
"""
#: As in io_uring/zcrx.h and include/linux/io_uring_types.h of v6.15.
RINGS_615 = (
    RSRC
    + """
io_ring_ctx: u64 flags, io_file_table file_table, ptr ifq
io_zcrx_area: net_iov_area nia, ptr ifq, ptr user_refs, u8 is_mapped, u16 area_id, ptr pages, \
 u32 freelist_lock, u32 free_count, ptr freelist
io_zcrx_ifq: ptr ctx, ptr area, ptr rq_ring, ptr rqes, u32 rq_entries, u32 cached_rq_head, \
 u32 rq_lock, u32 if_rxq, ptr dev, ptr netdev, u32 lock
"""
)
#: As of v6.18: a ring has several queues.
RINGS_618 = (
    RSRC
    + """
io_ring_ctx: u64 flags, io_file_table file_table, xarray zcrx_ctxs
io_zcrx_mem: u64 size, u8 is_dmabuf, ptr pages, ptr dmabuf
io_zcrx_area: net_iov_area nia, ptr ifq, ptr user_refs, u8 is_mapped, u16 area_id, \
 u32 freelist_lock, u32 free_count, ptr freelist, io_zcrx_mem mem
io_zcrx_ifq: ptr ctx, ptr area, u32 rq_lock, ptr rq_ring, ptr rqes, u32 cached_rq_head, \
 u32 rq_entries, u32 if_rxq, ptr dev, ptr netdev, u64 pp_lock
"""
)
#: As of v7.3: a queue has several areas, with iovs of a size of their own.
RINGS_73 = (
    RSRC
    + """
io_ring_ctx: u64 flags, io_file_table file_table, xarray zcrx_ctxs
io_zcrx_mem: u64 size, u8 is_dmabuf, ptr pages, ptr dmabuf
io_zcrx_area: net_iov_area nia, ptr ifq, ptr user_refs, u8 is_mapped, u16 area_id, \
 u32 free_count, ptr freelist, io_zcrx_mem mem
io_zcrx_ifq: ptr areas, u32 nr_areas, u32 niov_shift, ptr user, ptr mm_account, u32 alloc_lock, \
 u32 if_rxq, ptr dev, ptr netdev, u32 refs, u32 user_refs, u64 pp_lock, ptr master_ctx
"""
)

#: The types of each layout, after those of COMMON.
TYPES = {
    "ppdevmem": RINGS_612
    + """
net_iov: u64 pad, u64 pp_magic, ptr pp, ptr owner, u64 dma_addr, atomic_long pp_ref_count
page_pool_iov: net_iov niov, atomic user_tokens, u64 user_since_ns
page_pool_iov_area: u64 base_virtual, u64 base_dma_addr, ptr iovs, u64 num_iovs, ptr binding
net_devmem_dmabuf_binding: ptr dmabuf, ptr dev, int ifindex, xarray bound_rxqs, u32 id, \
 u8 unbound, ptr iovs, u32 num_iovs, ptr areas, u32 num_areas, atomic num_user, u64 lock, \
 u32 num_free, u32 high_water, u64 allocs, u64 releases, u64 exhausted
""",
    "linux-6.12": GEN_POOL
    + RINGS_612
    + """
net_iov: u64 pad, u64 pp_magic, ptr pp, ptr owner, u64 dma_addr, atomic_long pp_ref_count
dmabuf_genpool_chunk_owner: u64 base_virtual, u64 base_dma_addr, ptr niovs, u64 num_niovs, \
 ptr binding
net_devmem_dmabuf_binding: ptr dmabuf, u64 pad, ptr dev, ptr chunk_pool, u32 ref, \
 list_head list, xarray bound_rxqs, u32 id
""",
    "linux-6.15": GEN_POOL
    + RINGS_615
    + """
net_iov_area: ptr niovs, u64 num_niovs, u64 base_virtual
net_iov: u64 pad, u64 pp_magic, ptr pp, ptr owner, u64 dma_addr, atomic_long pp_ref_count
dmabuf_genpool_chunk_owner: net_iov_area area, ptr binding, u64 base_dma_addr
net_devmem_dmabuf_binding: ptr dmabuf, ptr dev, ptr chunk_pool, u32 ref, xarray bound_rxqs, u32 id
""",
    "linux-6.17": GEN_POOL
    + RINGS_73
    + """
netmem_desc: u64 _flags, u64 pp_magic, ptr pp, u64 pad, u64 dma_addr, atomic_long pp_ref_count
net_iov_area: ptr niovs, u64 num_niovs, u64 base_virtual
net_iov: netmem_desc desc, u32 type, ptr owner
dmabuf_genpool_chunk_owner: net_iov_area area, ptr binding, u64 base_dma_addr
net_devmem_dmabuf_binding: ptr dmabuf, ptr dev, ptr vdev, ptr chunk_pool, xarray bound_rxqs, \
 u32 id, u32 direction, ptr tx_vec, u32 niov_shift
""",
}

#: What other releases have of these layouts. v6.16 sends, and its iovs have no type yet; v6.18 has
#: an iov's type after its owner, and iovs of a page only.
RELEASES = {
    "6.16": TYPES["linux-6.15"]
    .replace("bound_rxqs, u32 id", "bound_rxqs, u32 id, u32 direction, ptr tx_vec")
    .replace(RINGS_615, RINGS_618),
    "6.18": TYPES["linux-6.17"]
    .replace("u32 type, ptr owner", "ptr owner, u32 type")
    .replace(", u32 niov_shift", "")
    .replace("ptr dev, ptr vdev, ", "ptr dev, ")
    .replace(RINGS_73, RINGS_618),
}


class Fake:
    """A program that one builds piece by piece."""

    def __init__(self, types: str, size: int = 1 << 20, page_shift: int = 12) -> None:
        self.page_shift = page_shift
        self.prog = Program(Platform(Architecture.X86_64))
        self.data = bytearray(size)
        #: How many times it was read.
        self.reads = 0
        self.symbols: dict[str, int] = {}
        self._declared: dict[str, str] = {}
        self._types: dict[str, Type] = {}
        for line in types.replace("\\\n", "").strip().splitlines():
            if line.strip():
                name, _, members = line.partition(":")
                self._declared[name.strip()] = members
        self._top = 64
        self.prog.add_memory_segment(BASE, size, self._read)
        self.prog.register_type_finder("fake", self._find_type, enable_index=0)
        self.prog.register_symbol_finder("fake", self._find_symbol, enable_index=0)
        self.prog.register_object_finder("fake", self._find_object, enable_index=0)

    def _read(self, address: int, count: int, offset: int, physical: bool) -> bytes:
        self.reads += 1
        return bytes(self.data[offset : offset + count])

    def _find_type(
        self, prog: Program, kinds: TypeKindSet, name: str, filename: str | None
    ) -> Type | None:
        if TypeKind.TYPEDEF in kinds and name in TYPEDEFS:
            return self.type(name)
        return self.type(name) if name in self._declared else None

    def _find_symbol(
        self, prog: Program, name: str | None, address: int | None, one: bool
    ) -> list[Symbol]:
        if name not in self.symbols:
            return []
        place = self.symbols[name]
        return [Symbol(name, place, 8, SymbolBinding.LOCAL, SymbolKind.OBJECT)]

    def _find_object(
        self, prog: Program, name: str, flags: FindObjectFlags, filename: str | None
    ) -> Object | None:
        if name == "PAGE_SHIFT":
            return Object(prog, self.type("int"), self.page_shift)
        return None

    def type(self, name: str) -> Type:
        """Make a type: an integer, ``ptr``, an array, or what was declared."""
        if name not in self._types:
            self._types[name] = self._make(name)
        return self._types[name]

    def _make(self, name: str) -> Type:
        if name == "ptr":
            return self.prog.pointer_type(self.prog.void_type())
        if name.endswith("]"):
            element, _, length = name[:-1].partition("[")
            return self.prog.array_type(self.type(element), int(length) if length else None)
        if name in TYPEDEFS:
            return self.prog.typedef_type(name, self.type(TYPEDEFS[name]))
        if name in _INTEGERS:
            return self.prog.int_type(name, *_INTEGERS[name])
        return self._make_struct(name)

    def _make_struct(self, name: str) -> Type:
        members, end = [], 0
        for member in self._declared[name].split(","):
            type_name, member_name = member.split()
            type_ = self.type(type_name)
            size = 0 if type_name.endswith("[]") else int(sizeof(type_))
            align = 1 if size % 2 else 2 if size % 4 else 4 if size % 8 else 8
            end = (end + align - 1) // align * align
            members.append(TypeMember(type_, member_name, end * 8))
            end += size
        return self.prog.struct_type(name, (end + 7) // 8 * 8, members)

    def alloc(self, size: int) -> int:
        """Take memory; it is zero, and there is a gap before it."""
        address = BASE + self._top
        self._top = (self._top + size + 63) // 64 * 64 + 64
        assert self._top <= len(self.data), "the fake's memory is too small"
        return address

    def write(self, address: int, data: bytes) -> None:
        """Put bytes somewhere."""
        self.data[address - BASE : address - BASE + len(data)] = data

    def words(self, address: int, values: Sequence[int]) -> None:
        """Put 64-bit words somewhere."""
        self.write(address, struct.pack(f"<{len(values)}Q", *values))

    def set(self, type_name: str, address: int, **values: Any) -> int:
        """Set members; ``__`` in a name stands for a dot."""
        type_ = self.type(type_name)
        for name, value in values.items():
            designator = name.replace("__", ".")
            place = address + int(offsetof(type_, designator))
            if isinstance(value, bytes):
                self.write(place, value)
            else:
                size = self._member_size(type_, designator)
                self.write(place, (value & (1 << 8 * size) - 1).to_bytes(size, "little"))
        return address

    def _member_size(self, type_: Type, designator: str) -> int:
        for name in designator.split("."):
            type_ = type_.member(name).type
        return int(sizeof(type_))

    def new(self, type_name: str, **values: Any) -> int:
        """Make a structure and set its members."""
        return self.set(type_name, self.alloc(int(sizeof(self.type(type_name)))), **values)

    def has(self, type_name: str, member: str) -> bool:
        """Whether a type has a member."""
        return bool(self.type(type_name).has_member(member))

    def size(self, type_name: str) -> int:
        """Size of a type, in bytes."""
        return int(sizeof(self.type(type_name)))

    def offset(self, type_name: str, member: str) -> int:
        """Offset of a member, in bytes."""
        return int(offsetof(self.type(type_name), member))

    def string(self, text: str) -> int:
        """Put a C string somewhere."""
        address = self.alloc(len(text) + 1)
        self.write(address, text.encode())
        return address

    def list(self, head: int, nodes: Sequence[int]) -> None:
        """Chain up a ``struct list_head``."""
        ring = [head, *nodes]
        for i, node in enumerate(ring):
            self.words(node, [ring[(i + 1) % len(ring)], ring[i - 1]])

    def xarray(self, entries: dict[int, int]) -> int:
        """Make the nodes of an xarray; return its ``xa_head``."""
        if not entries:
            return 0
        shift = 0
        while max(entries) >> (shift + 6):
            shift += 6
        return self._xa_node(entries, shift)

    def _xa_node(self, entries: dict[int, int], shift: int) -> int:
        slots = [0] * 64
        for slot in range(64):
            mine = {i: e for i, e in entries.items() if (i >> shift) % 64 == slot}
            if mine and shift:
                slots[slot] = self._xa_node(mine, shift - 6)
            elif mine:
                (slots[slot],) = mine.values()
        node = self.new("xa_node", shift=shift, count=sum(map(bool, slots)))
        self.words(node + self.offset("xa_node", "slots"), slots)
        return node | 2


class Kernel(Fake):
    """
    A kernel with one device and one binding of two runs, 6 and 4 iovs:

    iov 0 a reader holds by two tokens, 1 by one; 2 and 3 are in the page pool's
    cache and ring, 4 is in a skb that nobody read, 5 is out, and all of the
    second run is free. A second binding, of one iov, is unbound and held by a
    page pool that was given up.
    """

    DMA = (0x100000, 0x900000)
    NOW = 1000.0
    #: For how long it was suspended.
    SUSPENDED = 500.0
    SINCE = (900.0, 990.0)

    def __init__(
        self, layout: str, common: str = COMMON, page_shift: int = 12, release: str = ""
    ) -> None:
        # By the clock that went on
        self.detached = int(self.NOW + self.SUSPENDED) - 50
        self.clock = "tk_core"
        if layout == "linux-6.17":
            common = common.replace("u64 detach_time", "ktime_t detach_time")
            common += "tk_data: u32 seq, u32 pad, timekeeper timekeeper\n"
            self.detached *= 10**9
            self.clock = "timekeeper_data"
        flight = NEWER_FLIGHT if layout == "linux-6.17" else FLIGHT
        types = RELEASES[release] if release else TYPES[layout]
        super().__init__(common + flight + types, page_shift=page_shift)
        self.layout = layout
        self.iov_type = "page_pool_iov" if layout == "ppdevmem" else "net_iov"
        self.iov_size = self.size(self.iov_type)
        self.pages = 1024
        self.pool_ops = self.alloc(8)
        self.file_ops = self.alloc(8)
        self._make_namespace()
        self._make_cpus()
        self.binding = self.make_binding(3, 10, (6, 4), range(6), (1,), False)
        self.iovs = self.last_iovs
        self.count_of_run = self._last_count
        self.zombie = self.make_binding(2, 10, (1,), range(1), (), True)
        self._make_pools()
        self._make_sockets()
        self._make_globals()

    def iov(self, index: int) -> int:
        """Address of an iov of the first binding."""
        if index < 6:
            return self.iovs[0] + index * self.iov_size
        return self.iovs[1] + (index - 6) * self.iov_size

    def word(self, index: int) -> int:
        """An iov of the first binding as it stands in a frag."""
        return self.iov(index) | 1

    def _make_namespace(self) -> None:
        self.queue_size = self.size("netdev_rx_queue")
        self.queues = self.alloc(4 * self.queue_size)
        self.dev = self.new("net_device", name=b"dms0", ifindex=7, num_rx_queues=4, _rx=self.queues)
        self.ehash = self.alloc(8 * 16)
        self.hash = self.new("inet_hashinfo", ehash=self.ehash, ehash_mask=15)
        self.net = self.new("net", ns__inum=4026531840, ipv4__tcp_death_row__hashinfo=self.hash)
        self.net_list = self.alloc(16)
        self.list(self.net_list, [self.net + self.offset("net", "list")])
        devices = self.net + self.offset("net", "dev_base_head")
        self.list(devices, [self.dev + self.offset("net_device", "dev_list")])

    def _make_cpus(self) -> None:
        """CPUs 0 and 2, each with its memory; no packet is on its way."""
        self.softnet = 0x80
        self.defer_nodes = 0x400
        napi = self.napi = self.new("napi_struct")
        self.list(
            self.dev + self.offset("net_device", "napi_list"),
            [napi + self.offset("napi_struct", "dev_list")],
        )
        gro = (
            ("gro.hash", "gro.rx_list") if self.layout == "linux-6.17" else ("gro_hash", "rx_list")
        )
        self.gro = [napi + self.offset("napi_struct", f"{gro[0]}[{i}].list") for i in range(4)]
        self.gro.append(napi + self.offset("napi_struct", gro[1]))
        self.cpus = {cpu: self.alloc(2048) for cpu in (0, 2)}
        offsets = self.alloc(8 * 3)
        for cpu, memory in self.cpus.items():
            self.words(offsets + 8 * cpu, [memory])
            for name in ("process_queue", "input_pkt_queue"):
                self.list(self.in_softnet(cpu, name), [])
        for head in self.gro:
            self.list(head, [])
        self.symbols.update(
            __cpu_possible_mask=self.new("cpumask"),
            __per_cpu_offset=offsets,
            softnet_data=self.softnet,
        )
        self.words(self.symbols["__cpu_possible_mask"], [0b101])
        if self.layout == "linux-6.17":
            hotdata = self.new("net_hotdata", skb_defer_nodes=self.defer_nodes)
            self.symbols.update(net_hotdata=hotdata, nr_node_ids=self.alloc(8))
            self.words(self.symbols["nr_node_ids"], [2])

    def in_softnet(self, cpu: int, member: str) -> int:
        """Address of a member of a CPU's softnet_data."""
        return self.cpus[cpu] + self.softnet + self.offset("softnet_data", member)

    def deferred(self, cpu: int) -> int:
        """Where the first skb stands that a CPU is to free for others."""
        if self.layout == "linux-6.17":
            node = self.defer_nodes + self.size("skb_defer_node")
            return self.cpus[cpu] + node + self.offset("skb_defer_node", "defer_list")
        return self.in_softnet(cpu, "defer_list")

    def _make_dmabuf(self, inode: int, size: int) -> int:
        file = self.new("file", f_inode=self.new("inode", i_ino=inode))
        return self.new("dma_buf", size=size, file=file, exp_name=self.string("udmabuf"))

    def make_binding(
        self,
        id_: int,
        inode: int,
        counts: Sequence[int],
        used: Sequence[int],
        queues: Sequence[int],
        unbound: bool,
    ) -> int:
        """A binding of a dma-buf; leaves where its runs are in last_iovs."""
        total = sum(counts)
        binding = self.new(
            "net_devmem_dmabuf_binding",
            dmabuf=self._make_dmabuf(inode, total << self.page_shift),
            dev=self.dev,
            id=id_,
            bound_rxqs__xa_head=self.xarray({q: self.queues + q * self.queue_size for q in queues}),
        )
        if self.layout == "ppdevmem":
            self._fill_ours(binding, counts, len(used), unbound)
        else:
            self._fill_gen_pool(binding, counts, used)
        if self.has("net_devmem_dmabuf_binding", "niov_shift"):
            self.set("net_devmem_dmabuf_binding", binding, niov_shift=self.page_shift)
        return binding

    def _fill_ours(self, binding: int, counts: Sequence[int], used: int, unbound: bool) -> None:
        total = sum(counts)
        iovs = self.alloc(total * self.iov_size)
        area_size = self.size("page_pool_iov_area")
        areas = self.alloc(len(counts) * area_size)
        self._last_count = ("page_pool_iov_area", areas, "num_iovs")
        self.last_iovs, first = [], 0
        for i, count in enumerate(counts):
            self.last_iovs.append(iovs + first * self.iov_size)
            self.set(
                "page_pool_iov_area",
                areas + i * area_size,
                base_virtual=first << self.page_shift,
                base_dma_addr=self.DMA[i],
                iovs=self.last_iovs[-1],
                num_iovs=count,
                binding=binding,
            )
            for n in range(count):
                iov = self.last_iovs[-1] + n * self.iov_size
                self.set("page_pool_iov", iov, niov__owner=areas + i * area_size)
            first += count
        self.set(
            "net_devmem_dmabuf_binding",
            binding,
            ifindex=7,
            unbound=unbound,
            iovs=iovs,
            num_iovs=total,
            areas=areas,
            num_areas=len(counts),
            num_user=0 if unbound else 2,
            num_free=total - used,
            high_water=9,
            allocs=20,
            releases=14,
            exhausted=1,
        )

    def _fill_gen_pool(self, binding: int, counts: Sequence[int], used: Sequence[int]) -> None:
        pool = self.new("gen_pool", min_alloc_order=self.page_shift)
        self.last_iovs, first = [], 0
        chunks: list[int] = []
        area = "" if self.layout == "linux-6.12" else "area__"
        for i, count in enumerate(counts):
            # Never allocated ones have what was there before: not zero
            iovs = self.alloc(count * self.iov_size)
            self.write(iovs, b"\x5b" * (count * self.iov_size))
            self.last_iovs.append(iovs)
            owner = self.new(
                "dmabuf_genpool_chunk_owner",
                binding=binding,
                base_dma_addr=self.DMA[i],
                **{
                    f"{area}base_virtual": first << self.page_shift,
                    f"{area}niovs": iovs,
                    f"{area}num_niovs": count,
                },
            )
            place = owner
            if area:
                place += self.offset("dmabuf_genpool_chunk_owner", "area")
            for n in range(count):
                self.set("net_iov", iovs + n * self.iov_size, owner=place)
                if self.layout == "linux-6.17":
                    self.set("net_iov", iovs + n * self.iov_size, type=0)
            chunk = self.alloc(self.size("gen_pool_chunk") + 8)
            self.set(
                "gen_pool_chunk",
                chunk,
                owner=owner,
                start_addr=self.DMA[i],
                end_addr=self.DMA[i] + (count << self.page_shift) - 1,
            )
            bits = sum(1 << (n - first) for n in used if first <= n < first + count)
            self.words(chunk + self.offset("gen_pool_chunk", "bits"), [bits])
            # The kernel puts new chunks at the head of the list
            chunks.insert(0, chunk)
            if not first:
                self._last_count = ("dmabuf_genpool_chunk_owner", owner, f"{area}num_niovs")
            first += count
        self.list(pool + self.offset("gen_pool", "chunks"), chunks)
        self.set("net_devmem_dmabuf_binding", binding, chunk_pool=pool)

    def set_iov(self, address: int, pp: int, refs: int, tokens: int = 0, since: float = 0) -> None:
        """Fill in an iov that a page pool has."""
        descriptor = {"ppdevmem": "niov__", "linux-6.17": "desc__"}.get(self.layout, "")
        self.set(
            self.iov_type,
            address,
            **{f"{descriptor}pp": pp, f"{descriptor}pp_ref_count__counter": refs},
        )
        if self.layout == "ppdevmem":
            since_ns = int(since * 1e9)
            self.set(self.iov_type, address, user_tokens__counter=tokens, user_since_ns=since_ns)

    def _make_pools(self) -> None:
        ring = self.alloc(8 * 8)
        self.pool = self.new(
            "page_pool",
            pages_state_hold_cnt=6,
            mp_priv=self.binding,
            mp_ops=self.pool_ops,
            user__id=11,
            alloc__count=1,
            ring__queue=ring,
            ring__size=8,
            # Consumed up to 2, but still there from 1 on
            ring__consumer_tail=1,
            ring__consumer_head=2,
        )
        cache = self.pool + self.offset("page_pool", "alloc.cache")
        self.words(cache, [self.word(2), self.word(9)])
        self.words(ring, [0, self.word(8), self.word(3)])
        self.zombie_pool = self.new(
            "page_pool",
            pages_state_hold_cnt=1,
            mp_priv=self.zombie,
            mp_ops=self.pool_ops,
            user__id=5,
            user__detach_time=self.detached,
        )
        for index in range(6):
            self.set_iov(self.iov(index), self.pool, 1)
        self.set_iov(self.iov(0), self.pool, 2, 2, self.SINCE[0])
        self.set_iov(self.iov(1), self.pool, 1, 1, self.SINCE[1])
        self.set_iov(self.last_iovs[0], self.zombie_pool, 1)
        self.page_pool = self.new("page_pool", user__id=12)
        self.page_pools = {5: self.zombie_pool, 11: self.pool, 12: self.page_pool}

    def make_skb(self, *words: int) -> int:
        """A skb with a frag of 1000 bytes, 16 into it, for each word."""
        head = self.alloc(128 + self.size("skb_shared_info"))
        self.set("skb_shared_info", head + 128, nr_frags=len(words))
        for i, word in enumerate(words):
            frag = head + 128 + self.offset("skb_shared_info", "frags") + i * 16
            self.set("skb_frag", frag, netmem=word, len=1000, offset=16)
        length = 1000 * len(words)
        return self.new("sk_buff", len=length, data_len=length, end=128, head=head)

    def make_sock(self, cookie: int, tokens: dict[int, int], unread: Sequence[int]) -> int:
        """A TCP socket."""
        sock = self.new(
            "tcp_sock",
            inet_sport=0x5114,
            sk__sk_protocol=6,
            sk__sk_user_frags__xa_head=self.xarray(tokens),
        )
        self.set(
            "sock_common",
            sock,
            skc_family=2,
            skc_state=1,
            skc_daddr=0x0200000A,
            skc_rcv_saddr=0x0100000A,
            skc_dport=0x409C,
            skc_net__net=self.net,
            skc_cookie=cookie,
        )
        self.list(sock + self.offset("sock", "sk_receive_queue"), unread)
        self.list(sock + self.offset("sock", "sk_write_queue"), [])
        return sock

    def _make_sockets(self) -> None:
        self.skb = self.make_skb(self.word(4))
        self.sock = self.make_sock(
            70, {0: 1030, 1: self.word(0), 2: self.word(0), 900: self.word(1), 901: 1030}, []
        )
        # Nobody has it open: it is only in the hash
        self.orphan = self.make_sock(71, {}, [self.skb])
        self.words(self.ehash, [1] * 16)
        self.hash_sock(self.orphan, 3)
        self._make_tasks()

    def hash_sock(self, sock: int, bucket: int) -> None:
        """Make a socket, or what is smaller, the only one of a bucket of the TCP hash."""
        node = sock + self.offset("sock", "__sk_common.skc_nulls_node")
        self.words(node, [1, 0])
        self.words(self.ehash + 8 * bucket, [node])

    def _make_task(self, pid: int, comm: bytes, files: int) -> int:
        signal = self.new("signal_struct")
        task = self.new("task_struct", pid=pid, tgid=pid, comm=comm, files=files, signal=signal)
        threads = signal + self.offset("signal_struct", "thread_head")
        self.list(threads, [task + self.offset("task_struct", "thread_node")])
        return task

    def _make_tasks(self) -> None:
        file = self.sock_file(self.sock)
        other = self.new("file", f_op=self.pool_ops, private_data=self.sock)
        self.init = self._make_task(0, b"swapper", 0)
        self.tasks = [self._make_task(311, b"devmemcat", self.make_files({0: other, 5: file}))]
        self._link_tasks()

    def _link_tasks(self) -> None:
        offset = self.offset("task_struct", "tasks")
        self.list(self.init + offset, [task + offset for task in self.tasks])

    def sock_file(self, sock: int) -> int:
        """A file that a socket is."""
        socket = self.new("socket", sk=sock)
        return self.new("file", f_op=self.file_ops, private_data=socket)

    def make_files(self, files: dict[int, int]) -> int:
        """A table of descriptors."""
        table = self.alloc(8 * 64)
        for fd, file in files.items():
            self.words(table + 8 * fd, [file])
        fdt = self.new("fdtable", max_fds=64, fd=table)
        return self.new("files_struct", fdt=fdt)

    def add_task(self, pid: int, comm: bytes, files: dict[int, int]) -> int:
        """A process that has files open."""
        self.tasks.append(self._make_task(pid, comm, self.make_files(files)))
        self._link_tasks()
        return self.tasks[-1]

    def _make_globals(self) -> None:
        listed = {3: self.binding}
        if self.layout == "ppdevmem":
            listed[2] = self.zombie
        keeper = self.new("timekeeper")
        self.set(
            "timekeeper",
            keeper,
            tkr_mono__base=int(self.NOW * 1e9),
            tkr_mono__shift=8,
            tkr_mono__xtime_nsec=0,
            offs_boot=int(self.SUSPENDED * 1e9),
        )
        variables = {
            "vmemmap_base": VMEMMAP,
            "max_pfn": self.pages,
        }
        self.symbols.update(
            net_devmem_dmabuf_bindings=self.new("xarray", xa_head=self.xarray(listed)),
            page_pools=self.new("xarray", xa_head=self.xarray(self.page_pools)),
            dmabuf_devmem_ops=self.pool_ops,
            socket_file_ops=self.file_ops,
            net_namespace_list=self.net_list,
            init_task=self.init,
        )
        self.symbols[self.clock] = keeper - 8
        for name, value in variables.items():
            self.symbols[name] = self.alloc(8)
            self.words(self.symbols[name], [value])
        self._make_pages()

    def _make_pages(self) -> None:
        """The pages' structures: page 5 belongs to the page pool, no other does."""
        size = self.size("page")
        pages = bytearray(size * self.pages)
        pp = 5 * size + self.offset("page", "pp")
        pages[pp : pp + 8] = self.page_pool.to_bytes(8, "little")
        self.prog.add_memory_segment(
            VMEMMAP, len(pages), lambda _, count, offset, __: bytes(pages[offset : offset + count])
        )
