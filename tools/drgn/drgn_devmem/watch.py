# SPDX-License-Identifier: GPL-2.0-or-later
"""
Which tokens a reader has had all the time
------------------------------------------

Numbers of tokens and iovs are used again at once: a token that is seen twice on the same iov
may have come back in between. It is the same one if the kernel says since when the
iov has been with readers, and that did not change. Where the kernel keeps no time, or the
iov has other readers as well, what is left is to look often, and to believe what was never
seen to come back.
"""

import collections
import logging
import random
import time
from typing import Dict, List, NamedTuple, Optional, Tuple

from .iovs import Devmem, Holding
from .memory import Memory
from .sockets import Sock

__all__ = ("Claim", "Claims", "by_holding", "claims_of", "confirmed", "watched")

_logger = logging.getLogger("devmem")

# A reader that takes nearly as long as the limit to give back is seen to do so
_PATIENCE = 4


class Claim(NamedTuple):
    """A token that may have been out for too long."""

    holding: Holding
    sock: Sock
    #: Address of its iov.
    iov: int
    #: What the iov says, in nanoseconds of the monotonic clock; ``None`` if it does not.
    since: Optional[int]
    #: For how long it has certainly been out, in seconds; ``None`` if that is not known.
    seconds: Optional[float]
    #: Whether that is how long it was watched: it may be older.
    watched: bool = False


#: By address of the socket and number of the token.
Claims = Dict[Tuple[int, int], Claim]


def claims_of(devmem: Devmem, seconds: float) -> Claims:
    """
    Find tokens that may have been out for so long. What is certain to be younger, or
    has come back since the sockets were read, is left out.

    :param devmem: The kernel's device memory.
    :param seconds: How long.
    :return: They, with their age where the kernel proves it.
    """
    layout = devmem.layout
    # Not what was read for something else, maybe before the sockets
    memory = Memory(devmem.prog)
    claims: Claims = {}
    for holding in devmem.holdings:
        if holding.sock is None or holding.unacknowledged is not None:
            # A ring counts what it holds, and cannot say which it was; what is sent is no token
            continue
        own = collections.Counter(holding.tokens.values())
        for token, address in holding.tokens.items():
            key = holding.sock.address, token
            if not layout.counts_tokens:
                claims[key] = Claim(holding, holding.sock, address, None, None)
                continue
            iov = layout.iov.read(memory, address, cached=True)
            if iov is None or not iov.tokens:
                continue
            age = devmem.age(iov.since / 1e9)
            if age is None or age >= seconds:
                # The time is that of the first of all readers
                alone = iov.tokens <= own[address]
                claims[key] = Claim(
                    holding, holding.sock, address, iov.since, age if alone else None
                )
    return claims


def _look_again(devmem: Devmem, claims: Claims) -> Claims:
    """Those whose token is still there, and whose time has not changed."""
    now = Devmem(devmem.prog)
    socks = {claim.sock.address: claim.sock for claim in claims.values()}
    tokens = {address: now.sockets.tokens_of(sock) for address, sock in socks.items()}
    still: Claims = {}
    for (address, token), claim in claims.items():
        if tokens[address].get(token, 0) & ~1 != claim.iov:
            continue
        if claim.since is not None:
            iov = now.layout.iov.read(now.memory, claim.iov, cached=True)
            if iov is None or not iov.tokens or iov.since != claim.since:
                continue
        still[address, token] = claim
    return still


def confirmed(devmem: Devmem, claims: Claims) -> Claims:
    """
    :param devmem: A live kernel's device memory.
    :param claims: Tokens that were out at its look.
    :return: Those that still are, and were all the time if their age is known.
    """
    return _look_again(devmem, claims)


def watched(devmem: Devmem, claims: Claims, seconds: float) -> Claims:
    """
    Look at tokens until nothing of their socket has come back for so long.

    :param devmem: A live kernel's device memory.
    :param claims: Tokens whose age is not known.
    :param seconds: How long.
    :return: Those that were never seen to come back, with the time they were watched.
    """
    if not claims:
        return claims
    _logger.warning(
        "since when %d tokens are out is written nowhere: watching them for %g s",
        len(claims),
        seconds,
    )
    start = time.monotonic()
    changed = dict.fromkeys((address for address, _ in claims), start)
    while True:
        _pause()
        now = time.monotonic()
        still = _look_again(devmem, claims)
        changed.update({address: now for address, _ in claims.keys() - still.keys()})
        claims = still
        restless = {address for address, _ in claims if now - changed[address] < seconds}
        if not restless or now - start >= _PATIENCE * seconds:
            break
    return {
        key: claim._replace(seconds=now - start, watched=True)
        for key, claim in claims.items()
        if key[0] not in restless
    }


def _pause() -> None:
    """Short, and never in step with a reader."""
    time.sleep(random.uniform(0.001, 0.02))


def by_holding(claims: Claims) -> List[List[Claim]]:
    """
    :param claims: Tokens.
    :return: Those of each socket and binding.
    """
    groups: Dict[int, List[Claim]] = {}
    for claim in claims.values():
        groups.setdefault(id(claim.holding), []).append(claim)
    return list(groups.values())
