"""The shapes that say what colours say: of a tone, and of a series of a chart. Pure."""

from __future__ import annotations

from typing import Final

from asgi_liveness.page.model import Tone

SIGNS: Final = {
    Tone.GOOD: "M3 8.5l3.5 3.5L13 4.5",
    Tone.BAD: "M4 4l8 8M12 4l-8 8",
    Tone.UNSURE: "M5.4 6a2.6 2.6 0 1 1 3.7 2.3c-.8.4-1.1.9-1.1 1.8M8 12.9v.2",
}
"""A check mark, a cross and a question mark, as strokes in a square of 16."""
TONE_WORDS: Final = {Tone.GOOD: "good", Tone.BAD: "bad", Tone.UNSURE: "unsure"}
"""The signs for those who hear the page."""
SYMBOLS: Final = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M-4-4h8v8h-8z",
    "M0-5L5 4H-5z",
    "M0-5.5L5.5 0L0 5.5L-5.5 0z",
    "M-5-4H5L0 5z",
    "M-1.5-5h3v3.5H5v3H1.5V5h-3V1.5H-5v-3h3.5z",
    "M-5 0L-2-5h4L5 0L2 5h-4z",
    "M-4-4L0-1L4-4V4L0 1L-4 4z",
)
"""A circle, a square, triangles and more, around their middle."""


class SeriesSymbols:
    """The symbol of each series of a page: one name, one symbol, in every chart."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}

    def number(self, name: str) -> int:
        """Return the number of a series, in the order of their first charts."""
        return self._names.setdefault(name, len(self._names))

    def path(self, name: str) -> str:
        """Return the symbol of a series as a path."""
        return SYMBOLS[self.number(name) % len(SYMBOLS)]

    def is_hollow(self, name: str) -> bool:
        """Return whether the symbol is drawn hollow: all shapes are taken."""
        return self.number(name) // len(SYMBOLS) % 2 == 1
