"""What changed from one report to a later one of the same kind, as rows. Pure.

The rule: an order of words decides what is better and what is worse, and only words in it can be
compared. A case that could not be judged is neither better nor worse than one that was. Figures
decide nothing: what differs by more than the noise is changed, and never worse.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ChangeKind(StrEnum):
    """What became of a subject, in the order in which people want to read of it."""

    WORSE = "worse"
    BETTER = "better"
    UNSURE = "unsure"
    """One of the two could not be judged, so that nobody knows."""
    CHANGED = "changed"
    """The verdict is the same; a time, a figure or a line is another."""
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True)
class Change:
    """One subject that is not as it was."""

    subject: str
    """What was judged, as ``LIVE-002 blocking-freezes on FastAPI, hypercorn``, ``GET /report``."""
    before: str
    """A verdict, or a figure with its name; empty where it was not there."""
    after: str
    kind: ChangeKind
    detail: str = ""
    """More about it: a message, or the line to blame."""


@dataclass(frozen=True)
class Comparison:
    """All that changed from one report to another."""

    changes: tuple[Change, ...]
    compared: int
    """How many subjects stand in both reports."""
    noun: str
    """What a subject is: ``cell``, ``window``, ``line``."""
    notes: tuple[str, ...] = ()
    """What differs between the reports themselves, and which times count as different."""

    @property
    def counts(self) -> Counter[ChangeKind]:
        """The number of changes by kind."""
        return Counter(change.kind for change in self.changes)

    @property
    def exit_code(self) -> int:
        """1 if something got worse, else 0."""
        return 1 if self.counts[ChangeKind.WORSE] else 0

    def of(self, kind: ChangeKind) -> tuple[Change, ...]:
        """Return the changes of one kind, in the order of the reports."""
        return tuple(change for change in self.changes if change.kind is kind)

    def without_gone(self) -> Comparison:
        """Return the same where the later report is of a part: what it lacks was not asked for."""
        kept = tuple(change for change in self.changes if change.kind is not ChangeKind.GONE)
        return Comparison(kept, self.compared, self.noun, self.notes)


def judged(before: str, after: str, order: Sequence[str]) -> ChangeKind | None:
    """Return what became of a verdict; None if it is the same.

    *order* has the worst word first. A word outside it is no judgement.
    """
    if before == after:
        return None
    if before not in order or after not in order:
        return ChangeKind.UNSURE
    is_worse = order.index(after) < order.index(before)
    return ChangeKind.WORSE if is_worse else ChangeKind.BETTER
