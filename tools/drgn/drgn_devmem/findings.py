# SPDX-License-Identifier: GPL-2.0-or-later
"""
What looks like a leak
----------------------
"""

import dataclasses
from typing import Any, Dict, Iterator, List, Optional

from .bindings import Binding
from .document import task_entries
from .iovs import Devmem, Holding
from .lost import lost_tokens
from .watch import Claim, by_holding, claims_of, confirmed, watched

__all__ = ("Finding", "find_leaks")


@dataclasses.dataclass
class Finding:
    """Memory that should have come back."""

    #: ``held``, by a reader, for too long; ``unknown``, by a reader, and since when is
    #: not known, which proves nothing; ``unbound``, a binding that user space let go
    #: of; ``lost``, tokens that no socket has; ``stalled``, a page pool that its driver
    #: gave up.
    kind: str
    #: Whose memory.
    binding: Binding
    #: How many iovs.
    iovs: int
    #: In words, without the holder.
    what: str
    #: For how long, ``None`` if that is not known.
    seconds: Optional[float] = None
    holding: Optional[Holding] = None
    #: How many of the holder's tokens.
    tokens: Optional[int] = None
    #: Whether it may be longer than that.
    at_least: bool = False

    @property
    def is_leak(self) -> bool:
        """Whether it is proven."""
        return self.kind != "unknown"

    def entry(self) -> Dict[str, Any]:
        """:return: It as an object of ``drgn-devmem leaks --json``."""
        sock = self.holding.sock if self.holding else None
        return {
            "kind": self.kind,
            "of": self.binding.name,
            "memory": self.binding.kind,
            "binding": self.binding.id,
            "iovs": self.iovs,
            "seconds": self.seconds,
            "at_least": self.at_least,
            "what": self.what,
            "tokens": self.tokens,
            "cookie": sock.cookie or None if sock else None,
            "local": sock.local if sock else None,
            "remote": sock.remote if sock else None,
            "tasks": task_entries(self.holding.tasks) if self.holding else [],
        }


def find_leaks(devmem: Devmem, seconds: float) -> List[Finding]:
    """
    Find memory that is kept from its binding. A live kernel is looked at again, and only
    what was there all the time is found.

    :param devmem: The kernel's device memory.
    :param seconds: From when on a reader holds a token too long. Tokens whose age a
        live kernel does not tell are watched for so long.
    :return: What was found, of one kind after the other.
    """
    held = list(_held(devmem, seconds))
    lost = list(_lost(devmem))
    again = Devmem(devmem.prog) if devmem.memory.live else devmem
    return [*held, *_unbound(devmem, again), *lost, *_stalled(devmem, again)]


def _held(devmem: Devmem, seconds: float) -> Iterator[Finding]:
    claims = claims_of(devmem, seconds)
    known = {key: claim for key, claim in claims.items() if claim.seconds is not None}
    unknown = {key: claim for key, claim in claims.items() if claim.seconds is None}
    if devmem.memory.live:
        if seconds:
            unknown = watched(devmem, unknown, seconds)
        claims = confirmed(devmem, {**known, **unknown})
    elif seconds:
        # Nothing moves in a dump
        claims = known
        for group in by_holding(unknown):
            yield _reader("unknown", group)
    for group in by_holding(claims):
        yield _reader("held", group)


def _reader(kind: str, claims: List[Claim]) -> Finding:
    holding = claims[0].holding
    n = len({claim.iov for claim in claims})
    return Finding(
        kind,
        holding.binding,
        n,
        f"a reader holds {len(claims)} tokens on {n} iovs",
        max((c.seconds for c in claims if c.seconds is not None), default=None),
        holding,
        len(claims),
        any(claim.watched for claim in claims),
    )


def _unbound(devmem: Devmem, again: Devmem) -> Iterator[Finding]:
    still = {(binding.address, binding.id) for binding in again.bindings if binding.unbound}
    for binding in devmem.bindings:
        if not binding.unbound or (binding.address, binding.id) not in still:
            continue
        pools = [pool for pool in devmem.pools if pool.provider == binding.address]
        user = devmem.users(binding)
        if binding.free is None:
            what = f"unbound, but sockets send {user} of its {binding.total} iovs"
            yield Finding("unbound", binding, user, what)
            continue
        out = binding.total - binding.free
        yield Finding(
            "unbound",
            binding,
            out,
            f"unbound, but {len(pools)} page pools keep its {binding.total} iovs; "
            f"{out} are out, {user} of them with readers",
        )


def _lost(devmem: Devmem) -> Iterator[Finding]:
    if not devmem.layout.counts_tokens:
        return
    for binding in devmem.bindings:
        lost = lost_tokens(devmem, binding) if binding.user else {}
        if lost:
            yield Finding(
                "lost",
                binding,
                len(lost),
                f"{sum(lost.values())} tokens on {len(lost)} iovs that no socket "
                f"has, the first on iov {min(lost)}",
            )


def _stalled(devmem: Devmem, again: Devmem) -> Iterator[Finding]:
    bindings = {binding.provider: binding for binding in reversed(devmem.bindings)}
    still = {(pool.address, pool.id) for pool in again.pools if pool.detached}
    for pool in devmem.pools:
        if (pool.address, pool.id) in still and pool.detached and pool.provider in bindings:
            yield Finding(
                "stalled",
                bindings[pool.provider],
                pool.inflight,
                f"page pool {pool.id} was given up by its driver and waits for "
                f"{pool.inflight} iovs",
                devmem.age_since_boot(pool.detached),
            )
