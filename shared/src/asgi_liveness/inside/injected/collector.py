"""The passes of the garbage collector, timed without a line of Python.

Up to Python 3.11 the collector runs in the middle of C code. A callback in Python gives up the GIL
there, and so a freeze would be gone while one looks: ``json.loads`` keeps the GIL for a second, and
with such a callback for 10 ms.
"""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections import deque
from functools import partial
from itertools import cycle, repeat
from operator import mul
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    Steps = zip[tuple[None, None]]
else:
    Steps = zip

_MOST = 2**16
"""Times that wait to be read, an even number."""


class _Clock(Steps):
    """Takes a step of each of its iterators whenever one of its attributes is read."""

    start = stop = property(next)


class Collector:
    """The passes of the garbage collector in this process; *word* of *words* shows one that runs.

    A fork times none: its words are its parent's.
    """

    def __init__(self, words: memoryview, word: int) -> None:
        self._times: deque[int] = deque(maxlen=_MOST)  # ns: a start and a stop in turn
        now = iter(time.monotonic_ns, None)
        clock = _Clock(
            map(self._times.append, now),
            map(words.__setitem__, repeat(word), map(mul, now, cycle((1, 0)))),
        )
        # The collector calls it with "start" or "stop", and facts that become a default here.
        self._callback = partial(getattr, clock)
        gc.callbacks.append(self._callback)
        _collectors.add(self)

    def passes(self, least: int) -> Iterator[tuple[int, int]]:
        """Yield when each pass of at least *least* ns began and ended, once; times in ns."""
        while len(self._times) > 1:
            began, ended = self._times.popleft(), self._times.popleft()
            if ended - began >= least:
                yield began, ended

    def forget(self) -> None:
        """Time no further pass."""
        with contextlib.suppress(ValueError):  # an app may have cleared the callbacks
            gc.callbacks.remove(self._callback)


_collectors: WeakSet[Collector] = WeakSet()


def _forget() -> None:
    for collector in list(_collectors):
        collector.forget()


os.register_at_fork(after_in_child=_forget)
