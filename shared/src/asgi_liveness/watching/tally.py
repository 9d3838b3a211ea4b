"""The stalls of a watch by culprit. Pure, and bounded: a watch lasts for weeks."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asgi_liveness.stalls.culprit import Culprit
    from asgi_liveness.stalls.merged import MergedStack
    from asgi_liveness.watching.named_stall import NamedStall

MOST: Final = 500
"""Culprits with a row of their own. Stalls at further ones share the last row."""
_MOST_REQUESTS: Final = 20
"""Requests of one culprit with a number of their own."""
_FURTHER: Final = "further lines"
_MOST_TIMES: Final = 100
"""Stalls of one culprit whose times are kept: the last ones."""


@dataclass
class Row:
    """All stalls at one culprit. Times in seconds."""

    culprit: Culprit | None
    because: str
    advice: str
    stalls: int = 0
    total: float = 0.0
    longest: float = 0.0
    is_finding: bool = False
    stacks: tuple[MergedStack, ...] = ()
    """The samples of the longest."""
    last: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_MOST_TIMES))
    """When each of the last ones began, of the wall clock, and its seconds."""
    requests: Counter[str] = field(default_factory=Counter)

    def add(self, stall: NamedStall) -> None:
        """Count a stall."""
        self.stalls += 1
        self.total += stall.seconds
        self.last.append((stall.at, stall.seconds))
        self.is_finding = self.is_finding or stall.is_finding
        if stall.seconds > self.longest:  # the longest has the most samples
            self.longest, self.culprit = stall.seconds, stall.culprit
            self.because, self.advice = stall.because, stall.advice
            self.stacks = stall.stacks
        if stall.request in self.requests or len(self.requests) < _MOST_REQUESTS:
            self.requests[stall.request] += 1

    @property
    def request(self) -> str:
        """The request of the most stalls, and that there are others; "" if none is known."""
        known = Counter({name: times for name, times in self.requests.items() if name})
        others = " and others" if len(known) > 1 else ""
        return f"{known.most_common(1)[0][0]}{others}" if known else ""


@dataclass
class Tally:
    """All stalls of a watch that are over."""

    rows: dict[tuple[str, str, int], Row] = field(default_factory=dict)

    def add(self, stall: NamedStall) -> Row:
        """Count a stall, and return its row."""
        if stall.group not in self.rows and len(self.rows) >= MOST:
            stall = replace(stall, group=("", _FURTHER, 0), culprit=None, because=_FURTHER)
        fresh = Row(stall.culprit, stall.because, stall.advice)
        row = self.rows.setdefault(stall.group, fresh)
        row.add(stall)
        return row

    def times(self, stall: NamedStall) -> int:
        """Return how many stalls with the same culprit are over."""
        row = self.rows.get(stall.group)
        return row.stalls if row else 0

    @property
    def ordered(self) -> list[Row]:
        """The rows, that with the most seconds first."""
        return sorted(self.rows.values(), key=lambda row: -row.total)

    @property
    def stalls(self) -> int:
        """The number of all stalls."""
        return sum(row.stalls for row in self.rows.values())

    @property
    def total(self) -> float:
        """The seconds of all stalls."""
        return sum(row.total for row in self.rows.values())

    @property
    def has_finding(self) -> bool:
        """Whether the app is to blame for a stall."""
        return any(row.is_finding for row in self.rows.values())
