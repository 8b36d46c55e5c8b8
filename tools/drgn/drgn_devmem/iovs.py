# SPDX-License-Identifier: GPL-2.0-or-later
"""
Iovs and tagged words
---------------------

From a word in a skb's frag to the iov that it is, and to the page pool or the
reader that has it.
"""

import bisect
import dataclasses
import functools
import itertools
import logging
import time
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from drgn import FaultError, sizeof

from .bindings import Binding, Kernel, Pool
from .flight import words_in_flight
from .layout import TIMEKEEPERS, LayoutError, Run, netmem_type, timekeeper_offset
from .memory import XA_ZERO_ENTRY, Memory, Record
from .reach import Reach, Task
from .skbs import Skb
from .sockets import Sock, Sockets

__all__ = ("Devmem", "Holding", "Iov", "IovBlock", "Word", "TAG")

_logger = logging.getLogger("devmem")

#: The bit that says that a word is no page: ``PP_DEVMEM``, ``NET_IOV``.
TAG = 1


class Iov(NamedTuple):
    """An iov."""

    #: Number in its binding.
    index: int  # type: ignore[assignment]
    #: Address of the ``struct net_iov``.
    address: int
    #: Offset of its memory in the dma-buf, in bytes.
    offset: int
    #: DMA address of its memory.
    dma: int
    #: ``free``, ``pool`` or ``user``; ``None`` for one to send from that is in no socket's
    #: queue.
    state: Optional[str]
    #: Where in state ``pool`` it is: ``cache`` or ``ring`` of its page pool, ``frag``,
    #: which that is cutting into pieces; ``skb`` in a socket's receive queue; ``gro``,
    #: ``backlog`` or ``deferred`` in a packet between the device and a socket, see
    #: :mod:`.flight`; ``out`` is the rest: posted to the hardware, or in a packet that
    #: is somewhere else.
    place: Optional[str]
    #: Address of its ``struct page_pool``, 0 if it has none.
    pool: int
    #: ``pp_ref_count``; says nothing about a free one.
    refs: int
    #: Tokens on it; io_uring's ``user_refs``; frags in sockets' write and retransmit queues.
    tokens: int
    #: For how long there have been tokens on it, in seconds; ``None`` if there
    #: is none, or the kernel does not tell.
    held: Optional[float]


@dataclasses.dataclass
class IovBlock:
    """Many iovs that were read at once; a sequence of each of their fields."""

    index: Sequence[int]
    address: Sequence[int]
    offset: Sequence[int]
    dma: Sequence[int]
    state: Sequence[Optional[str]]
    place: Sequence[Optional[str]]
    pool: Sequence[int]
    refs: Sequence[int]
    tokens: Sequence[int]
    held: Sequence[Optional[float]]

    def rows(self) -> Iterator[Iov]:
        """:return: The iovs, one by one."""
        return map(Iov._make, zip(*(getattr(self, name) for name in Iov._fields)))


class Word(NamedTuple):
    """What a word from a frag, a ring or a token is."""

    word: int
    #: ``iov``; ``page``; ``null``; ``reserved``, a token in the making; ``gone``,
    #: tagged, but no binding or area has an iov there; ``garbage``.
    kind: str
    #: More in words, empty if there is no more to say.
    note: str = ""
    iov: Optional[Iov] = None
    binding: Optional[Binding] = None
    #: Page frame number.
    pfn: Optional[int] = None
    #: Address of the ``struct page_pool`` that has the page or the iov.
    pool: int = 0


@dataclasses.dataclass
class Holding:
    """What one socket, or the ring of an io_uring, holds of one binding."""

    #: ``None`` if it is a ring.
    sock: Optional[Sock]
    tasks: List[Task]
    binding: Binding
    #: Tokens: number -> address of the iov. What a ring holds, and what is not acknowledged
    #: yet, has no number of its own and is counted.
    tokens: Dict[int, int]
    #: For how long it has held the oldest, in seconds; ``None`` if the kernel
    #: does not tell.
    oldest: Optional[float] = None
    #: Bytes that are not acknowledged yet, if it sends.
    unacknowledged: Optional[int] = None

    @property
    def iovs(self) -> Set[int]:
        """Addresses of the iovs."""
        return set(self.tokens.values())

    @property
    def bytes(self) -> int:
        """How much memory it holds."""
        if self.unacknowledged is not None:
            return self.unacknowledged
        return len(self.iovs) * self.binding.iov_size


class Devmem(Kernel):
    """A kernel's device memory, and who has it."""

    @functools.cached_property
    def reach(self) -> Reach:
        """What its processes can get at."""
        try:
            return Reach(self)
        except LookupError as e:
            raise LayoutError(f"the kernel's types are not what they should be: {e}")

    @functools.cached_property
    def sockets(self) -> Sockets:
        """Its sockets."""
        try:
            return Sockets(self, self.reach)
        except LookupError as e:
            raise LayoutError(f"the kernel's types are not what they should be: {e}")

    @functools.cached_property
    def bindings(self) -> List[Binding]:
        """
        All of it, by id: bindings that user space has, and those that it let go of and that
        page pools or packets still hold; then the areas of io_uring.
        """
        queues = self.reach.queues if self._zcrx is not None else {}
        return [*self.dmabuf_bindings(self._sent_from()), *self.areas(queues)]

    def _sent_from(self) -> Set[int]:
        """Bindings that packets are made of that sockets have not sent, or not for good."""
        words = {word & ~TAG for sock in self.sockets.all for word in _words(sock.sending)}
        placed = (self.layout.place(self.memory, address) for address in words)
        return {found.binding for found in placed if found is not None}

    @functools.cached_property
    def _clocks(self) -> Optional[Tuple[float, float]]:
        """
        The monotonic clock and the boot clock, which goes on while the machine is
        suspended, in seconds, of a dump as at its last tick; ``None`` if they cannot
        be read.

        The kernel's own stand still while all CPUs are idle, so a live kernel
        is asked by system call.
        """
        if self.memory.live:
            clocks = (time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME)
            monotonic, boot = map(time.clock_gettime, clocks)
            return monotonic, boot
        addresses = (self.symbol(name, required=False) for name in TIMEKEEPERS)
        address = next(filter(None, addresses), 0)
        if not address:
            return None
        clock = Record.of(
            self.prog,
            "struct timekeeper",
            base="tkr_mono.base",
            nsec="tkr_mono.xtime_nsec",
            shift="tkr_mono.shift",
            to_boot="offs_boot",
        ).read(self.memory, address + timekeeper_offset(self.prog))
        if clock is None or clock.shift >= 64:
            return None
        monotonic = clock.base + (clock.nsec >> clock.shift)
        return monotonic / 1e9, (monotonic + clock.to_boot) / 1e9

    def age(self, since: float) -> Optional[float]:
        """
        :param since: A time of the monotonic clock, in seconds.
        :return: How long that was ago, in seconds; ``None`` if the time is not known.
        """
        return None if self._clocks is None else max(0.0, self._clocks[0] - since)

    def age_since_boot(self, since: float) -> Optional[float]:
        """
        :param since: A time of the boot clock, in seconds.
        :return: How long that was ago, in seconds; ``None`` if the time is not known.
        """
        return None if self._clocks is None else max(0.0, self._clocks[1] - since)

    # From an address to an iov

    @functools.cached_property
    def _starts(self) -> List[Tuple[int, int, Binding, Run]]:
        """All runs, sorted by address, each with its first iov's index."""
        starts = []
        for binding in self.bindings:
            index = 0
            for run in binding.runs:
                starts.append((run.address, index, binding, run))
                index += run.count
        return sorted(starts, key=lambda start: start[0])

    @functools.cached_property
    def _addresses(self) -> List[int]:
        return [start[0] for start in self._starts]

    def _find(self, address: int) -> Optional[Tuple[int, Binding, Run, int]]:
        """The run that an address is in: (index of its first, ..., bytes into it)"""
        at = bisect.bisect_right(self._addresses, address) - 1
        if at < 0:
            return None
        start, index, binding, run = self._starts[at]
        if address - start >= run.count * self.layout.iov.size:
            return None
        return index, binding, run, address - start

    def binding_of(self, address: int) -> Optional[Binding]:
        """
        :param address: Address of an iov, without its tag.
        :return: The binding that it belongs to.
        """
        found = self._find(address)
        return found[1] if found else None

    def iov_at(self, address: int) -> Optional[Iov]:
        """
        Read an iov.

        :param address: Its address, without its tag.
        :return: The iov, ``None`` if there is none.
        """
        found = self._find(address)
        if found is None or found[3] % self.layout.iov.size:
            return None
        index, binding, run, distance = found
        number = distance // self.layout.iov.size
        data = self.memory.read(address, self.layout.iov.size)
        if data is None:
            return None
        piece = Run(address, 1, run.offset, run.dma, run.bits)
        block = self._block(binding, [(run, number, 1)], index + number, piece, data)
        return next(block.rows())

    # Where iovs are

    @functools.cached_property
    def token_counts(self) -> Dict[int, int]:
        """Tokens that sockets and rings have: address of an iov -> their number."""
        counts: Dict[int, int] = {}
        for sock in self.sockets.all:
            for word in itertools.chain(sock.tokens.values(), _words(sock.sending)):
                counts[word & ~TAG] = counts.get(word & ~TAG, 0) + 1
        for binding in self.bindings:
            counts.update(binding.user_refs)
        return counts

    @functools.cached_property
    def places(self) -> Dict[int, str]:
        """Where iovs in state ``pool`` are, by their address, if it is known."""
        devices = {binding.device.address for binding in self.bindings if binding.device}
        try:
            flight = list(words_in_flight(self, devices))
        except (LayoutError, LookupError) as e:
            _logger.warning("packets on their way are not looked at, all are 'out': %s", e)
            flight = []
        places = {word & ~TAG: place for place, word in flight}
        for sock in self.sockets.all:
            for skb in sock.unread:
                places.update({frag.word & ~TAG: "skb" for frag in skb.all_frags()})
        for pool in self.pools:
            places[pool.frag & ~TAG] = "frag"
            places.update({word & ~TAG: "ring" for word in pool.ring})
            places.update({word & ~TAG: "cache" for word in pool.cache})
        return places

    # A binding's iovs

    def _groups(self, binding: Binding) -> Iterator[List[Run]]:
        """Runs that stand side by side in memory, and so can be read at once."""
        group: List[Run] = []
        end = 0
        for run in (run for run in binding.runs if run.count):
            if group and run.address != end:
                yield group
                group = []
            group.append(run)
            end = run.address + run.count * self.layout.iov.size
        if group:
            yield group

    def iov_blocks(self, binding: Binding) -> Iterator[IovBlock]:
        """
        Read a binding's iovs.

        :param binding: Which.
        :return: Its iovs in blocks, in the order of their index.
        """
        index = 0
        for group in self._groups(binding):
            total = sum(run.count for run in group)
            for first, count, data in self._read_group(group[0].address, total):
                pieces = _pieces(group, first, count)
                piece = Run(group[0].address + first * self.layout.iov.size, count, 0, 0, None)
                yield self._block(binding, pieces, index + first, piece, data)
            index += total

    def _read_group(self, address: int, count: int) -> Iterator[Tuple[int, int, bytes]]:
        size = self.layout.iov.size
        if count * size >= 4096:
            yield from self.memory.read_array(address, count, size)
            return
        # A dma-buf of single pages makes an array of one iov for each
        data = self.memory.read_cached(address, count * size)
        if data is not None:
            yield 0, count, data

    def _block(
        self,
        binding: Binding,
        pieces: List[Tuple[Run, int, int]],
        index: int,
        where: Run,
        data: bytes,
    ) -> IovBlock:
        layout = self.layout
        size = layout.iov.size
        step = binding.iov_size
        address = range(where.address, where.address + where.count * size, size)
        free = self._free(pieces, data)
        tokens, held = self._held(address, data)
        state: List[Optional[str]] = [
            "user" if token else "free" if unused else "pool" for token, unused in zip(tokens, free)
        ]
        if binding.kind == "tx":
            state = ["user" if token else None for token in tokens]
        places = self.places
        return IovBlock(
            index=range(index, index + where.count),
            address=address,
            offset=_joined([_steps(run.offset, step, first, n) for run, first, n in pieces]),
            dma=self._dma(pieces, step, data),
            state=state,
            place=[
                places.get(at, "out") if is_in == "pool" else None
                for at, is_in in zip(address, state)
            ],
            pool=[
                0 if unused else pool for unused, pool in zip(free, layout.iov.column(data, "pp"))
            ],
            refs=layout.iov.column(data, "refs"),
            tokens=tokens,
            held=held,
        )

    def _dma(self, pieces: List[Tuple[Run, int, int]], step: int, data: bytes) -> Sequence[int]:
        steps = [_steps(run.dma, step, first, n) for run, first, n in pieces if run.dma is not None]
        return _joined(steps) if steps else self.layout.iov.column(data, "dma")

    def _free(self, pieces: List[Tuple[Run, int, int]], data: bytes) -> List[bool]:
        size = self.layout.iov.size
        run, first, count = pieces[0]
        if run.bits is None:
            return self.layout.free_flags(run, data, first, len(data) // size)
        flags: List[bool] = []
        for run, first, count in pieces:
            flags += self.layout.free_flags(run, data, first, count)
        return flags

    def _held(self, address: Sequence[int], data: bytes) -> Tuple[List[int], List[Optional[float]]]:
        """Tokens on each iov, and for how long."""
        if not self.layout.counts_tokens:
            counts = self.token_counts
            return [counts.get(at, 0) for at in address], [None] * len(address)
        tokens = self.layout.iov.column(data, "tokens")
        since = self.layout.iov.column(data, "since")
        return tokens, [
            self.age(start / 1e9) if token else None for token, start in zip(tokens, since)
        ]

    # Who holds what

    @functools.cached_property
    def holdings(self) -> List[Holding]:
        """What readers, senders and rings hold, by socket or ring, and binding."""
        holdings = []
        for sock in self.sockets.all:
            holdings += self._read_holdings(sock)
            holdings += self._sent_holdings(sock)
        for area in (binding for binding in self.bindings if binding.kind == "io_uring"):
            tasks = self.reach.queues.get(area.provider, [])
            refs = [at for at, count in area.user_refs.items() for _ in range(count)]
            if tasks or refs:
                holdings.append(Holding(None, tasks, area, dict(enumerate(refs))))
        return holdings

    def _read_holdings(self, sock: Sock) -> List[Holding]:
        shares: Dict[int, Holding] = {}
        for token, word in sock.tokens.items():
            binding = self.binding_of(word & ~TAG)
            if binding is not None:
                new = Holding(sock, sock.tasks, binding, {})
                shares.setdefault(binding.address, new).tokens[token] = word & ~TAG
        for share in shares.values():
            share.oldest = self._oldest(share.iovs)
        return list(shares.values())

    def _sent_holdings(self, sock: Sock) -> List[Holding]:
        shares: Dict[int, Holding] = {}
        for frag in (frag for skb in sock.sending for frag in skb.all_frags()):
            binding = self.binding_of(frag.word & ~TAG) if frag.word & TAG else None
            # What came in by a binding may go out again, but not as memory of this socket's
            if binding is not None and binding.kind == "tx":
                new = Holding(sock, sock.tasks, binding, {}, unacknowledged=0)
                share = shares.setdefault(binding.address, new)
                share.tokens[len(share.tokens)] = frag.word & ~TAG
                share.unacknowledged = (share.unacknowledged or 0) + frag.size
        return list(shares.values())

    def _oldest(self, addresses: Set[int]) -> Optional[float]:
        if not self.layout.counts_tokens:
            return None
        ages = []
        for address in addresses:
            iov = self.layout.iov.read(self.memory, address, cached=True)
            if iov is not None and iov.tokens:
                ages.append(self.age(iov.since / 1e9))
        return max((age for age in ages if age is not None), default=None)

    def users(self, binding: Binding) -> int:
        """
        :param binding: Which.
        :return: How many of its iovs a reader has.
        """
        if binding.user is not None:
            return binding.user
        held = [h.iovs for h in self.holdings if h.binding is binding]
        return len(set().union(*held))

    # Words

    def decode(self, word: int) -> Word:
        """
        Say what a word is. Nothing that it points to is believed: an iov is one
        only if it stands in a binding.

        :param word: Any number.
        :return: What it is.
        """
        if not word:
            return Word(word, "null")
        if word == XA_ZERO_ENTRY:
            return Word(word, "reserved", "a token that its reader is about to get")
        found = self._find(word & ~TAG)
        if found is not None:
            return self._decode_iov(word, found)
        if word & TAG:
            return Word(
                word,
                "gone",
                "no binding has an iov there: its binding is gone, or it is garbage",
            )
        return self._decode_page(word)

    def _decode_iov(self, word: int, found: Tuple[int, Binding, Run, int]) -> Word:
        index, binding, _, distance = found
        size = self.layout.iov.size
        index += distance // size
        if distance % size:
            return Word(
                word,
                "garbage",
                f"points {distance % size} bytes into iov {index} of {binding.name}, "
                "not at its start",
                binding=binding,
            )
        iov = self.iov_at(word & ~TAG)
        if iov is None:
            return Word(word, "garbage", "the iov cannot be read", binding=binding)
        note = "" if word & TAG else "an iov's address without the tag"
        return Word(word, "iov", note, iov, binding, pool=iov.pool)

    def _pool_of(self, address: int) -> int:
        """The page pool that something claims to belong to, if that exists."""
        memory = Memory(self.prog)  # a fault here says nothing about the kernel
        data = Record.of(self.prog, netmem_type(self.prog), pp="pp").read(memory, address)
        return data.pp if data is not None and data.pp in self.pool_providers else 0

    def _decode_page(self, word: int) -> Word:
        base, last = self._vmemmap(), self._variable("max_pfn")
        size = int(sizeof(self.prog.type("struct page")))
        if not base or not last:
            return Word(word, "garbage", "not tagged; where pages are is not known")
        pfn, rest = divmod(word - base, size)
        if rest or not 0 <= pfn < last:
            return Word(word, "garbage", "neither tagged nor the address of a page")
        pool = self._pool_of(word)
        note = "" if pool else "of no page pool"
        return Word(word, "page", note, pfn=pfn, pool=pool)

    def _variable(self, name: str) -> Optional[int]:
        address = self.symbol(name, required=False)
        return self.memory.word(address) if address else None

    def _vmemmap(self) -> Optional[int]:
        """Address of the first ``struct page``; drgn knows where that is fixed."""
        try:
            return int(self.prog["vmemmap"])
        except (LookupError, FaultError):
            return self._variable("vmemmap_base")

    def pool_at(self, address: int) -> Optional[Pool]:
        """
        :param address: Address of a ``struct page_pool``.
        :return: The pool, if it lives on a dma-buf.
        """
        return next((pool for pool in self.pools if pool.address == address), None)


def _words(skbs: Sequence[Skb]) -> Iterator[int]:
    """Tagged words that skbs consist of."""
    return (frag.word for skb in skbs for frag in skb.all_frags() if frag.word & TAG)


def _steps(start: int, step: int, first: int, count: int) -> range:
    """``start + i * step``, for so many i from the first on."""
    return range(start + first * step, start + (first + count) * step, step)


def _joined(ranges: List[range]) -> Sequence[int]:
    """One sequence of all; a range takes no memory for each of its numbers."""
    return ranges[0] if len(ranges) == 1 else list(itertools.chain.from_iterable(ranges))


def _pieces(group: List[Run], first: int, count: int) -> List[Tuple[Run, int, int]]:
    """The parts of runs that iovs of a group are: (run, first, count)."""
    pieces = []
    start = 0
    for run in group:
        low, high = max(first, start), min(first + count, start + run.count)
        if low < high:
            pieces.append((run, low - start, high - low))
        start += run.count
    return pieces
