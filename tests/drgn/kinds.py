# SPDX-License-Identifier: GPL-2.0-or-later
"""What else than receiving into a dma-buf a synthetic kernel can do.

Adds to a synthetic.Kernel a binding to send from, and memory that io_uring receives into.
"""

import synthetic


def _add_to(kernel: synthetic.Kernel, symbol: str, entries: dict[int, int]) -> None:
    """Replace what an xarray has."""
    kernel.set("xarray", kernel.symbols[symbol], xa_head=kernel.xarray(entries))


class Sender:
    """
    Binding 4 of 3 iovs to send from, 0 and 1 of which one socket sends: 0 in its retransmit
    queue, twice, and 1 in its write queue, too. A page that it sends as well is no iov.
    """

    COOKIE = 80
    FD = 6
    PID = 320

    def __init__(self, kernel: synthetic.Kernel, listed: bool = True) -> None:
        self.kernel = kernel
        self.binding = kernel.make_binding(4, 12, (3,), (), (), False)
        if kernel.has("net_devmem_dmabuf_binding", "direction"):
            kernel.set("net_devmem_dmabuf_binding", self.binding, direction=1)
        kernel.set("net_devmem_dmabuf_binding", self.binding, tx_vec=kernel.alloc(24))
        self.first = kernel.last_iovs[0]
        if listed:
            _add_to(kernel, "net_devmem_dmabuf_bindings", {3: kernel.binding, 4: self.binding})
        self.skbs = [
            kernel.make_skb(self.word(0), synthetic.VMEMMAP),
            kernel.make_skb(self.word(0)),
            kernel.make_skb(self.word(1)),
        ]
        kernel.set("rb_node", self.skbs[0], rb_right=self.skbs[1])
        self.sock = kernel.make_sock(self.COOKIE, {}, [])
        kernel.set("sock", self.sock, tcp_rtx_queue__rb_node=self.skbs[0])
        kernel.list(self.sock + kernel.offset("sock", "sk_write_queue"), [self.skbs[2]])
        kernel.add_task(self.PID, b"sender", {self.FD: kernel.sock_file(self.sock)})

    def word(self, index: int) -> int:
        """An iov as it stands in a frag."""
        return self.first + index * self.kernel.iov_size | 1


class Uring:
    """
    An interface queue of io_uring on queue 2 of the device. Its area has 6 iovs: 4 and 5 are
    in its free list, user space has 0 twice and 1 once, 2 is in the cache of a page pool and
    3 is out. Each has an address of its own. A ring of a process has the queue.
    """

    FD = 9
    PID = 330
    QUEUE = 2
    DMA = (0x7000, 0x3000, 0x9000, 0x1000, 0x5000, 0xB000)

    def __init__(self, kernel: synthetic.Kernel, pool: bool = True) -> None:
        self.kernel = kernel
        ops = kernel.symbols["io_uring_pp_zc_ops"] = kernel.alloc(8)
        self.ring_ops = kernel.symbols["io_uring_fops"] = kernel.alloc(8)
        self.ifq = kernel.new("io_zcrx_ifq", if_rxq=self.QUEUE, netdev=kernel.dev)
        self.areas: list[int] = []
        self.iovs: list[int] = []
        self.pool = kernel.new(
            "page_pool", mp_priv=self.ifq, mp_ops=ops, user__id=21, pages_state_hold_cnt=4
        )
        self.add_area((2, 1, 0, 0, 0, 0), (5, 4))
        if kernel.has("io_zcrx_ifq", "niov_shift"):
            kernel.set("io_zcrx_ifq", self.ifq, niov_shift=kernel.page_shift + 2)
        if pool:
            kernel.set("page_pool", self.pool, alloc__count=1)
            kernel.words(self.pool + kernel.offset("page_pool", "alloc.cache"), [self.word(2)])
            _add_to(kernel, "page_pools", {**kernel.page_pools, 21: self.pool})
        queue = kernel.queues + self.QUEUE * kernel.queue_size
        kernel.set("netdev_rx_queue", queue, mp_params__mp_priv=self.ifq, mp_params__mp_ops=ops)
        self.ring = self.add_ring(self.PID, self.FD)

    def add_area(self, refs: tuple[int, ...], free: tuple[int, ...]) -> None:
        """One more."""
        kernel, number = self.kernel, len(self.areas)
        iovs = kernel.alloc(len(refs) * kernel.iov_size)
        counters, freelist = kernel.alloc(4 * len(refs)), kernel.alloc(4 * len(refs))
        for place, numbers in ((counters, refs), (freelist, free)):
            kernel.write(place, b"".join(n.to_bytes(4, "little") for n in numbers))
        area = kernel.new(
            "io_zcrx_area",
            nia__niovs=iovs,
            nia__num_niovs=len(refs),
            ifq=self.ifq,
            user_refs=counters,
            area_id=number,
            free_count=len(free),
            freelist=freelist,
        )
        descriptor = "desc__" if kernel.layout == "linux-6.17" else ""
        for i in range(len(refs)):
            iov = iovs + i * kernel.iov_size
            kernel.set("net_iov", iov, owner=area, **{f"{descriptor}dma_addr": self.DMA[i]})
            if kernel.has("net_iov", "type"):
                kernel.set("net_iov", iov, type=1)
            if i not in free:
                kernel.set_iov(iov, self.pool, 1 + refs[i])
        self.areas.append(area)
        self.iovs.append(iovs)
        if kernel.has("io_zcrx_ifq", "area"):
            kernel.set("io_zcrx_ifq", self.ifq, area=area)
        else:
            table = kernel.alloc(8 * len(self.areas))
            kernel.words(table, self.areas)
            kernel.set("io_zcrx_ifq", self.ifq, areas=table, nr_areas=len(self.areas))

    def add_ring(self, pid: int, fd: int) -> int:
        """A process with a ring that has the queue."""
        kernel = self.kernel
        ring = kernel.new("io_ring_ctx")
        if kernel.has("io_ring_ctx", "ifq"):
            kernel.set("io_ring_ctx", ring, ifq=self.ifq)
        else:
            kernel.set("io_ring_ctx", ring, zcrx_ctxs__xa_head=kernel.xarray({3: self.ifq}))
        kernel.add_task(
            pid, b"uring", {fd: kernel.new("file", f_op=self.ring_ops, private_data=ring)}
        )
        return ring

    def word(self, index: int, area: int = 0) -> int:
        """An iov as it stands in a frag."""
        return self.iovs[area] + index * self.kernel.iov_size | 1
