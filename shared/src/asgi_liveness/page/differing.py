"""Finds the lines in which sources differ. Pure."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST: Final = 400
"""Lines of a source that are compared: the work grows with their square."""


def differing(sources: Sequence[Sequence[str]]) -> list[set[int]]:
    """Return, for each source, the indices of lines that some other source lacks; blanks never."""
    if any(len(lines) > _MOST for lines in sources):
        return [set() for _ in sources]
    return [
        {
            row
            for other in sources
            if other is not lines
            for row in _unmatched(lines, other)
            if lines[row].strip()
        }
        for lines in sources
    ]


def _unmatched(lines: Sequence[str], other: Sequence[str]) -> set[int]:
    matched: set[int] = set()
    for block in SequenceMatcher(None, lines, other, autojunk=False).get_matching_blocks():
        matched.update(range(block.a, block.a + block.size))
    return set(range(len(lines))) - matched
