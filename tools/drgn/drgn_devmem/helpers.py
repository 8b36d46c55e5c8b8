# SPDX-License-Identifier: GPL-2.0-or-later
"""
Helpers for drgn
----------------

In the manner of drgn's own: one question each, about an object. Where there is
none to ask about, the program may be left out.
"""

from typing import Iterator, List, Tuple

from drgn import IntegerLike, Object, Program, ProgramFlags, cast
from drgn.helpers.common.prog import takes_program_or_default

from .bindings import Binding
from .iovs import TAG, Devmem, Holding, Iov, Word
from .layout import select_layout
from .sockets import Frag

__all__ = (
    "decode_netmem",
    "devmem_holders",
    "for_each_devmem_binding",
    "for_each_devmem_pool",
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


def _look(prog: Program) -> Devmem:
    """A live kernel is looked at anew each time, a dump once."""
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
def decode_netmem(prog: Program, netmem: IntegerLike) -> Word:
    """
    Say what a word is. It is not followed: an iov is one only if a binding has
    it.

    :param netmem: any number
    """
    return _look(prog).decode(int(netmem))


def _binding(prog: Program, address: int) -> Object:
    return Object(prog, "struct net_devmem_dmabuf_binding *", address)


@takes_program_or_default
def for_each_devmem_binding(prog: Program) -> Iterator[Object]:
    """
    Iterate over all bindings, also those that are unbound and still held.

    :return: Iterator of ``struct net_devmem_dmabuf_binding *`` objects
    """
    for binding in _look(prog).bindings:
        yield _binding(prog, binding.address)


@takes_program_or_default
def for_each_devmem_pool(prog: Program) -> Iterator[Object]:
    """
    Iterate over the page pools that live on a dma-buf.

    :return: Iterator of ``struct page_pool *`` objects
    """
    for pool in _look(prog).pools:
        yield Object(prog, "struct page_pool *", pool.address)


def for_each_net_iov(binding: Object) -> Iterator[Object]:
    """
    Iterate over a binding's iovs, in the order of their offset.

    :param binding: ``struct net_devmem_dmabuf_binding *``
    :return: Iterator of ``struct net_iov *`` objects; ``struct page_pool_iov *``
        if the kernel has it
    :raises LookupError: if there is no such binding
    """
    devmem = _look(binding.prog_)
    type_ = _iov(binding.prog_, 0).type_
    for known in devmem.bindings:
        if known.address == int(binding):
            for run in known.runs:
                for i in range(run.count):
                    address = run.address + i * devmem.layout.iov.size
                    yield Object(binding.prog_, type_, address)
            return
    raise LookupError(f"no binding at {int(binding):#x}")


def _decode(iov: Object) -> Tuple[Iov, Binding]:
    word = _look(iov.prog_).decode(int(iov) | TAG)
    if word.iov is None or word.binding is None:
        raise LookupError(f"no binding has an iov at {int(iov):#x}")
    return word.iov, word.binding


def net_iov_binding(iov: Object) -> Object:
    """
    Get the binding of an iov.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :return: ``struct net_devmem_dmabuf_binding *``
    :raises LookupError: if no binding has it
    """
    return _binding(iov.prog_, _decode(iov)[1].address)


def net_iov_idx(iov: Object) -> int:
    """
    Get the number of an iov in its binding.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :raises LookupError: if no binding has it
    """
    return _decode(iov)[0].index


def net_iov_virtual_addr(iov: Object) -> int:
    """
    Get the offset of an iov's memory in the dma-buf, in bytes.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :raises LookupError: if no binding has it
    """
    return _decode(iov)[0].offset


def net_iov_dma_addr(iov: Object) -> int:
    """
    Get the DMA address of an iov's memory, ``dma_addr_t``.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :raises LookupError: if no binding has it
    """
    return _decode(iov)[0].dma


def net_iov_refcount(iov: Object) -> int:
    """
    Get an iov's number of references, ``pp_ref_count``.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :return: 0 for a free one, whatever stands there
    :raises LookupError: if no binding has it
    """
    found = _decode(iov)[0]
    return 0 if found.state == "free" else found.refs


def net_iov_state(iov: Object) -> str:
    """
    Say who has an iov.

    :param iov: ``struct net_iov *`` or ``struct page_pool_iov *``
    :return: ``free``, ``user``; ``cache``, ``ring``, ``skb`` or ``posted``, if a
        page pool has it
    :raises LookupError: if no binding has it
    """
    found = _decode(iov)[0]
    return found.place or found.state


def _pool_words(pool: Object, where: str) -> List[int]:
    found = _look(pool.prog_).pool_at(int(pool))
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
    found = _look(skb.prog_).sockets.skb(int(skb))
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
    for token, word in _look(sk.prog_).xarray(int(tokens)):
        if netmem_is_net_iov(word):
            yield token, _iov(sk.prog_, word & ~TAG)


def for_each_unread_skb(sk: Object) -> Iterator[Object]:
    """
    Iterate over what nobody has read yet of a TCP socket: its receive queue,
    backlog and out-of-order queue.

    :param sk: ``struct sock *``
    :return: Iterator of ``struct sk_buff *`` objects
    """
    for skb in _look(sk.prog_).sockets.unread(int(sk)):
        yield Object(sk.prog_, "struct sk_buff *", skb.address)


def devmem_holders(binding: Object) -> List[Holding]:
    """
    Find who holds tokens on a binding's iovs.

    :param binding: ``struct net_devmem_dmabuf_binding *``
    :return: Sockets and processes, with their tokens
    """
    address = int(binding)
    holdings = _look(binding.prog_).holdings
    return [h for h in holdings if h.binding.address == address]
