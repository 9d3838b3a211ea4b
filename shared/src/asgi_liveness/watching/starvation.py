"""Pools of threads that stay full while work waits, from the process itself. Pure.

The rule: a pool that is full once is busy; one that is full twice in a row keeps requests waiting.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from asgi_liveness.stalls import quote
from asgi_liveness.stalls.pools import full_pools

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from asgi_liveness.serving.records import TaskStack, ThreadStack
    from asgi_liveness.stalls.pools import FullPool

    Key = tuple[int, str]
    """The process and the name of a pool."""


@dataclass(frozen=True)
class Starvation:
    """A pool of threads that is full while work waits. Times in seconds."""

    process: int
    pool: str
    """As a report names it: ``thread pool``, or with the name of an app's own."""
    threads: int
    at: float
    """When it was full first, of the wall clock."""
    seconds: float
    goes_on: bool
    where: str
    """Where the most threads are."""
    there: int
    """How many threads are there."""


@dataclass
class FullPools:
    """The pools that are full, from one answer of the processes to the next."""

    package: str
    _since: dict[Key, tuple[float, FullPool, int]] = field(default_factory=dict)

    def answered(
        self,
        threads: Sequence[ThreadStack],
        tasks: Sequence[TaskStack],
        stalled: Collection[int],
        at: float,
    ) -> list[Starvation]:
        """Return what an answer *at* a time of the wall clock tells.

        That is each pool that is full for the second time, and each that is so no longer. The
        processes whose event loop is *stalled* say nothing: they start no work.
        """
        found: dict[Key, FullPool] = {}
        for process in {each.process for each in threads} - set(stalled):
            own = [each for each in threads if each.process == process]
            waiting = [each for each in tasks if each.process == process]
            found |= {(process, pool.name): pool for pool in full_pools(own, waiting, self.package)}
        events = []
        for key, (since, pool, times) in list(self._since.items()):
            if key in found:
                self._since[key] = (since, found[key], times + 1)
                if times == 1:
                    events.append(_starvation(key, found[key], since, at, goes_on=True))
            elif key[0] not in stalled:
                del self._since[key]
                if times > 1:
                    events.append(_starvation(key, pool, since, at, goes_on=False))
        for key in found.keys() - self._since.keys():
            self._since[key] = (at, found[key], 1)
        return events

    def end(self, at: float) -> list[Starvation]:
        """Return the pools that are full at the end of the watch."""
        return [
            _starvation(key, pool, since, at, goes_on=True)
            for key, (since, pool, times) in self._since.items()
            if times > 1
        ]


def _starvation(key: Key, pool: FullPool, since: float, at: float, *, goes_on: bool) -> Starvation:
    frame, there = Counter(pool.frames).most_common(1)[0]
    return Starvation(
        process=key[0],
        pool="thread pool" if pool.is_shared else f"thread pool ({pool.name})",
        threads=pool.threads,
        at=since,
        seconds=at - since,
        goes_on=goes_on,
        where=f"{quote.module(frame)}:{frame.line}",
        there=there,
    )
