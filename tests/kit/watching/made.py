"""Stalls of a watch, made by hand."""

from __future__ import annotations

from typing import Any

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.culprit import Culprit
from asgi_liveness.stalls.line import Line
from asgi_liveness.stalls.stalls import Stall
from asgi_liveness.watching.named_stall import NamedStall
from tests.kit.checking.windows import LOOP, PROCESS, REPORT

CULPRIT = Culprit("app/report.py", 12, "report", "for row in rows:", seen=3, looks=3)


def line(*frames: Frame) -> Line:
    """The line of a callback whose innermost frame is to blame."""
    return Line(frames[0], None, 3, frames)


def stall(length: float = 1.0, *, goes_on: bool = False, **changes: Any) -> Stall:
    """A stall in REPORT, which began at 100 s."""
    fields: dict[str, Any] = {
        "began": 100.0,
        "length": length,
        "samples": (),
        "line": line(REPORT),
        "process": PROCESS,
        "slot": 2,
        "goes_on": goes_on,
    }
    return Stall(**{**fields, **changes})


def named_stall(seconds: float = 1.0, **changes: Any) -> NamedStall:
    """A stall in CULPRIT, as people read it."""
    fields: dict[str, Any] = {
        "process": PROCESS,
        "at": 0.0,
        "seconds": seconds,
        "goes_on": False,
        "culprit": CULPRIT,
        "because": "",
        "request": "GET /report",
        "advice": "Do it elsewhere. More: asgi-liveness explain stalled",
        "group": ("app/report.py", "report", 12),
        "is_finding": True,
    }
    return NamedStall(**{**fields, **changes})


__all__ = ["CULPRIT", "LOOP", "line", "named_stall", "stall"]
