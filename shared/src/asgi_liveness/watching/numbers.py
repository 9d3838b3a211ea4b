"""How late event loops were, and their stalls by line: the numbers of all outputs. Pure.

The rule: no number ever falls. A slot of the board may come to be another process's, whose counts
begin at zero, and what the first had counted stays in the sums.
"""

from __future__ import annotations

import threading
from itertools import accumulate
from math import inf
from typing import TYPE_CHECKING, Final

from asgi_liveness.serving.records import EDGES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asgi_liveness.serving.records import Heartbeat

LATENESS: Final = "asgi_event_loop_lateness_seconds"
"""The name of the histogram: by how much each beat of an event loop was late."""
LATENESS_MEANS: Final = "How late each beat of the event loops was."
STALLS: Final = "asgi_event_loop_stalls_total"
"""The name of the counter, which has the label ``line``."""
STALLS_MEANS: Final = "Stalls of the event loops by the line that blocked them."
UNKNOWN: Final = "unknown"
"""The line of stalls of which no sample shows one."""
OTHER: Final = "other"
"""The line of all stalls at further lines, once ``MOST_LINES`` are known."""
MOST_LINES: Final = 100
"""Lines with a number of their own. Each label is a series, which a server of metrics keeps."""


class BoundedLines:
    """The lines that have a number of their own, which are not more than ``MOST_LINES``."""

    def __init__(self) -> None:
        self._own: set[str] = set()

    def label(self, line: str) -> str:
        """Return the label of a *line*, as ``app/report.py:12``; ``""`` is an unknown one."""
        if not line:
            return UNKNOWN
        if len(self._own) < MOST_LINES:
            self._own.add(line)
        return line if line in self._own else OTHER


class Numbers:
    """What heartbeats and stalls add up to. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = [0] * (len(EDGES) + 1)
        self._seconds = 0.0
        self._stalls: dict[str, int] = {}
        self._lines = BoundedLines()
        self._last: dict[int, Heartbeat] = {}

    def beats(self, heartbeats: Iterable[Heartbeat]) -> None:
        """Add the beats since the last call. Each heartbeat has all beats of its loop so far."""
        with self._lock:
            for heartbeat in heartbeats:
                self._add(heartbeat)

    def _add(self, now: Heartbeat) -> None:
        before = self._last.get(now.slot)
        known, seconds = (0,) * len(self._counts), 0.0
        if before is not None and before.process == now.process:
            known, seconds = before.late, before.late_by
        self._last[now.slot] = now
        # A count that fell is of a slot that is being given away, or of a process with an old id.
        for at, (count, old) in enumerate(zip(now.late, known, strict=False)):
            self._counts[at] += max(count - old, 0)
        self._seconds += max(now.late_by - seconds, 0.0)

    def stalled(self, line: str) -> None:
        """Count a stall at a *line*, as ``app/report.py:12``; ``""`` where it is unknown."""
        with self._lock:
            label = self._lines.label(line)
            self._stalls[label] = self._stalls.get(label, 0) + 1

    @property
    def stalls(self) -> dict[str, int]:
        """The number of stalls of each line, in the order of their first."""
        with self._lock:
            return dict(self._stalls)

    @property
    def lateness(self) -> tuple[list[tuple[float, int]], float]:
        """The buckets, and the seconds by which all beats were late.

        A bucket is its upper edge in seconds, and how many beats were late by at most so much; the
        last edge is infinity, and so its number is that of all beats.
        """
        with self._lock:
            counts, seconds = list(self._counts), self._seconds
        return list(zip((*EDGES, inf), accumulate(counts), strict=True)), seconds

    @property
    def count(self) -> int:
        """The number of all beats."""
        return self.lateness[0][-1][1]

    def quantile(self, part: float, most: float = inf) -> float | None:
        """Return the seconds by which at most this *part* of the beats was late; None of none.

        Beats that were late by more than *most* seconds are left out. Beats are taken as evenly
        spread in their bucket. The last bucket has no upper edge: for a beat in it, this is its
        lower edge.
        """
        (every, _), lower, below = self.lateness, 0.0, 0
        buckets = [each for each in every if each[0] <= most] or every[:1]
        wanted = part * buckets[-1][1]
        for edge, so_far in buckets:
            if edge == inf:
                break
            if so_far >= wanted and so_far > below:
                return lower + (edge - lower) * max(wanted - below, 0) / (so_far - below)
            lower, below = edge, so_far
        return lower if buckets[-1][1] else None
