"""Where the time of a run goes."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Clock:
    """The wall time of a run by its parts, in seconds."""

    starts: float = 0.0
    windows: float = 0.0
    ends: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @contextlib.contextmanager
    def counting(self, part: str) -> Iterator[None]:
        """Add the time of the ``with`` block to *part*."""
        began = time.monotonic()
        try:
            yield
        finally:
            setattr(self, part, getattr(self, part) + time.monotonic() - began)
