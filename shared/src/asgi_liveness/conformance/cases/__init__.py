"""The conformance cases by family, in the order of the contract.

The rule: ids are append-only. A retired id goes into ``RETIRED`` and is never used again.
"""

from __future__ import annotations

from typing import Final

from asgi_liveness.conformance.cases import cont, jobs, live, promised, queued, remedies
from asgi_liveness.conformance.cases.case import Case, collect
from asgi_liveness.errors import UsageError

CASES: Final[tuple[Case, ...]] = (
    *collect(live),
    *collect(remedies),
    *collect(cont),
    *jobs.CASES,
    *promised.CASES,
    *queued.CASES,
)
RETIRED: Final[frozenset[str]] = frozenset()

__all__ = ["CASES", "RETIRED", "Case", "choose_cases"]


def choose_cases(text: str | None, *, ends_servers: bool = False) -> list[Case]:
    """Return the cases of the family *text*, or else those with *text* in their name.

    Without a text, return all; those that end servers take minutes and come only with
    *ends_servers*.
    Raises ``UsageError`` if no case matches.
    """
    if text is None:
        return [case for case in CASES if ends_servers or not case.ends_servers]
    family = [case for case in CASES if case.id.partition("-")[0] == text.upper()]  # not OUTLIVES
    chosen = family or [case for case in CASES if text.lower() in case.name.lower()]
    if not chosen:
        raise UsageError(f"no case has {text!r} in its name; `asgi-liveness explain` lists them")
    return chosen
