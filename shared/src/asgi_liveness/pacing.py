"""A pace for long loops, so that their event loop still answers.

::

    async with Pace() as pace:
        while there_is_work():
            do_some()
            await pace

Paced loops run at nearly the speed of loops that never await. All other work of the event loop
waits for about one slice, whether one loop runs or a thousand. To use it without the kit, copy this
file: it needs only asyncio, and works the same on uvloop.

Why it is right:

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
  shows it in no other way. An empty pass takes one to three microseconds.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from contextvars import Context
from itertools import chain, repeat
from time import perf_counter
from typing import TYPE_CHECKING, Final, Self, cast
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    Wait = Generator[asyncio.Future[None], None, None]

_LOOKS: Final = 8
"""Readings of the clock in a slice, at least, if the iterations are short enough."""
_MOST_TURNS: Final = 32
"""Iterations between two readings of the clock, at most: after as many, Pace notices that a loop's
iterations have become slow. To read the clock in each would cost more than all the rest."""
_QUIET: Final = 3
"""A pass is quiet if it takes less than this many times the shortest pass so far. This holds for 98
in a hundred passes that have nothing to do, also on a machine that has become half as fast."""
_QUIET_PASSES: Final = 3
"""Quiet passes in a row before the next slice. The event loop finds new work in the first pass
after a slice, and does it in the second; and a pass with a short step of a request may look quiet:
on hypercorn, with two quiet passes, a request waits for two slices. A fourth quiet pass would take
2 µs more and change nothing."""
_NOTHING: Final = cast("Wait", iter(()))
"""An iterator that has ended: to await it takes no time."""


class Pace:
    """A pace for a long loop: it runs a slice at a time, one after another with other paced loops.

    *slice* is in seconds: about the time that other work has to wait. *least_share* is the part of
    the time, above 0 and up to 1, that all paced loops together get if the event loop always has
    other work. An iteration that takes longer than a slice makes its slice as long.

    Several tasks may await one ``Pace``, and a loop may await other things as well. For paced
    loops, a loop that awaits ``asyncio.sleep(0)`` in every iteration is endless other work.

    Raises ``ValueError`` for a number outside of these ranges, and ``RuntimeError`` if entered
    without a running asyncio event loop, as under trio, or awaited outside of its ``async with``.
    """

    __slots__ = ("__await__", "_others", "_slice", "_until")
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
        self._await_by(chain.from_iterable(self._stretches()).__next__)
        await self
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave the block: there is nothing to give back."""
        self._await_by(_outside)

    def _await_by(self, function: Callable[[], Wait]) -> None:
        # In a slot, so that nearly every await, which need not wait, runs no Python code: a method
        # would take three times as long.
        self.__await__ = function  # type: ignore[method-assign]

    def _stretches(self) -> Iterator[Iterable[Wait]]:
        """Yield the waits of the next few awaits."""
        turns, longest = 1, self._slice / _LOOKS
        while True:
            yield (self._next_slice(),)
            looked = self._until - self._slice
            while (now := perf_counter()) < self._until:
                if now - looked > longest:
                    turns = 1
                elif turns < _MOST_TURNS and now - looked < longest / 2:
                    turns *= 2
                looked = now
                yield repeat(_NOTHING, turns)

    def _next_slice(self) -> Wait:
        line = _line()
        yield from line.join(self._slice * self._others)
        self._until = line.begin(self._others) + self._slice


def _outside() -> Wait:
    raise RuntimeError("await pace within `async with Pace() as pace:`")


class _Line:
    """The queue of the paced loops of one event loop that wait for a slice."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._looking = False
        """``_look`` is scheduled for the next pass of the event loop."""
        self._sliced = False
        """A loop gets its slice before that call."""
        self._looked = self._began = self._due = -math.inf
        self._others = 0.0
        """The time that other work gets after a slice before the next one is due, in slices."""
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
    return _LINES.setdefault(asyncio.get_running_loop(), _Line())
