"""A pace for long loops, so that their event loop still answers.

::

    async with Pace() as pace:
        while there_is_work():
            do_some()
            await pace

Even an ``await`` that does nothing takes a few percent of an iteration of a microsecond. This
spelling has none in the inner loop::

    async with Pace() as pace:
        async for slice in pace:  # one slice after another, shared with all paced loops
            for _ in slice:  # as many iterations as fit in it; stopping early is fine
                if not there_is_work():
                    return
                do_some()

Paced loops run at nearly the speed of loops that never await. All other work of the event loop
waits for about one slice, whether one loop runs or a thousand. To use it without the kit, copy this
file: it needs only asyncio, and works the same on uvloop. Why it is right:

- *One slice at a time.* The paced loops of an event loop wait in one queue, first in, first out. If
  each of a thousand loops had a slice in every pass of the event loop, a pass would take a second.
- *No slice before all other work is done.* After a slice, the event loop makes passes without a
  paced loop, until several in a row had nothing to do. A request takes several passes: with a slice
  in each pass, it would wait for several slices.
- *The loops do not starve.* Under a load that leaves no pass empty, the next slice begins as soon
  as the loops would get less than their least share of the time.
- *No slice can be lost, because no loop holds it.* A slice is a part of one step of a task. The
  step ends where the loop awaits, returns, raises or is cancelled. A callback of the event loop
  moves the queue on, and schedules itself for the next pass while any loop waits.
- *The length of a pass shows whether it had anything to do.* Without private names, an event loop
  shows it in no other way. An empty pass takes one to five microseconds, but up to fifty in debug
  mode or under a profiler. Either may begin at any time, so the shortest pass ages.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextvars import Context
from itertools import chain, repeat
from time import perf_counter
from typing import TYPE_CHECKING, Final, Self, TypeVar, cast
from weakref import WeakKeyDictionary, ref

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    Wait = Generator[asyncio.Future[None], None, None]

_T = TypeVar("_T")
_READINGS: Final = 8
"""Readings of the clock in a slice, at least, if the iterations are short enough."""
_MOST_AWAITS: Final = 32
"""Awaits between two readings of the clock, at most: after as many, Pace notices that a loop's
iterations have become slow. To read the clock in each would cost more than all the rest."""
_MOST_ITERATIONS: Final = 64
"""The same by slices, which are for the shortest iterations."""
_QUIET: Final = 3
"""A pass is quiet if it takes less than this many times the shortest one of late. This holds for 98
in a hundred passes that have nothing to do, also on a machine that has become half as fast."""
_QUIET_PASSES: Final = 3
"""Quiet passes in a row before the next slice. The event loop finds new work in the first pass
after a slice, and does it in the second; and a pass with a short step of a request may look quiet:
on hypercorn, with two quiet passes, a request waits for two slices. A fourth changes nothing."""
_AGING: Final = 1.0001
"""With each later pass, the shortest one counts as so many times its length. If empty passes become
twenty times as long, they are quiet again after 20,000 passes, which is about a second. Under load
passes are longer and so fewer, and an empty one among them is the shortest again."""
_LONGEST_EMPTY: Final = 50e-6
"""Seconds up to which the shortest pass ages. An empty pass takes 10 to 50 µs in debug mode or with
a profiler; a pass that takes more than three times this limit has work to do."""
_NOTHING: Final = cast("Wait", iter(()))
"""An iterator that has ended: to await it takes no time."""


class Pace:
    """A pace for a long loop: it runs a slice at a time, one after another with other paced loops.

    *slice* is in seconds: about the time that other work has to wait. *least_share* is the part of
    the time, above 0 and up to 1, that all paced loops together get if the event loop always has
    other work. An iteration that takes longer than a slice makes its slice as long.

    Either await it in every iteration, or take slices by ``async for``: a slice yields ``None`` for
    each iteration that fits in it, but at least once. A loop may await other things as well, and
    several tasks may enter one ``Pace`` or share it. For paced loops, a loop that awaits
    ``asyncio.sleep(0)`` in every iteration is endless other work.

    Raises ``ValueError`` for a number outside of these ranges, and ``RuntimeError`` outside of its
    ``async with``, without a running asyncio event loop, as under trio, or in two of them at once.
    """

    __slots__ = ("__await__", "_entries", "_line", "_others", "_slice", "_until")
    if TYPE_CHECKING:

        def __await__(self) -> Wait:
            """Return at once within the slice; after it, wait for the next slice."""

    def __init__(self, slice: float = 0.001, least_share: float = 0.05) -> None:  # noqa: A002 (the term)
        if not 0 < slice < math.inf:
            raise ValueError(f"slice must be a number of seconds above 0, not {slice!r}")
        if not 0 < least_share <= 1:
            raise ValueError(f"least_share must be above 0 and at most 1, not {least_share!r}")
        self._slice = slice
        self._others = 1 / least_share - 1
        self._until = -math.inf
        self._entries = 0
        self._line: _Line | None = None
        self._await_by(_outside)

    async def __aenter__(self) -> Self:
        """Wait for the loop's first slice."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "Pace needs a running asyncio event loop, and there is none; "
                "under trio, `await trio.lowlevel.checkpoint()` in every iteration"
            ) from None
        if not (self._line and (other := self._line.loop()) and other.is_running()):
            self._line = _line()
        await self._next_slice()
        self._entries += 1
        self._await_by(chain.from_iterable(self._awaits()).__next__)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave the block; other tasks may still be within it."""
        self._entries -= 1
        if not self._entries:
            self._await_by(_outside)

    def __aiter__(self) -> Self:
        """Return the slices of this loop."""
        return self

    async def __anext__(self) -> Iterator[None]:
        """Return what is left of the slice; after it, wait for the next slice."""
        if not self._entries:
            _outside()
        if perf_counter() >= self._until:
            await self._next_slice()
        return chain.from_iterable(chain([(None,)], self._stretches(None, _MOST_ITERATIONS)))

    def _await_by(self, function: Callable[[], Wait]) -> None:
        # In a slot, so that nearly every await, which need not wait, runs no Python code: a method
        # would take three times as long.
        self.__await__ = function  # type: ignore[method-assign]

    def _awaits(self) -> Iterator[Iterable[Wait]]:
        """Yield the waits of the next few awaits."""
        while True:
            yield from self._stretches(_NOTHING, _MOST_AWAITS)
            yield (self._next_slice().__await__(),)

    def _stretches(self, item: _T, most: int) -> Iterator[Iterable[_T]]:
        """Yield *item* once for each iteration that fits in the rest of the slice, in stretches."""
        iterations, longest, last = 1, self._slice / _READINGS, self._until - self._slice
        while (now := perf_counter()) < self._until:
            if now - last > longest:
                iterations = 1
            elif iterations < most and now - last < longest / 4:
                iterations = min(4 * iterations, most)
            last = now
            yield repeat(item, iterations)

    async def _next_slice(self) -> None:
        line = self._line
        if line is None or line.loop() is not asyncio.get_running_loop():
            raise RuntimeError("this Pace is used by another event loop: make one for each loop")
        await line.join(self._slice * self._others)
        self._until = line.begin(self._others) + self._slice


def _outside() -> Wait:
    raise RuntimeError("use a pace within `async with Pace() as pace:`")


class _Line:
    """The queue of the paced loops of one event loop that wait for a slice."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop: Final = ref(loop)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._looking = False  # `_look` is scheduled for the next pass of the event loop
        self._sliced = False  # a loop gets its slice before that call
        self._looked = self._began = self._due = -math.inf
        self._others = 0.0  # slices of time that other work gets before the next one is due
        self._quiet_passes = 0
        self._shortest_pass = math.inf
        self._context = Context()
        """An empty context: a copy would keep alive the objects of the first loop's request."""

    def join(self, patience: float) -> asyncio.Future[None]:
        """Enter the queue; the returned future is done when the slice begins.

        If no loop waits before it, that is within *patience* seconds.
        """
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.append(future)
        if not self._looking:
            self._looking = True
            self._due = perf_counter() + patience
            loop.call_soon(self._look, loop, context=self._context)
        return future

    def begin(self, others: float) -> float:
        """Store when the slice begins, and the share of *others* after it; return the beginning."""
        self._began, self._others = perf_counter(), others
        return self._began

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run once in each pass, and begin the slice of the first in the queue if it is due."""
        now = perf_counter()
        took, self._looked = now - self._looked, now
        if self._sliced:
            self._sliced, self._quiet_passes = False, 0
            theirs = (now - self._began) * self._others
            late = max(0.0, self._began - self._due)
            # A late slice brings the next one forward, by half the wait of other work at most.
            self._due = now + theirs - min(late, theirs / 2)
        else:
            if self._shortest_pass < _LONGEST_EMPTY:
                self._shortest_pass *= _AGING
            self._shortest_pass = min(took, self._shortest_pass)
            quiet = took < _QUIET * self._shortest_pass
            self._quiet_passes = self._quiet_passes + 1 if quiet else 0
        while self._waiting and self._waiting[0].done():  # cancelled
            self._waiting.popleft()
        if not self._waiting:
            self._looking = False
            return
        if self._quiet_passes >= _QUIET_PASSES or now >= self._due:
            self._waiting.popleft().set_result(None)
            self._sliced, self._others = True, 0.0  # no wait after a loop that is cancelled now
        loop.call_soon(self._look, loop, context=self._context)


_LINES: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Line]] = WeakKeyDictionary()


def _line() -> _Line:
    """Return the queue of the running event loop."""
    loop = asyncio.get_running_loop()
    return _LINES.setdefault(loop, _Line(loop))
