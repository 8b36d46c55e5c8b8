# SPDX-License-Identifier: GPL-2.0-or-later
"""
Tokens that no socket has
-------------------------

Our kernel counts tokens on each iov. When it counts more than all sockets have, some are
lost, and their iov with them, unless the two were read at different moments, or the
kernel was just about to enter a token in a socket's table, or to take one out.
"""

import time
from typing import Dict, NamedTuple

from .bindings import Binding
from .iovs import Devmem

__all__ = ("lost_tokens",)

# How often a live kernel must say the same
_LOOKS = 2
# The time of an iov can be so much older than the token, in seconds
_TICK = 0.02


class _Missing(NamedTuple):
    """What sockets lack of an iov's tokens."""

    tokens: int
    #: Since when there have been tokens on it, in seconds of the monotonic clock.
    since: float


def _missing(devmem: Devmem, binding: Binding) -> Dict[int, _Missing]:
    """By index of the iov."""
    missing = {}
    # The sockets first
    counts = devmem.token_counts
    for block in devmem.iov_blocks(binding):
        for index, address, tokens in zip(block.index, block.address, block.tokens):
            if tokens <= counts.get(address, 0):
                continue
            # Both of one moment
            iov = devmem.layout.iov.read(devmem.memory, address)
            if iov is not None and iov.tokens > counts.get(address, 0):
                missing[index] = _Missing(iov.tokens - counts.get(address, 0), iov.since / 1e9)
    return missing


def _between(devmem: Devmem) -> int:
    """Most tokens that can be counted while no table has them."""
    between = sum(sock.reserved for sock in devmem.sockets.all)
    if not devmem.memory.live:
        # Each processor may have stopped after it took one out
        between += len(devmem.per_cpu_offsets)
    return between


def lost_tokens(devmem: Devmem, binding: Binding) -> Dict[int, int]:
    """
    Find tokens that the kernel counts and no socket has. On a live kernel they are those
    that several looks find missing on an iov whose time did not change meanwhile.

    :param devmem: The kernel's device memory.
    :param binding: Which.
    :return: Index of an iov -> how many.
    """
    if not devmem.memory.live:
        lost = {index: found.tokens for index, found in _missing(devmem, binding).items()}
        return lost if sum(lost.values()) > _between(devmem) else {}
    missing = _missing(devmem, binding)
    between = _between(devmem)
    for _ in range(_LOOKS):
        if not missing:
            break
        begin = time.monotonic() - _TICK
        again = Devmem(devmem.prog)
        same = (b for b in again.bindings if (b.address, b.id) == (binding.address, binding.id))
        later = {index: found for b in same for index, found in _missing(again, b).items()}
        between = min(between, _between(again))
        missing = {
            index: _Missing(min(found.tokens, later[index].tokens), found.since)
            for index, found in missing.items()
            if index in later and later[index].since == found.since < begin
        }
    lost = {index: found.tokens for index, found in missing.items()}
    return lost if sum(lost.values()) > between else {}
