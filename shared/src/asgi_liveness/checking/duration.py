"""Times as people write them: ``1.5``, ``4s``, ``200ms``, ``2m``. The kit counts in seconds."""

from __future__ import annotations

import re
from typing import Final

from asgi_liveness.errors import UsageError

_WRITTEN: Final = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+) ?(?P<unit>ms|s|m|h|)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
FORMS: Final = "2.5, 2500ms, 4s, 1m or 1h"
"""Examples of each form."""


def parse_duration(text: str, name: str) -> float:
    """Return the seconds that *text* means; *name* names it in the ``UsageError``."""
    found = _WRITTEN.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{name} {text!r:.40}: write a time as {FORMS}")
    return round(float(found["number"]) * _UNITS[found["unit"]], 9)


def written(seconds: float) -> str:
    """Return the text that ``parse_duration`` reads as *seconds*."""
    if seconds >= _UNITS["h"] and not seconds % _UNITS["h"]:
        return f"{seconds / _UNITS['h']:g}h"
    if not 0 < seconds < 1:
        return f"{seconds:.9g}s"
    return f"{seconds * 1000:.9g}ms"
