# SPDX-License-Identifier: GPL-2.0-or-later
"""
What looks like a leak
----------------------
"""

import dataclasses
from typing import Any, Dict, Iterator, List, Optional

from .document import task_entries
from .iovs import Devmem, Holding

__all__ = ("Finding", "find_leaks")


@dataclasses.dataclass
class Finding:
    """Memory that should have come back."""

    #: ``held``, by a reader; ``unbound``, a binding that user space let go of;
    #: ``lost``, tokens that no socket has; ``stalled``, a page pool that its
    #: driver gave up.
    kind: str
    #: Id of the binding.
    binding: int
    #: How many iovs.
    iovs: int
    #: In words, without the holder.
    what: str
    #: For how long, ``None`` if that is not known.
    seconds: Optional[float] = None
    holding: Optional[Holding] = None

    def entry(self) -> Dict[str, Any]:
        """:return: It as an object of ``drgn-devmem leaks --json``."""
        sock = self.holding.sock if self.holding else None
        return {
            "kind": self.kind,
            "binding": self.binding,
            "iovs": self.iovs,
            "seconds": self.seconds,
            "what": self.what,
            "tokens": len(self.holding.tokens) if self.holding else None,
            "cookie": sock.cookie or None if sock else None,
            "local": sock.local if sock else None,
            "remote": sock.remote if sock else None,
            "tasks": task_entries(sock.tasks) if sock else [],
        }


def find_leaks(devmem: Devmem, seconds: float) -> List[Finding]:
    """
    Find memory that is kept from its binding.

    :param devmem: The kernel's device memory.
    :param seconds: From when on a reader holds a token too long. One whose age
        the kernel does not tell counts as too old.
    :return: What was found, of one kind after the other.
    """
    return [
        *_held(devmem, seconds),
        *_unbound(devmem),
        *_lost(devmem),
        *_stalled(devmem),
    ]


def _held(devmem: Devmem, seconds: float) -> Iterator[Finding]:
    for holding in devmem.holdings:
        if holding.oldest is None or holding.oldest >= seconds:
            n = len(holding.iovs)
            yield Finding(
                "held",
                holding.binding.id,
                n,
                f"a reader holds {len(holding.tokens)} tokens on {n} iovs",
                holding.oldest,
                holding,
            )


def _unbound(devmem: Devmem) -> Iterator[Finding]:
    for binding in devmem.bindings:
        if not binding.unbound:
            continue
        pools = [pool for pool in devmem.pools if pool.binding == binding.address]
        out = binding.total - binding.free
        yield Finding(
            "unbound",
            binding.id,
            out,
            f"unbound, but {len(pools)} page pools keep its {binding.total} iovs; "
            f"{out} are out, {devmem.users(binding)} of them with readers",
        )


def _lost(devmem: Devmem) -> Iterator[Finding]:
    if not devmem.layout.counts_tokens:
        return
    for binding in devmem.bindings:
        lost = devmem.lost_tokens(binding) if binding.user else {}
        if lost and devmem.memory.live:
            # Tokens come and go between two reads: believe only what stays
            again = Devmem(devmem.prog)
            still = [b for b in again.bindings if b.address == binding.address]
            later = again.lost_tokens(still[0]) if still else {}
            lost = {i: min(n, later[i]) for i, n in lost.items() if i in later}
        if lost:
            yield Finding(
                "lost",
                binding.id,
                len(lost),
                f"{sum(lost.values())} tokens on {len(lost)} iovs that no socket "
                f"has, the first on iov {min(lost)}",
            )


def _stalled(devmem: Devmem) -> Iterator[Finding]:
    ids = {binding.address: binding.id for binding in devmem.bindings}
    for pool in devmem.pools:
        if pool.detached and pool.binding in ids:
            yield Finding(
                "stalled",
                ids[pool.binding],
                pool.inflight,
                f"page pool {pool.id} was given up by its driver and waits for "
                f"{pool.inflight} iovs",
                devmem.age_since_boot(pool.detached),
            )
