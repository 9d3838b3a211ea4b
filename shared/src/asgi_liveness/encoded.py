"""Dataclasses and named tuples -> JSON, from which ``decoded.py`` makes them again.

The rule: one key a line, so that two reports can be compared line by line; but a list of numbers
takes one line, since a window has hundreds of them.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, Final

_NUMBERS: Final = re.compile(r"\[\s+((?:(?:-?\d[\d.e+-]*|null),?\s+)+)\]")
"""A list of numbers and nulls, each on a line of its own. Within a text a line end is escaped."""


def encoded(value: Any) -> str:
    """Return *value* as JSON that ends with a line end."""
    text = json.dumps(as_data(value), indent=1)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"


def as_data(value: Any) -> Any:
    """Return *value* with each dataclass and each named tuple in it as a dict of its fields."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: as_data(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return {name: as_data(getattr(value, name)) for name in value._fields}
    if isinstance(value, dict):
        return {name: as_data(row) for name, row in value.items()}
    return [as_data(row) for row in value] if isinstance(value, list | tuple) else value
