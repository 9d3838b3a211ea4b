"""Colour for the words that judge, where a terminal shows it.

``NO_COLOR`` turns it off and ``FORCE_COLOR`` on, whatever their values, unless these are empty (as
no-color.org and force-color.org ask); a pipe and ``TERM=dumb`` have none.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_GREEN, _RED, _YELLOW = "32", "31", "33"
COLOURS: Final = {
    **dict.fromkeys(("live", "passed", "yes"), _GREEN),
    **dict.fromkeys(("died", "stalled", "starved", "idle stalled", "frozen"), _RED),
    **dict.fromkeys(("failed", "error", "no"), _RED),
    **dict.fromkeys(("inconclusive", "not checked", "differs", "busy"), _YELLOW),
}
"""The colour of each verdict, outcome and answer; others have none."""


def painter(stream: TextIO) -> Callable[[str, str], str]:
    """Return a function that colours a text on *stream* as the word after it says."""
    return _paint if _has_colour(stream) else lambda text, _: text


def _paint(text: str, word: str) -> str:
    colour = COLOURS.get(word)
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text


def _has_colour(stream: TextIO) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()
