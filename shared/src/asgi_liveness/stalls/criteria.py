"""What counts as a stall, and whose code is the app's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Criteria:
    """The limit that makes a delay a stall, and the package whose code is the app's."""

    max_stall: float
    """Seconds for which the event loop may stay in one callback."""
    package: str = ""
    """The top-level package of the app, which may be an installed one; "" where it is unknown."""
