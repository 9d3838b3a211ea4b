"""Probes through a window, and what the event loop did meanwhile, as a report keeps them. Pure.

The rule: all times are whole milliseconds since the window began, so that a report stays small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asgi_liveness.probing.response import SentRequest

_MILLISECONDS: Final = 1000  # in a second


@dataclass(frozen=True)
class Timeline:
    """The probes of a window in the order they were due. Times in milliseconds."""

    length: int
    """From the first due time to the moment of judgement."""
    due: tuple[int, ...]
    """When each probe was due."""
    waits: tuple[int | None, ...]
    """How long after its due time each probe was answered; None: not in the window."""
    statuses: tuple[int, ...] = ()
    """The status of each response, 0 for none; empty where all answers were 200."""
    paths: tuple[str, ...] = ()
    """The path of each probe; empty where all have the same."""
    interval: int = 0
    """The time from one count of ``steps`` to the next."""
    steps: tuple[int, ...] = ()
    """The steps that the window's loops made in each interval."""
    stalls: tuple[tuple[int, ...], ...] = ()
    """When each stall of the event loop began and ended."""

    @property
    def answered(self) -> int:
        """The number of probes that were answered."""
        return sum(wait is not None for wait in self.waits)


def timeline(
    probes: Iterable[SentRequest],
    began: float,
    ended: float,
    stalls: Iterable[tuple[float, float]] = (),
) -> Timeline:
    """Return the timeline of *probes* and *stalls* between two moments, in seconds of one clock."""
    rows = list(probes)
    found = [row.response if row.answered_by(ended) else None for row in rows]
    statuses = tuple(row.response.status if row.response else 0 for row in rows)
    paths = tuple(row.path for row in rows)
    return Timeline(
        length=_since(began, ended),
        due=tuple(_since(began, row.due) for row in rows),
        waits=tuple(
            _since(row.due, response.at) if response else None
            for row, response in zip(rows, found, strict=True)
        ),
        statuses=() if set(statuses) <= {200} else statuses,
        paths=() if len(set(paths)) <= 1 else paths,
        stalls=tuple(
            (max(0, _since(began, first)), min(_since(began, last), _since(began, ended)))
            for first, last in stalls
        ),
    )


def _since(began: float, moment: float) -> int:
    return round((moment - began) * _MILLISECONDS)
