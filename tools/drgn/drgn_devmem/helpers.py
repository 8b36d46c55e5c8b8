# SPDX-License-Identifier: GPL-2.0-or-later
"""
Helpers for drgn
----------------

In the manner of drgn's own: one question each, about an object. Where there is
none to ask about, the program may be left out.

What has a type is followed: to its owner, its binding, its pool. Only a word that may
be anything is looked up, and only where all sockets have to be read it takes long:
those helpers take a snapshot, ``Devmem(prog)``, which is the kernel as it is at one
look, to ask it more than once.
"""

from typing import Iterator, List, Optional, Tuple

from drgn import IntegerLike, Object, Program, ProgramFlags, cast
from drgn.helpers.common.prog import takes_program_or_default

from .bindings import Pool
from .iovs import TAG, Devmem, Holding, Word
from .layout import Placed, select_layout
from .memory import Memory
from .skbs import Frag

__all__ = (
    "decode_netmem",
    "devmem_holders",
    "for_each_devmem_binding",
    "for_each_devmem_pool",
    "for_each_io_zcrx_area",
    "for_each_net_iov",
    "for_each_skb_frag",
    "for_each_token",
    "for_each_unread_skb",
    "net_iov_binding",
    "net_iov_dma_addr",
    "net_iov_idx",
    "net_iov_refcount",
    "net_iov_state",
    "net_iov_virtual_addr",
    "netmem_is_net_iov",
    "netmem_to_net_iov",
    "page_pool_cache",
    "page_pool_ring",
)


def _look(prog: Program, devmem: Optional[Devmem]) -> Devmem:
    """What was given; else a live kernel is looked at anew, a dump once."""
    if devmem is not None:
        return devmem
    if prog.flags & ProgramFlags.IS_LIVE:
        return Devmem(prog)
    if "devmem" not in prog.cache:
        prog.cache["devmem"] = Devmem(prog)
    look: Devmem = prog.cache["devmem"]
    return look


def _iov(prog: Program, address: int) -> Object:
    return Object(prog, select_layout(prog).iov_type + " *", address)


def netmem_is_net_iov(netmem: IntegerLike) -> bool:
    """
    Return whether a word is an iov, and not a page.

    :param netmem: ``netmem_ref``, or ``struct page *`` out of a frag
    """
    return bool(int(netmem) & TAG)


@takes_program_or_default
def netmem_to_net_iov(prog: Program, netmem: IntegerLike) -> Object:
    """
    Get the iov that a word is.

    :param netmem: ``netmem_ref``, or ``struct page *`` out of a frag
    :return: ``struct net_iov *``; ``struct page_pool_iov *`` if the kernel has it
    :raises ValueError: if the word is a page
    """
    if not netmem_is_net_iov(netmem):
        raise ValueError(f"{int(netmem):#x} is a page: its lowest bit is clear")
    return _iov(prog, int(netmem) & ~TAG)


@takes_program_or_default
def decode_netmem(prog: Program, netmem: IntegerLike, devmem: Optional[Devmem] = None) -> Word:
    """
    Say what a word is. It is not followed: an iov is one only if a binding has
    it. So all bindings are read; to decode many words of a live kernel, give a
    snapshot.

    :param netmem: any number
    :param devmem: snapshot to use
    """
    return _look(prog, devmem).decode(int(netmem))


def _binding(prog: Program, address: int) -> Object:
    return Object(prog, "struct net_devmem_dmabuf_binding *", address)


@takes_program_or_default
def for_each_devmem_binding(prog: Program) -> Iterator[Object]:
    """
    Iterate over all bindings, also those that are unbound and still held.

    :return: Iterator of ``struct net_devmem_dmabuf_binding *`` objects
    """
    for binding in Devmem(prog).bindings:
        if binding.kind != "io_uring":
            yield _binding(prog, binding.address)


@takes_program_or_default
def for_each_io_zcrx_area(prog: Program) -> Iterator[Object]:
    """
    Iterate over the areas that io_uring receives into without a copy.

    :return: Iterator of ``struct io_zcrx_area *`` objects
    """
    for area in Devmem(prog).bindings:
        if area.kind == "io_uring":
            yield Object(prog, "struct io_zcrx_area *", area.address)


@takes_program_or_default
def for_each_devmem_pool(prog: Program) -> Iterator[Object]:
    """
    Iterate over the page pools that live on a dma-buf.

    :return: Iterator of ``struct page_pool *`` objects
    """
    for pool in Devmem(prog).pools:
        if pool.on_dmabuf:
            yield Object(prog, "struct page_pool *", pool.address)


def for_each_net_iov(binding: Object) -> Iterator[Object]:
    """
    Iterate over a binding's iovs, in the order of their offset.

    :param binding: ``struct net_devmem_dmabuf_binding *``
    :return: Iterator of ``struct net_iov *`` objects; ``struct page_pool_iov *``
        if the kernel has it
    :raises LookupError: if there is no such binding
    """
    prog, layout = binding.prog_, select_layout(binding.prog_)
    memory = Memory(prog)
    data = layout.binding.read(memory, int(binding))
    runs = layout.runs(memory, data) if data is not None else []
    if memory.faults or memory.inconsistent:
        raise LookupError(f"no binding at {int(binding):#x}")
    type_ = _iov(prog, 0).type_
    for run in runs:
        for i in range(run.count):
            yield Object(prog, type_, run.address + i * layout.iov.size)


def _place(iov: Object) -> Placed:
    placed = select_layout(iov.prog_).place(Memory(iov.prog_), int(iov))
    if placed is None:
        raise LookupError(f"no iov of a dma-buf at {int(iov):#x}: its owner does not have it")
    return placed


def net_iov_binding(iov: Object) -> Object:
    """
    Get the binding of an iov.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :return: ``struct net_devmem_dmabuf_binding *``
    :raises LookupError: if its owner does not have it
    """
    return _binding(iov.prog_, _place(iov).binding)


def net_iov_idx(iov: Object) -> int:
    """
    Get the number of an iov in its binding.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :raises LookupError: if its owner does not have it
    """
    return _place(iov).index


def net_iov_virtual_addr(iov: Object) -> int:
    """
    Get the offset of an iov's memory in the dma-buf, in bytes.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :raises LookupError: if its owner does not have it
    """
    return _place(iov).offset


def net_iov_dma_addr(iov: Object) -> int:
    """
    Get the DMA address of an iov's memory, ``dma_addr_t``.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :raises LookupError: if its owner does not have it
    """
    return _place(iov).dma


def net_iov_refcount(iov: Object) -> int:
    """
    Get an iov's number of references, ``pp_ref_count``.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :return: 0 for a free one, whatever stands there
    :raises LookupError: if its owner does not have it
    """
    prog, layout = iov.prog_, select_layout(iov.prog_)
    if _state(iov) == "free":
        return 0
    found = layout.iov.read(Memory(prog), int(iov))
    if found is None:
        raise LookupError(f"no iov at {int(iov):#x}")
    return int(found.refs)


def _state(iov: Object) -> str:
    """What the iov and its binding tell."""
    prog, layout = iov.prog_, select_layout(iov.prog_)
    _place(iov)
    memory = Memory(prog)
    free = layout.is_free(memory, int(iov))
    if free is None:
        raise LookupError(f"the binding of the iov at {int(iov):#x} cannot be read")
    if free:
        return "free"
    if not layout.counts_tokens:
        return "pool or user"
    found = layout.iov.read(memory, int(iov))
    return "user" if found is not None and found.tokens else "pool"


def net_iov_state(iov: Object, devmem: Optional[Devmem] = None) -> str:
    """
    Say who has an iov.

    The iov and its binding tell ``free``, ``pool`` or ``user``; on a kernel that does
    not count tokens ``free`` or ``pool or user``. A snapshot tells them apart there,
    and where it is in a page pool, because it has read all sockets and pools.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :param devmem: snapshot to use
    :return: state; with a snapshot, the place instead of ``pool``, see
        :class:`Iov`
    :raises LookupError: if no binding has it
    """
    if devmem is None:
        return _state(iov)
    found = devmem.iov_at(int(iov))
    if found is None:
        raise LookupError(f"no binding has an iov at {int(iov):#x}")
    return found.place or found.state or "not queued"


def _pool(pool: Object) -> Pool:
    found = Devmem(pool.prog_).read_pool(int(pool))
    if found is None:
        raise LookupError(f"no page pool on device memory at {int(pool):#x}")
    return found


def page_pool_cache(pool: Object) -> List[int]:
    """
    Get what is in a page pool's allocation cache.

    :param pool: ``struct page_pool *``
    :return: ``netmem_ref`` words
    :raises LookupError: if it is no page pool on a dma-buf
    """
    return _pool(pool).cache


def page_pool_ring(pool: Object) -> List[int]:
    """
    Get what is in a page pool's ring, without what was consumed already.

    :param pool: ``struct page_pool *``
    :return: ``netmem_ref`` words
    :raises LookupError: if it is no page pool on a dma-buf
    """
    return _pool(pool).ring


def for_each_skb_frag(skb: Object) -> Iterator[Frag]:
    """
    Iterate over the frags of a skb and of its ``frag_list``.

    :param skb: ``struct sk_buff *``
    :return: Iterator of word, offset and size, the latter in bytes
    :raises LookupError: if it is no skb
    """
    found = Devmem(skb.prog_).sockets.skbs.skb(int(skb))
    if found is None:
        raise LookupError(f"no skb at {int(skb):#x}")
    return found.all_frags()


def for_each_token(sk: Object) -> Iterator[Tuple[int, Object]]:
    """
    Iterate over the tokens that a socket's reader holds.

    :param sk: ``struct sock *``
    :return: Iterator of the token's number and ``struct net_iov *``; ``struct
        page_pool_iov *`` if the kernel has it
    """
    tokens = cast("struct sock *", sk).sk_user_frags.address_of_()
    type_ = _iov(sk.prog_, 0).type_
    for token, word in Devmem(sk.prog_).xarray(int(tokens)):
        if netmem_is_net_iov(word):
            yield token, Object(sk.prog_, type_, word & ~TAG)


def for_each_unread_skb(sk: Object) -> Iterator[Object]:
    """
    Iterate over what nobody has read yet of a TCP socket: its receive queue,
    backlog and out-of-order queue.

    :param sk: ``struct sock *``
    :return: Iterator of ``struct sk_buff *`` objects
    """
    for skb in Devmem(sk.prog_).sockets.unread(int(sk)):
        yield Object(sk.prog_, "struct sk_buff *", skb.address)


def devmem_holders(binding: Object, devmem: Optional[Devmem] = None) -> List[Holding]:
    """
    Find who holds tokens on a binding's iovs. All processes' files are read; to ask for
    many bindings of a live kernel, give a snapshot.

    :param binding: ``struct net_devmem_dmabuf_binding *``, or ``struct io_zcrx_area *``
    :param devmem: snapshot to use
    :return: Sockets, rings and processes, with their tokens
    """
    address = int(binding)
    holdings = _look(binding.prog_, devmem).holdings
    return [h for h in holdings if h.binding.address == address]
