"""A stall of a watched process as people read it: when, how long, where, and in which request."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import source
from asgi_liveness.stalls.advice import Kind, advice
from asgi_liveness.stalls.cause import cause, passing
from asgi_liveness.stalls.culprit import Culprit, culprit_of
from asgi_liveness.stalls.merged import MergedStack, merged
from asgi_liveness.stalls.route import request_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.serving.records import ThreadStack
    from asgi_liveness.stalls.line import Line
    from asgi_liveness.stalls.stalls import Stall

_MOSTLY: Final = 0.5
"""The part of a stall that counts as most of it."""
_MOST_STACKS: Final = 10
"""Stacks that are kept of one stall: a watch may see thousands of stalls."""
TOO_SHORT: Final = "too short to see"
_NOT_YET: Final = "no line seen yet"
_SHARED: Final = "threads that compute shared the GIL with it"
_COLLECTED: Final = "a full pass of the garbage collector"
_WAITED: Final = "the machine was busy: the loop waited for a processor"
_HELD: Final = "C code held the GIL"
_HOLDS: Final = "C code that holds the GIL"
_UNSEEN: Final = "no code of the app was on its stack"


@dataclass(frozen=True)
class NamedStall:
    """One stall of a watched process. Times in seconds."""

    process: int
    at: float
    """When it began, of the wall clock."""
    seconds: float
    goes_on: bool
    culprit: Culprit | None
    """The line to blame; None where no sample shows one."""
    because: str
    """Why no line is known; a word on the line, if one is: that C code held the GIL."""
    request: str
    """As ``GET /users/{id}``; empty where it is unknown."""
    advice: str
    group: tuple[str, str, int]
    """What stalls at the same culprit share: the file, the function, and the line, or the line of
    the loop around it. Samples of a loop show one line of it or another."""
    is_finding: bool
    """Whether the app is to blame, and not a busy machine."""
    stacks: tuple[MergedStack, ...] = ()
    """Its samples."""


def named(
    stall: Stall,
    package: str,
    *,
    at: float,
    threads: Sequence[ThreadStack] = (),
    refused: str = "",
) -> NamedStall:
    """Return *stall*, which began *at* a time of the wall clock, with its culprit.

    *threads* are the stacks of its process; *refused* is why py-spy takes no sample.
    """
    line = passing(stall.line, package) if stall.line else None
    requests = Counter(sample.request for sample in stall.samples if sample.request)
    request = requests.most_common(1)[0][0] if requests else ""
    kind = cause(line, stall, package, threads) if line else None
    is_held = stall.gil_held or stall.shows_held_gil
    because = "" if line else _why(stall, refused, is_held=is_held)
    return NamedStall(
        process=stall.process,
        at=at,
        seconds=stall.length,
        goes_on=stall.goes_on,
        culprit=culprit_of(line, len(stall.samples), package, None) if line else None,
        because=_HOLDS if line and is_held else because,
        request=request_at(line.frames, package, request) if line else request,
        advice=advice(kind or (Kind.GIL if is_held else Kind.MACHINE)) if kind or is_held else "",
        group=_group(line) if line else ("", because, 0),
        is_finding=line is not None or is_held or because == _COLLECTED,
        stacks=merged(stall.samples, _MOST_STACKS),
    )


def _why(stall: Stall, refused: str, *, is_held: bool) -> str:
    """Return why no line is known."""
    if stall.collected > _MOSTLY * stall.length:
        return _COLLECTED
    if is_held:
        return f"{_HELD}; {refused}" if refused else _HELD
    if stall.waited:
        return _WAITED
    if stall.ran is not None and stall.ran < _MOSTLY < stall.others:
        return _SHARED
    if stall.goes_on:
        return _NOT_YET
    return TOO_SHORT if stall.too_short else _UNSEEN


def _group(line: Line) -> tuple[str, str, int]:
    frame = line.frame
    return frame.file, frame.function, source.loop_around(frame) or frame.line
