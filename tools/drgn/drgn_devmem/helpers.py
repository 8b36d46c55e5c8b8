# SPDX-License-Identifier: GPL-2.0-or-later
"""
Helpers for drgn
----------------

In the manner of drgn's own: one question each, about an object.
"""

from typing import Iterator, List, Tuple

from drgn import IntegerLike, Object, Program, cast

from .iovs import TAG, Devmem, Holding, Word
from .sockets import Frag

__all__ = (
    "decode_netmem",
    "devmem_holders",
    "for_each_devmem_binding",
    "for_each_devmem_pool",
    "for_each_net_iov",
    "for_each_skb_frag",
    "for_each_token",
    "net_iov_binding",
    "net_iov_dma_addr",
    "net_iov_idx",
    "net_iov_state",
    "net_iov_virtual_addr",
    "netmem_is_net_iov",
    "netmem_to_net_iov",
    "page_pool_cache",
    "page_pool_ring",
)


def netmem_is_net_iov(netmem: IntegerLike) -> bool:
    """
    Return whether a word is an iov, and not a page.

    :param netmem: ``netmem_ref``, or ``struct page *`` out of a frag
    """
    return bool(int(netmem) & TAG)


def netmem_to_net_iov(prog: Program, netmem: IntegerLike) -> Object:
    """
    Get the iov that a word is.

    :param netmem: ``netmem_ref``, or ``struct page *`` out of a frag
    :return: ``struct net_iov *``; ``struct page_pool_iov *`` if the kernel has it
    :raises ValueError: if the word is a page
    """
    if not netmem_is_net_iov(netmem):
        raise ValueError(f"{int(netmem):#x} is a page: its lowest bit is clear")
    type_ = Devmem(prog).layout.iov_type
    return Object(prog, type_ + " *", int(netmem) & ~TAG)


def decode_netmem(prog: Program, netmem: IntegerLike) -> Word:
    """
    Say what a word is. It is not followed: an iov is one only if a binding has
    it.

    :param netmem: any number
    """
    return Devmem(prog).decode(int(netmem))


def _binding(prog: Program, address: int) -> Object:
    return Object(prog, "struct net_devmem_dmabuf_binding *", address)


def for_each_devmem_binding(prog: Program) -> Iterator[Object]:
    """
    Iterate over all bindings, also those that are unbound and still held.

    :return: Iterator of ``struct net_devmem_dmabuf_binding *`` objects
    """
    for binding in Devmem(prog).bindings:
        yield _binding(prog, binding.address)


def for_each_devmem_pool(prog: Program) -> Iterator[Object]:
    """
    Iterate over the page pools that live on a dma-buf.

    :return: Iterator of ``struct page_pool *`` objects
    """
    for pool in Devmem(prog).pools:
        yield Object(prog, "struct page_pool *", pool.address)


def for_each_net_iov(binding: Object) -> Iterator[Object]:
    """
    Iterate over a binding's iovs, in the order of their offset.

    :param binding: ``struct net_devmem_dmabuf_binding *``
    :return: Iterator of ``struct net_iov *`` objects; ``struct page_pool_iov *``
        if the kernel has it
    :raises LookupError: if there is no such binding
    """
    prog = binding.prog_
    devmem = Devmem(prog)
    type_ = prog.pointer_type(prog.type(devmem.layout.iov_type))
    for known in devmem.bindings:
        if known.address == int(binding):
            for run in known.runs:
                for i in range(run.count):
                    yield Object(prog, type_, run.address + i * devmem.layout.iov.size)
            return
    raise LookupError(f"no binding at {int(binding):#x}")


def _decode_iov(iov: Object) -> Word:
    word = Devmem(iov.prog_).decode(int(iov) | TAG)
    if word.iov is None or word.binding is None:
        raise LookupError(f"no binding has an iov at {int(iov):#x}")
    return word


def net_iov_binding(iov: Object) -> Object:
    """
    Get the binding of an iov.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :return: ``struct net_devmem_dmabuf_binding *``
    :raises LookupError: if no binding has it
    """
    word = _decode_iov(iov)
    assert word.binding is not None
    return _binding(iov.prog_, word.binding.address)


def net_iov_idx(iov: Object) -> int:
    """
    Get the number of an iov in its binding.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :raises LookupError: if no binding has it
    """
    word = _decode_iov(iov)
    assert word.iov is not None
    return word.iov.index


def net_iov_virtual_addr(iov: Object) -> int:
    """
    Get the offset of an iov's memory in the dma-buf, in bytes.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :raises LookupError: if no binding has it
    """
    word = _decode_iov(iov)
    assert word.iov is not None
    return word.iov.offset


def net_iov_dma_addr(iov: Object) -> int:
    """
    Get the DMA address of an iov's memory.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :raises LookupError: if no binding has it
    """
    word = _decode_iov(iov)
    assert word.iov is not None
    return word.iov.dma


def net_iov_state(iov: Object) -> str:
    """
    Say who has an iov.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :return: ``free``, ``user``; ``cache``, ``ring``, ``skb`` or ``posted``, if a
        page pool has it
    :raises LookupError: if no binding has it
    """
    word = _decode_iov(iov)
    assert word.iov is not None
    return word.iov.place or word.iov.state


def _pool_words(pool: Object, where: str) -> List[int]:
    found = Devmem(pool.prog_).pool_at(int(pool))
    if found is None:
        raise LookupError(f"no page pool on device memory at {int(pool):#x}")
    words: List[int] = getattr(found, where)
    return words


def page_pool_cache(pool: Object) -> List[int]:
    """
    Get what is in a page pool's allocation cache.

    :param pool: ``struct page_pool *``
    :return: ``netmem_ref`` words
    :raises LookupError: if it is no page pool on device memory
    """
    return _pool_words(pool, "cache")


def page_pool_ring(pool: Object) -> List[int]:
    """
    Get what is in a page pool's ring, without what was consumed already.

    :param pool: ``struct page_pool *``
    :return: ``netmem_ref`` words
    :raises LookupError: if it is no page pool on device memory
    """
    return _pool_words(pool, "ring")


def for_each_skb_frag(skb: Object) -> Iterator[Frag]:
    """
    Iterate over the frags of a skb and of its ``frag_list``.

    :param skb: ``struct sk_buff *``
    :return: Iterator of word, offset and size, the latter in bytes
    :raises LookupError: if it is no skb
    """
    found = Devmem(skb.prog_).sockets.skb(int(skb))
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
    prog = sk.prog_
    devmem = Devmem(prog)
    type_ = prog.pointer_type(prog.type(devmem.layout.iov_type))
    head = cast("struct sock *", sk).sk_user_frags.address_
    for token, word in devmem.xarray(int(head or 0)):
        if netmem_is_net_iov(word):
            yield token, Object(prog, type_, word & ~TAG)


def devmem_holders(binding: Object) -> List[Holding]:
    """
    Find who holds tokens on a binding's iovs.

    :param binding: ``struct net_devmem_dmabuf_binding *``
    :return: Sockets and processes, with their tokens
    """
    address = int(binding)
    holdings = Devmem(binding.prog_).holdings
    return [h for h in holdings if h.binding.address == address]
