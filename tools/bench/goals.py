"""Goals, what was measured for each, and what bounds the ones that were missed."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Final

WIDTH: Final = 56  # letters of a goal's words


@dataclass
class Goal:
    """A goal, and the numbers measured on each framework and server."""

    words: str
    limit: float | None
    """None: the number is only recorded."""
    least: bool
    """Whether the limit is the least number allowed, or else the most."""
    bound: str
    """What keeps the number from being better, for the line of a goal that was missed."""
    found: list[float] = field(default_factory=list)
    bounds: list[float] = field(default_factory=list)
    """The bound as measured on each framework and server, if it was."""

    @property
    def worst(self) -> float:
        """The number furthest from the goal."""
        return min(self.found) if self.least else max(self.found)

    @property
    def missed(self) -> int:
        """How many numbers miss the goal."""
        if self.limit is None:
            return 0
        return sum(n < self.limit if self.least else n > self.limit for n in self.found)

    def __str__(self) -> str:
        """Return a line of the table."""
        numbers = (statistics.median(self.found), self.worst)
        found = "".join(f"{number:9.3f}" for number in numbers)
        if self.limit is None:
            return f"{f'({self.words})':<{WIDTH + 8}}{found}"
        line = f"{self.words:<{WIDTH}} {'≥' if self.least else '≤'} {self.limit:5.2f}{found}   "
        if not self.missed:
            return f"{line}holds"
        measured = f" {statistics.median(self.bounds):.3f}" if self.bounds else ""
        bound = f": {self.bound}{measured}" if self.bound else ""
        return f"{line}missed in {self.missed} of {len(self.found)}{bound}"


class Goals(dict[str, Goal]):
    """All goals, by their words."""

    def add(  # noqa: PLR0913 (a number, and what it is compared with)
        self,
        words: str,
        found: float,
        limit: float | None,
        *,
        least: bool = False,
        bound: str = "",
        measured: float | None = None,
    ) -> None:
        """Add the number *found* on one framework and server, and its bound as *measured* there."""
        goal = self.setdefault(words, Goal(words, limit, least, bound))
        goal.found.append(found)
        if measured is not None:
            goal.bounds.append(measured)
