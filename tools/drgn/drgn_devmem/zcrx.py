# SPDX-License-Identifier: GPL-2.0-or-later
"""
Zero-copy receive of io_uring
-----------------------------

An interface queue of io_uring (``struct io_zcrx_ifq``) receives into areas of memory that
a process registered with its ring. What is an area's own is told by its types, as in
:mod:`.layout`.
"""

import struct
from typing import Any, Dict, List, NamedTuple, Optional

from drgn import Program

from .layout import Run, has_member, has_type
from .memory import Memory, Record

__all__ = ("Area", "InterfaceQueue", "Zcrx")

# ZCRX_MAX_AREAS, and more iovs than a machine has memory for
_MAX_AREAS = 1024
_MAX_IOVS = 1 << 28
_NO_QUEUE = 0xFFFFFFFF


class Area(NamedTuple):
    """Memory that an interface queue receives into."""

    #: Address of the ``struct io_zcrx_area``.
    address: int
    #: Number in its queue.
    number: int
    #: All its iovs.
    run: Run
    #: How many are in its free list.
    free: int
    #: What user space holds: address of an iov -> how often.
    user_refs: Dict[int, int]


class InterfaceQueue(NamedTuple):
    """An interface queue."""

    #: Address of the ``struct io_zcrx_ifq``, which its page pools name.
    address: int
    #: Address of the ``struct net_device``, 0 if it has none (any more).
    device: int
    #: Number of the device's receive queue.
    queue: Optional[int]
    #: Size of an iov, as a power of two of bytes.
    shift: int
    areas: List[Area]


class Zcrx:
    """How a kernel's interface queues are read."""

    def __init__(self, prog: Program, memory: Memory, iov_size: int) -> None:
        """
        :param prog: Program that :meth:`exists()` for.
        :param memory: Where to read.
        :param iov_size: Size of a ``struct net_iov``, in bytes.
        :raises LookupError: if its types are not what they should be
        """
        self.memory = memory
        self._iov_size = iov_size
        self._page_shift = int(prog["PAGE_SHIFT"])
        members = {"queue": "if_rxq", "device": "netdev"}
        # One area in v6.15 and v6.18, several in v7.3
        if has_member(prog, "struct io_zcrx_ifq", "areas"):
            members.update(areas="areas", num_areas="nr_areas")
        else:
            members.update(area="area")
        if has_member(prog, "struct io_zcrx_ifq", "niov_shift"):
            members.update(shift="niov_shift")
        self._ifq = Record.of(prog, "struct io_zcrx_ifq", **members)
        self._area = Record.of(
            prog,
            "struct io_zcrx_area",
            iovs="nia.niovs",
            count="nia.num_niovs",
            ifq="ifq",
            user_refs="user_refs",
            free="free_count",
            freelist="freelist",
        )

    @staticmethod
    def exists(prog: Program) -> bool:
        """:return: Whether a kernel receives through io_uring at all."""
        return has_type(prog, "struct io_zcrx_ifq") and has_type(prog, "struct io_zcrx_area")

    def read(self, address: int) -> Optional[InterfaceQueue]:
        """
        :param address: Address of a ``struct io_zcrx_ifq``.
        :return: It, ``None`` if it cannot be read.
        """
        ifq = self._ifq.read(self.memory, address)
        if ifq is None:
            return None
        shift = getattr(ifq, "shift", self._page_shift)
        if shift >= 64:
            self.memory.inconsistent += 1
            return None
        areas = (self._read_area(address, i, at) for i, at in enumerate(self._areas(ifq)))
        queue = ifq.queue if ifq.device and ifq.queue != _NO_QUEUE else None
        return InterfaceQueue(address, ifq.device, queue, shift, [a for a in areas if a])

    def _areas(self, ifq: Any) -> List[int]:
        """Addresses of a queue's areas."""
        if hasattr(ifq, "area"):
            return [ifq.area] if ifq.area else []
        count = ifq.num_areas
        if count > _MAX_AREAS:
            self.memory.inconsistent += 1
            return []
        data = self.memory.read(ifq.areas, 8 * count) if count else None
        return list(struct.unpack(f"<{count}Q", data)) if data else []

    def _read_area(self, ifq: int, number: int, address: int) -> Optional[Area]:
        area = self._area.read(self.memory, address)
        if area is None:
            return None
        if area.ifq != ifq or not area.free <= area.count <= _MAX_IOVS:
            # Another's by now, or it is just being made
            self.memory.inconsistent += 1
            return None
        bits = bytearray(b"\xff" * ((area.count + 7) // 8))
        for index in self._numbers(area.freelist, area.free):
            if index < area.count:
                bits[index >> 3] &= ~(1 << (index & 7)) & 0xFF
        refs = self._numbers(area.user_refs, area.count)
        user = {area.iovs + i * self._iov_size: n for i, n in enumerate(refs) if n}
        run = Run(area.iovs, area.count, 0, None, bytes(bits))
        return Area(address, number, run, area.free, user)

    def _numbers(self, address: int, count: int) -> List[int]:
        """An array of 32-bit numbers."""
        numbers: List[int] = []
        for first, n, data in self.memory.read_array(address, count, 4):
            numbers += [0] * (first - len(numbers))
            numbers += struct.unpack(f"<{n}I", data)
        return numbers
