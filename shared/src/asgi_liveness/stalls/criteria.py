"""What counts as a stall, and whose code is the app's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Criteria:
    """What a stall is judged by."""

    max_stall: float
    """Seconds for which the event loop may be inside one callback."""
    package: str = ""
    """The top-level package of the app, which may be an installed one; "" where it is unknown."""
