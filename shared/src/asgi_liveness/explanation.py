"""The explanation of a word of a report: its meaning, why it matters, and what to do."""

from __future__ import annotations

import textwrap
from typing import Final, NamedTuple

_WIDTH: Final = 88  # columns of running text


class Explanation(NamedTuple):
    """The explanation of one verdict, outcome or case."""

    what: str
    why: str
    do: str

    def text(self, title: str) -> str:
        """Return the explanation under its *title*, wrapped for a terminal."""
        what, why, do = (" ".join(part.split()) for part in self)
        parts = (what, f"Why: {why}", f"What to do: {do}")
        return "\n\n".join([title, *(textwrap.fill(part, _WIDTH) for part in parts)]) + "\n"
