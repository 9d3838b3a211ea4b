"""The passes of the garbage collector, timed without a line of Python.

Up to Python 3.11 the collector runs in the middle of C code. A callback in Python gives up the GIL
there, and so a freeze would be gone while one looks: ``json.loads`` keeps the GIL for a second, and
with such a callback for 10 ms.
"""

from __future__ import annotations

import contextlib
import gc
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Appends = map[None]
else:
    Appends = map

_MOST = 2**16
"""Times that wait to be read, an even number. In a fork nobody reads them."""


class _Clock(Appends):
    """Takes a step, which appends the time, whenever one of its attributes is read."""

    start = stop = property(next)


class Collector:
    """The passes of the garbage collector in this process."""

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=_MOST)  # ns: a start and a stop in turn
        clock = _Clock(self._times.append, iter(time.monotonic_ns, None))
        # The collector calls it with "start" or "stop", and facts that become a default here.
        self._callback = partial(getattr, clock)
        gc.callbacks.append(self._callback)

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
