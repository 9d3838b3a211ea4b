"""The lanes: a mark for each probe. Pure: it takes times in seconds of the monotonic clock.

The rule: a probe that was answered too late stays missed, so that a freeze stays in view after it.
Marks differ in shape as well as in colour.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.probing.response import SentRequest

ALLOWED: Final = 1.0
"""Seconds in which a response counts as one. The slowest probe of a living app took 0.41 s (trial
of the engine)."""


class ProbeMark(StrEnum):
    """What became of one probe."""

    ANSWERED = "|"
    WAITING = "."
    """No response yet."""
    MISSED = "x"
    """No response in time."""


def mark(probe: SentRequest, now: float) -> ProbeMark:
    """Return the mark of a probe at the moment *now*."""
    end = probe.due + ALLOWED
    if probe.answered_by(min(now, end)):
        return ProbeMark.ANSWERED
    has_come = probe.response is not None and probe.response.at <= now
    return ProbeMark.MISSED if has_come or now >= end else ProbeMark.WAITING


def strip(probes: Sequence[SentRequest], now: float) -> str:
    """Return the marks of *probes*, the newest at the right."""
    return "".join(mark(probe, now) for probe in probes)


def judged(probes: Sequence[SentRequest], moment: float) -> str:
    """Return the marks of probes at the end of a window: answered by that *moment*, or not."""
    return "".join(
        ProbeMark.ANSWERED if p.answered_by(moment) else ProbeMark.WAITING for p in probes
    )


def silent_for(probes: Sequence[SentRequest], now: float) -> float:
    """Return for how many seconds no probe has been answered; 0 after the newest answer."""
    since = now
    for probe in reversed(probes):
        if probe.answered_by(now):
            break
        since = probe.due
    return now - since
