"""Looks and ends -> stalls, each with its length and the line to blame. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking import stack

if TYPE_CHECKING:
    from asgi_liveness.board import Look, Place
    from asgi_liveness.checking.watch import Evidence

_MOSTLY: Final = 0.5
"""The part of a time from which on it was mostly so."""
_ONE_LOOK: Final = 3
"""A stall shorter than so many limits need not be seen twice: there was no time to."""


@dataclass(frozen=True)
class Stall:
    """A time in which an event loop did not turn."""

    began: float
    length: float
    looks: tuple[Look, ...]
    place: Place | None
    """The line to blame; None where no code of the app, or nobody, was seen."""
    below: Place | None = None
    """The library's frame that it called."""
    seen: int = 0
    """In how many looks it stood there."""
    ran: float | None = None
    """The part of it for which the loop's thread ran; None where nobody counted."""
    queued: float = 0.0
    """The part of it for which the thread waited for a processor."""

    @property
    def gil_held(self) -> bool:
        """Whether C code kept the GIL from all other threads."""
        return any(look.gil_held for look in self.looks)


def stalls(evidence: Evidence, max_stall: float, package: str = "") -> list[Stall]:
    """Return the stalls of a window that were longer than *max_stall*, as they began."""
    last: dict[tuple[int, float], float] = {
        (end.process, end.began): end.ended for end in evidence.ends
    }
    periods = {pulse.process: pulse.period for pulse in evidence.pulses}
    for pulse in evidence.pulses:
        if pulse.silent(evidence.ended) > max_stall:
            last[pulse.process, pulse.beat_at] = evidence.ended
    # A worker that was ended has left its looks, and no beat.
    for look in evidence.looks:
        known = (look.process, look.began) in last
        if not known or look.process not in periods:
            last[look.process, look.began] = max(look.at, last.get((look.process, look.began), 0.0))
    found = []
    for (process, began), ended in last.items():
        length = min(ended, evidence.ended) - max(began, evidence.began)
        length -= periods.get(process, 0.0)
        looks = [look for look in evidence.looks if (look.process, look.began) == (process, began)]
        looks.sort(key=lambda look: look.at)
        if length > max_stall:
            found.append(_stall(began, length, tuple(looks), max_stall, package))
    return sorted(found, key=lambda stall: stall.began)


def _stall(
    began: float, length: float, looks: tuple[Look, ...], max_stall: float, package: str
) -> Stall:
    ran, queued = _shares(looks)
    looks = _held_twice(looks)
    blamed = [stack.blamed(look.stack, package) for look in looks]
    votes = Counter(place for place, _ in filter(None, blamed))
    enough = len(looks) > 1 or length < _ONE_LOOK * max_stall
    its_own = length * (1 - queued)  # without what the machine made of it
    if not votes or not enough or votes.total() < _MOSTLY * len(looks) or its_own <= max_stall:
        return Stall(began, length, looks, None, ran=ran, queued=queued)
    place, seen = votes.most_common(1)[0]
    below = Counter(one[1] for one in blamed if one and one[0] == place)
    return Stall(began, length, looks, place, below.most_common(1)[0][0], seen, ran, queued)


def _held_twice(looks: tuple[Look, ...]) -> tuple[Look, ...]:
    """Leave out threads that were seen with the GIL but once: they take turns with each other."""
    times = Counter(look.by_another for look in looks)
    return tuple(look for look in looks if not look.by_another or times[look.by_another] > 1)


def _shares(looks: tuple[Look, ...]) -> tuple[float | None, float]:
    """Return the parts of the time between the first and the last look: ran, and queued."""
    if len(looks) < 2 or not looks[0].ran:  # noqa: PLR2004 (it takes two to have a time between)
        return None, 0.0
    first, last = looks[0], looks[-1]
    passed = last.at - first.at
    return (last.ran - first.ran) / passed, (last.queued - first.queued) / passed
