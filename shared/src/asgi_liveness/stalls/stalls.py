"""Looks and ends -> stalls, each with its length and the line to blame. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import stack

if TYPE_CHECKING:
    from asgi_liveness.checking.watch import CheckObservation
    from asgi_liveness.serving.board import Look, Place

_MOSTLY: Final = 0.5
"""The part of a time from which on it was mostly so."""
_INSTANT: Final = 1e-9  # seconds
_ASKS: Final = 50
"""Times a second. A thread that waits for the GIL is woken 200 times a second, one that waits in a
call is not."""
_ONE_LOOK: Final = 3
"""A stall in which there was no time for so many looks need not be seen twice."""


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
    """The part of it for which the loop's thread ran, and did not wait for anything but a
    processor; None where nobody counted."""

    @property
    def gil_held(self) -> bool:
        """Whether C code kept the GIL from all other threads, mostly."""
        held = sum(look.gil_held for look in self.looks)
        return held > _MOSTLY * len(self.looks)

    @property
    def imports(self) -> bool:
        """Whether a module was imported whenever one looked."""
        return bool(self.looks) and all(stack.imports(look.stack) for look in self.looks)


@dataclass(frozen=True)
class _Use:
    """What the loop's thread made of a stall, from the first look to the last; as parts of it."""

    ran: float
    """Of the time in which it did not wait for a processor."""
    queued: float
    others: float
    """What the other threads of its process ran for."""
    slices: float
    """How often a second it was given a processor."""

    @property
    def contended(self) -> bool:
        """Whether it waited for the GIL, which others used: it then asks for it every 5 ms."""
        return self.ran < _MOSTLY < self.others and self.slices > _ASKS


def looks_apart(max_stall: float) -> float:
    """Return how many seconds are between two looks, and the watcher's turn with the GIL."""
    return min(max_stall / 2, 0.1) + 0.01


def stalls(evidence: CheckObservation, max_stall: float, package: str = "") -> list[Stall]:
    """Return the stalls of a window that were longer than *max_stall*, as they began."""
    last: dict[tuple[int, float], float] = {
        (end.process, end.began): end.ended for end in evidence.ends
    }
    periods = {pulse.process: pulse.period for pulse in evidence.pulses}
    for pulse in evidence.pulses:
        if pulse.silent(evidence.ended) > max_stall:
            last[pulse.process, pulse.beat_at] = evidence.ended
    told = set(last)
    # A worker that was ended has left its looks, and no beat.
    for look in evidence.looks:
        if (look.process, look.began) not in told:
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
    use = _use(looks)
    ran = use.ran if use else None
    looks = _held_twice(tuple(look for look in looks if look.stack or look.gil_held))
    unknown = Stall(began, length, looks, None, ran=ran)
    if use and (use.contended or length * (1 - use.queued) <= max_stall):
        return unknown
    busy = ran is not None and ran > _MOSTLY
    # The process itself sees only where the GIL is given up: it may see nobody where py-spy does.
    from_outside = sum(look.outside for look in looks) > 1
    for outside in (from_outside, not from_outside):
        those = tuple(look for look in looks if look.outside is outside)
        blamed = [stack.blamed(look.stack, package, ran=busy) for look in those]
        votes = Counter(place for place, _ in filter(None, blamed))
        enough = len(looks) > 1 or length - max_stall < _ONE_LOOK * looks_apart(max_stall)
        if votes and enough and votes.total() >= _MOSTLY * len(those):
            place, seen = votes.most_common(1)[0]
            if seen == 1 and not stack.is_of_app(place[0], package):
                continue  # any library may be seen once, on a machine without time for it
            below = Counter(one[1] for one in blamed if one and one[0] == place)
            return Stall(began, length, those, place, below.most_common(1)[0][0], seen, ran)
    return unknown


def _held_twice(looks: tuple[Look, ...]) -> tuple[Look, ...]:
    """Leave out threads that were seen with the GIL but once: they take turns with each other."""
    times = Counter(look.by_another for look in looks)
    return tuple(look for look in looks if not look.by_another or times[look.by_another] > 1)


def _use(looks: tuple[Look, ...]) -> _Use | None:
    """Return what was counted between the first look and the last; None if nothing was."""
    counted = [look for look in looks if look.slices]
    if len(counted) < 2 or counted[-1].at <= counted[0].at:  # noqa: PLR2004 (two ends of a time)
        return None
    first, last = counted[0], counted[-1]
    passed, ran = last.at - first.at, last.ran - first.ran
    queued = last.queued - first.queued
    return _Use(
        ran=ran / max(passed - queued, ran, _INSTANT),
        queued=queued / passed,
        others=(last.cpu - first.cpu - ran) / passed,
        slices=(last.slices - first.slices) / passed,
    )
