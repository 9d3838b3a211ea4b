"""A line of a stack -> the culprit that a report names, with its source and the way to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asgi_liveness.stalls import source, way

if TYPE_CHECKING:
    from asgi_liveness.serving.records import Frame
    from asgi_liveness.stalls.line import Line


@dataclass(frozen=True)
class Culprit:
    """The line that blocks: of the app's own code, if it is on the stack."""

    file: str
    line: int
    function: str
    source: str
    """The line itself, stripped; empty where it cannot be read."""
    below: Frame | None = None
    """The frame that this line called, in which most samples are, if it called one."""
    seen: int = 0
    """How many of the samples show this line, or another of the same call of its function."""
    looks: int = 0
    """How many samples were taken while the event loop was stalled."""
    way: tuple[str, ...] = ()
    """How the stall got there, a step for each package; empty where the app's code is all."""
    callers: tuple[Frame, ...] = ()
    """The frames of the app that called the function, up to the handler."""
    handler: Frame | None = None
    """The route's function, where no code of the app is on the stack."""
    first: int = 0
    """The number of the first line of ``around``."""
    around: tuple[str, ...] = ()
    """The lines around it, up to five on each side, as they were then."""


def culprit_at(frame: Frame, below: Frame | None, seen: int, samples: int) -> Culprit:
    """Return the culprit at *frame*, with its source."""
    file, line, function = frame
    first, around = source.lines_around(file, line)
    return Culprit(
        file=source.shown(file),
        line=line,
        function=function,
        source=source.line_of(file, line),
        below=below,
        seen=seen,
        looks=samples,
        first=first,
        around=around,
    )


def culprit_of(line: Line, samples: int, package: str, handler: Frame | None) -> Culprit:
    """Return the culprit that the *samples* of a stall have in common, with the way to it.

    *handler* is the route's function, where a library calls the app's code, or none is on the
    stack.
    """
    is_own_on_stack = len(way.outside(line, package)) < len(line.frames)
    below = line.below and _shown(line.below)
    return replace(
        culprit_at(line.frame, below, line.seen, samples),
        way=way.steps(line, package, handler),
        callers=tuple(map(_shown, way.callers(line, package))),
        handler=_shown(handler) if handler and not is_own_on_stack else None,
    )


def _shown(frame: Frame) -> Frame:
    return frame._replace(file=source.shown(frame.file))


def where(frame: Frame) -> str:
    """Return file and line, as reports show them."""
    return f"{source.shown(frame[0])}:{frame[1]}"
