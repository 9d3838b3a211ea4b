"""Probes through a window, and what the event loop did meanwhile, as a report keeps them. Pure.

The rule: all times are whole milliseconds since the window began, so that a report stays small.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asgi_liveness.probing.response import SentRequest

_MILLISECONDS: Final = 1000  # in a second
_LONGEST: Final = 10**11  # milliseconds, three years: a watch may take weeks
_ENDS: Final = 2  # of a stall: when it began and when it ended


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
    """The status of each response, 0 for none; empty where each was 200."""
    paths: tuple[str, ...] = ()
    """The paths that are probed in rotation; empty where it is one."""
    interval: int = 0
    """The time from one count of ``steps`` to the next."""
    steps: tuple[int, ...] = ()
    """The steps that the window's loops made in each interval."""
    stalls: tuple[tuple[int, ...], ...] = ()
    """When each stall of the event loop began and ended."""
    limit: int = 0
    """The longest wait that counts as in time; 0: the report names none."""

    @property
    def is_whole(self) -> bool:
        """Whether the times fit together: a report may come from anybody."""
        number = len(self.due)
        return (
            0 <= self.length <= _LONGEST
            and len(self.waits) == number
            and len(self.statuses) in (0, number)
            and all(0 <= due <= self.length for due in self.due)
            and all(wait is None or 0 <= wait <= self.length for wait in self.waits)
            and 0 <= self.interval <= self.length
            and all(steps >= 0 for steps in self.steps)
            and all(len(each) == _ENDS and min(each) >= 0 for each in self.stalls)
            and all(max(each) <= self.length for each in self.stalls)
        )

    @property
    def answered(self) -> int:
        """The number of probes that were answered."""
        return sum(wait is not None for wait in self.waits)


def timeline(
    probes: Iterable[SentRequest],
    began: float,
    ended: float,
    stalls: Iterable[tuple[float, float]] = (),
    *,
    any_status: bool = False,
) -> Timeline:
    """Return the timeline of *probes* and *stalls* between two moments, in seconds of one clock.

    With *any_status*, a response of any status answers a probe: the event loop ran.
    """
    rows = list(probes)
    found = [row.response if _is_answered(row, ended, any_status) else None for row in rows]
    statuses = tuple(row.response.status if row.response else 0 for row in rows)
    paths = tuple(dict.fromkeys(row.path for row in rows))
    return Timeline(
        length=_since(began, ended),
        due=tuple(max(0, _since(began, row.due)) for row in rows),
        waits=tuple(
            max(0, _since(row.due, response.at)) if response else None
            for row, response in zip(rows, found, strict=True)
        ),
        statuses=() if {*statuses} <= {0, HTTPStatus.OK} else statuses,
        paths=paths if len(paths) > 1 else (),
        stalls=tuple(
            (max(0, _since(began, first)), min(_since(began, last), _since(began, ended)))
            for first, last in stalls
        ),
    )


def _is_answered(row: SentRequest, ended: float, any_status: bool) -> bool:
    if any_status and row.response:
        return not row.response.error and row.response.at <= ended
    return row.answered_by(ended)


def _since(began: float, moment: float) -> int:
    return round((moment - began) * _MILLISECONDS)
