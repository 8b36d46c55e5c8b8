# SPDX-License-Identifier: GPL-2.0-or-later
"""
Packets between the device and a socket
---------------------------------------

Where a packet can be that the driver has passed on and no socket has yet: in a NAPI
instance, which merges packets (GRO), in a CPU's input queue; and where one
can be that nobody needs any more: in the list of those that another CPU is to free.
"""

from typing import Iterable, Iterator, Tuple

from .bindings import Kernel
from .layout import deferred_lists, gro_lists
from .memory import Memory, Record, list_nodes
from .skbs import Skbs

__all__ = ("words_in_flight",)

_WORD = (1 << 64) - 1


class _Flight:
    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        prog = kernel.prog
        # These lists are never at rest; that one of them makes no sense is no news
        self.memory = Memory(prog)
        self.skbs = Skbs(prog, self.memory)
        self._devices = Record.of(prog, "struct net_device", napis="napi_list").offsets
        self._napi = Record.of(prog, "struct napi_struct", node="dev_list").offsets["node"]
        self._gro = gro_lists(prog)
        self._queues = Record.of(
            prog,
            "struct softnet_data",
            process="process_queue.next",
            input="input_pkt_queue.next",
            completion="completion_queue",
        )

    # Per device

    def merging(self, device: int) -> Iterator[int]:
        """Skbs in a device's NAPI instances."""
        for node in list_nodes(self.memory, device + self._devices["napis"]):
            for offset in self._gro:
                yield from list_nodes(self.memory, node - self._napi + offset)

    # Per CPU

    def queued(self) -> Iterator[int]:
        """Skbs that wait on a CPU for the stack."""
        data = self.kernel.per_cpu_symbol("softnet_data")
        for cpu in self.kernel.per_cpu_offsets:
            for name in ("process", "input"):
                yield from list_nodes(self.memory, cpu + data + self._queues.offsets[name] & _WORD)

    def unneeded(self) -> Iterator[int]:
        """Skbs that wait on a CPU to be freed."""
        per_cpu = self.kernel.per_cpu_symbol("softnet_data")
        lists = deferred_lists(self.kernel.prog, self.memory, self.kernel.symbol, per_cpu)
        lists.append(per_cpu + self._queues.offsets["completion"])
        for cpu in self.kernel.per_cpu_offsets:
            for head in lists:
                yield from self.skbs.chain(self.memory.word(head + cpu & _WORD) or 0)


def words_in_flight(kernel: Kernel, devices: Iterable[int]) -> Iterator[Tuple[str, int]]:
    """
    Find what packets on their way consist of.

    :param kernel: The kernel.
    :param devices: Addresses of the devices that merge the packets of interest.
    :return: ``gro``, ``backlog`` or ``deferred``, and a word of a frag.
    :raises LookupError: if the kernel's types are not what they should be
    """
    flight = _Flight(kernel)
    places = [("deferred", flight.unneeded()), ("backlog", flight.queued())]
    places += [("gro", flight.merging(device)) for device in devices]
    for place, skbs in places:
        for address in skbs:
            skb = flight.skbs.skb(address)
            if skb is not None:
                yield from ((place, frag.word) for frag in skb.all_frags())
