"""A frame of a stack -> the culprit that a report names, and the advice that fits it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import source, stack

if TYPE_CHECKING:
    from asgi_liveness.serving.records import Frame
    from asgi_liveness.stalls.advice import Kind
    from asgi_liveness.stalls.stalls import Stall

_RAN: Final = 0.5
"""The part of a stall: a thread that ran for less of it waited for something."""


@dataclass(frozen=True)
class Culprit:
    """The line that blocks: the innermost of the app's own code."""

    file: str
    line: int
    function: str
    source: str
    """The line itself, stripped; empty where it cannot be read."""
    below: Frame | None = None
    """The frame of the library that this line called, if it called one."""
    seen: int = 0
    """How many of the samples show this line."""
    looks: int = 0
    """How many samples were taken while the event loop was stalled."""


def culprit_at(frame: Frame, below: Frame | None, seen: int, samples: int) -> Culprit:
    """Return the culprit at *frame*, with its source."""
    file, line, function = frame
    return Culprit(
        file=source.shown(file),
        line=line,
        function=function,
        source=source.line_of(file, line),
        below=below,
        seen=seen,
        looks=samples,
    )


def where(frame: Frame) -> str:
    """Return file and line, as reports show them."""
    return f"{source.shown(frame[0])}:{frame[1]}"


def computes(stall: Stall) -> bool:
    """Whether the loop's thread ran and did not wait; true where the system does not count."""
    return stall.ran is None or stall.ran > _RAN


def kind(stall: Stall) -> Kind:
    """Return the kind of a stall, which selects the advice. The stall must have a frame."""
    assert stall.frame
    samples = [sample.stack for sample in stall.samples if stall.frame in sample.stack]
    if stall.gil_held:
        return "gil"
    if any(map(stack.in_background, samples)):
        return "background"
    file, line, _ = stall.frame
    return "loop" if computes(stall) and source.in_loop(file, line) else "call"
