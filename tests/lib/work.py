# SPDX-License-Identifier: GPL-2.0-or-later
"""What is still to be run, shared by all who run it."""

import threading
from collections import Counter
from functools import partial

from suite import HOST, Test
from times import Times

# A guest more for a kernel pays off when it can take over so many boots' worth of tests.
WORTH_BOOTS = 2


class Work:
    """A queue of tests for each kernel, and for the host.

    A worker asks for a place (next_place), boots a guest for it, and has that take tests
    until there is none (next_test).
    """

    def __init__(self, chosen: dict[str, list[Test]], times: Times) -> None:
        self._times = times
        self._queues = {}
        for flavor, tests in chosen.items():
            seconds = partial(times.of_test, flavor)
            self._queues[flavor] = sorted(tests, key=seconds, reverse=True)
        self._ready = {HOST} & chosen.keys()
        self._awaited = chosen.keys() - self._ready
        self._workers: Counter[str] = Counter()
        self._changed = threading.Condition()

    def kernel_is_there(self, flavor: str) -> None:
        """Let its tests be run."""
        with self._changed:
            self._awaited.discard(flavor)
            self._ready.add(flavor)
            self._changed.notify_all()

    def give_up(self, flavor: str) -> list[Test]:
        """Let nobody run what is left for this kernel; return that."""
        with self._changed:
            self._awaited.discard(flavor)
            left, self._queues[flavor] = self._queues[flavor], []
            self._changed.notify_all()
            return left

    def next_place(self) -> str | None:
        """Return where a worker is needed most, when there is one; None at the end."""
        with self._changed:
            while True:
                if place := self._neediest():
                    self._workers[place] += 1
                    return place
                if not self._awaited:
                    return None
                self._changed.wait()

    def leave(self, place: str) -> None:
        """A worker is no longer there."""
        with self._changed:
            self._workers[place] -= 1
            self._changed.notify_all()

    def next_test(self, place: str) -> Test | None:
        """Return the longest of the tests that wait there."""
        with self._changed:
            queue = self._queues[place]
            return queue.pop(0) if queue else None

    def limits(self, place: str) -> list[int]:
        """Return the limits of what waits there."""
        with self._changed:
            return [test.limit(place) for test in self._queues[place]]

    def _neediest(self) -> str | None:
        needs = {place: self._need(place) for place in self._ready if self._queues[place]}
        worth = {place: need for place, need in needs.items() if need is not None}
        return max(worth, key=worth.__getitem__) if worth else None

    def _need(self, place: str) -> float | None:
        """Return the seconds that would be each worker's share, were there one more.

        None if that is not worth it.
        """
        seconds = [self._times.of_test(place, test) for test in self._queues[place]]
        workers = self._workers[place]
        if workers and place != HOST:
            if sum(seconds) < WORTH_BOOTS * self._times.of_boot(place):
                return None
        return max(max(seconds), sum(seconds) / (workers + 1))
