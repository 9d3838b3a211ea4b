"""A stall of an event loop of this process, as people get it: in a log record or a call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.foreign import plain
from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls import quote
from asgi_liveness.stalls.advice import advice
from asgi_liveness.stalls.cause import cause, passing
from asgi_liveness.stalls.culprit import culprit_of
from asgi_liveness.stalls.route import request_at

if TYPE_CHECKING:
    from datetime import datetime

    from asgi_liveness.stalls.stalls import Stall

_MOSTLY: Final = 0.5
_FEW: Final = 3
"""Samples. Fewer show a line only where they agree."""
_LONG: Final = 1.0  # seconds; a watcher that runs takes more samples in them
SHORT: Final = "too short to see"


@dataclass(frozen=True, kw_only=True)
class LoopStall:
    """A stall of an event loop of this process. ``str()`` returns it as one line of a log."""

    when: datetime
    """When it began, in UTC."""
    seconds: float
    """How long it lasted, or so far."""
    goes_on: bool = False
    """Whether it had not ended."""
    file: str = ""
    """The file of the line to blame, relative to the current folder if it is below it; empty where
    no sample shows a line."""
    line: int = 0
    function: str = ""
    source: str = ""
    """The line itself, where it can be read."""
    request: str = ""
    """The method and the route's template, as ``GET /users/{id}``, where that was asked for."""
    advice: str = ""
    """What to do about it."""
    unknown: str = ""
    """Why no line is known."""

    @property
    def where(self) -> str:
        """File and line, as ``app/report.py:12``; empty where no line is known."""
        return f"{quote.module(self._frame)}:{self.line}" if self.file else ""

    @property
    def _frame(self) -> Frame:
        return Frame(self.file, self.line, self.function)

    def __str__(self) -> str:
        lasted = f"event loop stalled for {self.seconds:.2f} s{' so far' if self.goes_on else ''}"
        found = f"{lasted} at {quote.frame(self._frame)}" if self.file else lasted
        return plain(", ".join(filter(None, (found, self.request, self.unknown))))


def loop_stall(
    stall: Stall, when: datetime, package: str = "", blind: str = "", *, named: bool = False
) -> LoopStall:
    """Return a *stall* with its line and what to do.

    *blind* is why the watcher saw nothing, *named* is whether the source may name the request.
    """
    asked = Counter(sample.request for sample in stall.samples if sample.request)
    request = next((name for name, _ in asked.most_common(1)), "")
    if stall.line is None:
        return LoopStall(
            when=when,
            seconds=stall.length,
            goes_on=stall.goes_on,
            request=request,
            unknown=blind or why_unknown(stall),
        )
    line = passing(stall.line, package)
    culprit = culprit_of(line, len(stall.samples), package, None)
    return LoopStall(
        when=when,
        seconds=stall.length,
        goes_on=stall.goes_on,
        file=culprit.file,
        line=culprit.line,
        function=culprit.function,
        source=culprit.source,
        request=request_at(line.frames, package, request) if named else request,
        advice=advice(cause(line, stall, package, ())),
    )


def why_unknown(stall: Stall) -> str:
    """Return why the samples of a *stall* show no line."""
    if len(stall.samples) < _FEW:
        return SHORT if stall.length < _LONG else "the watcher hardly ran"
    if stall.ran is not None and stall.ran < _MOSTLY < stall.others:
        return "threads that compute shared the GIL with it"
    return "the machine was busy" if stall.too_short else "the samples show no line of the app"
