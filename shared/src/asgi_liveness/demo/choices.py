"""The loops that the demo starts, each with its key. Pure: the contract's tables have them all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from asgi_liveness.conformance.contract import BLOCKING, route
from asgi_liveness.conformance.promises import NEEDS_WORKER, REMEDIES


@dataclass(frozen=True)
class Choice:
    """One loop."""

    key: str
    path: str
    does: str


CHOICES: Final = tuple(
    Choice(str(number), path, route(path).does)
    for number, path in enumerate(
        [*BLOCKING.load, *(row.path for row in REMEDIES if row.name != NEEDS_WORKER)], start=1
    )
)
"""The defect first, then the remedies that need no worker."""


def choice(word: str) -> Choice | None:
    """Return the loop with this key or path."""
    return next((each for each in CHOICES if word in (each.key, each.path)), None)
