"""Long loops beside an event loop that still answers: one fair slice, shared by all of them.

::

    async with Pace() as pace:
        while there_is_work():
            do_some()
            await pace

Paced loops run at nearly the speed of loops that never await, and whatever else the event loop has
to do waits for about one slice, whether there are one or a thousand of them. To have it without
the kit, copy this file: it needs asyncio alone, and is the same on uvloop.

Why it is right:

- *One slice at a time.* The paced loops of an event loop stand in one line, first in, first out. A
  slice for each of a thousand would make a pass of the event loop a second long.
- *No slice before the rest has had its turn.* After a slice the event loop makes passes with no
  paced loop in them, until some in a row had nothing to do. A request takes several passes: one
  slice in each of them would make it wait for several.
- *The loops are not starved either.* Under a load that leaves no pass empty, the next slice comes
  as soon as the loops would get less than their least share of the time.
- *No turn can be lost, since nobody holds one.* A slice lies within one step of a task, which ends
  where the loop awaits, returns, raises or is cancelled. The line is moved on by a callback of the
  event loop, which comes back in the next pass for as long as anybody stands in it.
- *It shows in the time that a pass takes whether it had anything to do.* No event loop tells it
  otherwise, without private names. An empty pass takes one to three microseconds.
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
"""Looks at the clock in a slice, at least, where turns are short enough."""
_MOST_TURNS: Final = 32
"""Turns between two looks at the clock, at most: a loop whose turns become slow is noticed after
as many. A look in each of them would cost more than all the rest."""
_QUIET: Final = 3
"""A pass was quiet if it took less than this many times the shortest ever. So do 98 in a hundred
that have nothing to do, and so would they on a machine that has become half as fast."""
_QUIET_PASSES: Final = 3
"""In a row, before the next slice. What came during a slice is found in the first pass after it,
and done in the second; and a request may have steps as short as no step at all: on hypercorn, with
two quiet passes, it waits for two slices. A fourth would take 2 µs more and change nothing."""
_NOTHING: Final = cast("Wait", iter(()))
"""To await it takes no time: it has ended."""


class Pace:
    """Let a loop run a slice at a time, in turns with all other paced loops of its event loop.

    *slice* is in seconds: about how long others may have to wait. *least_share* is the part of the
    time, above 0 and up to 1, that paced loops keep together if the event loop always has something
    else to do. A turn of the loop that takes longer than a slice makes its slice as long.

    Several tasks may await one ``Pace``, and a loop may await other things as well. A neighbour
    that awaits ``asyncio.sleep(0)`` in all its turns is, for paced loops, a load without an end.

    Raises ``ValueError`` for a number that makes no sense, and ``RuntimeError`` if entered where no
    asyncio event loop runs, as under trio, or awaited outside of its ``async with``.
    """

    __slots__ = ("__await__", "_others", "_slice", "_until")
    if TYPE_CHECKING:

        def __await__(self) -> Wait:
            """Go on at once within the slice; after it, wait for the next."""

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
                "under trio, `await trio.lowlevel.checkpoint()` in every turn"
            ) from None
        self._await_by(chain.from_iterable(self._stretches()).__next__)
        await self
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave: nothing is held that would have to be given back."""
        self._await_by(_outside)

    def _await_by(self, function: Callable[[], Wait]) -> None:
        # A slot, so that an await that need not wait, as nearly all, runs no Python: a method
        # takes three times as long.
        self.__await__ = function  # type: ignore[method-assign]

    def _stretches(self) -> Iterator[Iterable[Wait]]:
        """Yield what the next few awaits are to wait for."""
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
    """The paced loops of one event loop that wait for a slice, and when the next one gets it."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._looking = False
        """A look is scheduled for the next pass of the event loop."""
        self._sliced = False
        """The slice is in that pass."""
        self._looked = self._began = self._due = -math.inf
        self._others = 0.0
        """What others have after the slice if they want it, by its length; then the next is due."""
        self._quiet_passes = 0
        self._shortest_pass = math.inf
        self._context = Context()
        """Of its own: a copy would keep alive what the request of the first loop holds."""

    def join(self, patience: float) -> asyncio.Future[None]:
        """Stand in line; the future is done when the slice begins.

        If nobody was in line, that is in *patience* seconds at the latest.
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
        """Note and return when the slice begins, and what others may have after it."""
        self._began, self._others = perf_counter(), others
        return self._began

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """Come by once in each pass, and let the first in line run if it is time."""
        now = perf_counter()
        took, self._looked = now - self._looked, now
        if self._sliced:
            self._sliced, self._quiet_passes = False, 0
            theirs = (now - self._began) * self._others
            late = max(0.0, self._began - self._due)
            # It is made up for, but slices do not follow one another for it.
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
            self._sliced, self._others = True, 0.0  # no rest after one that is cancelled now
        loop.call_soon(self._look, loop, context=self._context)


_LINES: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, _Line]] = WeakKeyDictionary()


def _line() -> _Line:
    """Return that of the event loop that runs."""
    return _LINES.setdefault(asyncio.get_running_loop(), _Line())
