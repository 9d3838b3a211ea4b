"""A place in a stack -> the culprit that a report names, and the advice that fits it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.report import Culprit, Frame
from asgi_liveness.stalls import source, stack

if TYPE_CHECKING:
    from asgi_liveness.serving.board import Place
    from asgi_liveness.stalls.advice import Kind
    from asgi_liveness.stalls.stalls import Stall

_RAN: Final = 0.5
"""A thread that ran for less of a stall waited for something."""


def culprit_at(place: Place, below: Place | None, seen: int, looks: int) -> Culprit:
    """Return the culprit, with its source."""
    file, line, function = place
    return Culprit(
        file=source.shown(file),
        line=line,
        function=function,
        source=source.line_of(file, line),
        below=Frame(*below) if below else None,
        seen=seen,
        looks=looks,
    )


def where(place: Place) -> str:
    """Return file and line, as they are shown."""
    return f"{source.shown(place[0])}:{place[1]}"


def computes(stall: Stall) -> bool:
    """Whether its thread ran, as far as anybody counted, and did not wait."""
    return stall.ran is None or stall.ran > _RAN


def kind(stall: Stall) -> Kind:
    """Return what sort of thing stalls, which tells what to do. The stall has a place."""
    assert stall.place
    looks = [look.stack for look in stall.looks if stall.place in look.stack]
    if stall.gil_held:
        return "gil"
    if any(map(stack.in_background, looks)):
        return "background"
    file, line, _ = stall.place
    return "loop" if computes(stall) and source.in_loop(file, line) else "call"
