"""The line that holds the event loop: found as ``watch`` finds it, from the server's board."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.foreign import plain
from asgi_liveness.stalls import quote
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.watching.named_stall import named
from asgi_liveness.watching.observer import Observer

if TYPE_CHECKING:
    from asgi_liveness.serving.board import Board
    from asgi_liveness.stalls.stalls import Stall
    from asgi_liveness.watching.named_stall import NamedStall

MAX_STALL: Final = 0.2
"""Seconds for which a callback may block the event loop: the default of ``check``."""
START_LIMIT: Final = 60.0
"""Seconds that a part of the start may take, as for ``check``: a laptop that presents is busy."""
_EVERY: Final = 0.1  # seconds between two reads of the board


class Held(NamedTuple):
    """The line that holds an event loop, or why none is known."""

    where: str
    """As ``fastapi_impl/app.py:52 in blocking()``; empty where no line is known."""
    line: int
    """0 where no line is known."""
    source: tuple[str, ...]
    """Numbered lines around it."""
    because: str
    advice: str


class Holder:
    """Who holds the event loops on a board: ``follow`` it while the app runs."""

    def __init__(self, board: Board, package: str) -> None:
        self._package = package
        self._observer = Observer(board, Criteria(MAX_STALL, package))
        self.now: Held | None = None
        """The stall that goes on; None while the event loop runs."""
        self.last: Held | None = None
        """The last stall whose line was seen."""

    async def follow(self) -> None:
        """Read the board until cancelled."""
        sampling = asyncio.create_task(self._observer.sampler.sample())
        forgotten = time.monotonic()
        try:
            while True:
                await asyncio.sleep(_EVERY)
                self._observer.heartbeats()  # by them it knows which loops serve
                going_on = [stall for stall in self._observer.stalls() if stall.goes_on]
                self.now = self._held(going_on[0]) if going_on else None
                if self.now and self.now.where:
                    self.last = self.now
                if time.monotonic() > forgotten + 1.0:
                    forgotten = time.monotonic()
                    self._observer.forget(going_on[0].began if going_on else None)
        finally:
            sampling.cancel()

    def _held(self, stall: Stall) -> Held:
        return held(named(stall, self._package, at=0.0), self._package)


def held(stall: NamedStall, package: str) -> Held:
    """Return what a view shows of a stall; the path of a file begins with the *package*."""
    culprit = stall.culprit
    if culprit is None:
        return Held("", 0, (), plain(stall.because), plain(stall.advice))
    _, found, rest = quote.frame(culprit).rpartition(f"{package}/")
    where = f"{found}{rest}"
    because, advice = plain(stall.because), plain(stall.advice)
    return Held(plain(where), culprit.line, tuple(quote.source(culprit)), because, advice)
