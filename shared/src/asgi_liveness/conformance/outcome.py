"""The outcomes of a case, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a case on one target and one server."""

    PASSED = "passed"
    FAILED = "failed"
    DIFFERS = "differs"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"
    RECORDED = "recorded"
    ERROR = "error"


@dataclass(frozen=True)
class Judgement:
    """The outcome of a case on a subject, the reason, and the measured figures."""

    outcome: Outcome
    message: str = ""
    measured: dict[str, float | None] = field(default_factory=dict)
    busy: str = ""
    """What shows that the machine was busy, where that leaves the case undecided."""
