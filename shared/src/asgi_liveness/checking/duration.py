"""Times as people write them: ``4s``, ``200ms``, ``1.5``, ``2m``. The kit counts in seconds."""

from __future__ import annotations

import re
from typing import Final

from asgi_liveness.errors import UsageError

_WRITTEN: Final = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+) ?(?P<unit>ms|s|m|)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0}


def parse_duration(text: str, name: str) -> float:
    """Return the seconds that *text* means; *name* names it in the ``UsageError``."""
    found = _WRITTEN.fullmatch(text.strip())
    seconds = float(found["number"]) * _UNITS[found["unit"]] if found else 0.0
    if not seconds:
        raise UsageError(f"{name} {text!r}: write a time above zero, as 4s, 200ms, 1.5 or 2m")
    return round(seconds, 9)


def written(seconds: float) -> str:
    """Return the text that ``parse_duration`` reads as *seconds*."""
    return f"{seconds:g}s" if seconds >= 1 else f"{seconds * 1000:g}ms"
