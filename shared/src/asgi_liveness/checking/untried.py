"""The routes of an app that a check did not try, and what would try each."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any, Final

_NAME: Final = 40  # columns of a route
_WIDTH: Final = 88  # columns
_SHOWN: Final = 20  # routes that the screen lists


@dataclass(frozen=True)
class Untried:
    """A route of the OpenAPI document, or of an older report, that no call tried."""

    method: str
    path: str
    why: str = ""
    """What it needs, or why it was left out."""
    command: str = ""
    """The command that would try it; empty where none can."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @staticmethod
    def row(row: Any) -> Any:
        """Return the JSON of a route. Reports of schema 1 had a text, as ``GET /report``."""
        if not isinstance(row, str):
            return row
        method, _, path = row.partition(" ")
        return {"method": method, "path": path}


def listing(untried: tuple[Untried, ...]) -> list[str]:
    """Return the lines of a screen that list the routes."""
    shown = untried[:_SHOWN]
    width = min(max(len(str(row)) for row in shown), _NAME) + 2
    lines = ["  Not tried, of its OpenAPI document:"]
    for row in shown:
        lines += textwrap.wrap(
            f"{row!s:<{width}}{row.why}".rstrip(),
            _WIDTH,
            initial_indent=" " * 4,
            subsequent_indent=" " * (4 + width),
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += [f"      {row.command}"] if row.command else []
    more = len(untried) - len(shown)
    return [*lines, *([f"    and {more} more"] if more else [])]
