"""The outcomes of a case."""

from __future__ import annotations

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
