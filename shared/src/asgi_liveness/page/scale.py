"""Places numbers on axes, and writes times as people read them. Pure."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

_MILLISECONDS: Final = 1000  # in a second
_STEPS: Final = (1, 2, 5, 10)
_MOST_TICKS: Final = 6  # on an axis; more of them touch each other on a phone
_TWO_DECADES: Final = 2.0
_MOST: Final = 1e15
"""The largest number that is placed or written out; no measurement comes near."""


class Tick(NamedTuple):
    """A number on an axis."""

    at: float
    """From 0, where the axis begins, to 1, where it ends."""
    words: str


def duration(milliseconds: float) -> str:
    """Return a time as people read it, such as ``350 ms`` or ``1.9 s``."""
    milliseconds = min(milliseconds, _MOST)
    if milliseconds < _MILLISECONDS:
        return f"{milliseconds:.0f} ms"
    return f"{milliseconds / _MILLISECONDS:.1f} s"


def time_ticks(span: float) -> list[Tick]:
    """Return the ticks of an axis of *span* milliseconds from 0, in seconds."""
    step = _step(span)
    count = int(span / step) + 1
    digits = max(0, -math.floor(math.log10(step / _MILLISECONDS) + 1e-9))
    return [
        Tick(row * step / span, f"{row * step / _MILLISECONDS:.{digits}f} s")
        for row in range(count)
    ]


def _step(span: float) -> float:
    """Return the round step that divides *span* into few parts."""
    decade = 10.0 ** math.floor(math.log10(span / _MOST_TICKS))
    return next(row * decade for row in _STEPS if span / (row * decade) <= _MOST_TICKS)


class Axis:
    """An axis that has room for *values*: logarithmic, or linear from 0."""

    def __init__(self, values: list[float], *, is_log: bool) -> None:
        self.is_log = is_log
        usable = [value for value in values if self.has(value)]
        low, high = min(usable, default=1.0), max(usable, default=1.0)
        if is_log:
            self._low = float(math.floor(math.log10(low)))
            self._high = max(float(math.ceil(math.log10(high))), self._low + 1)
        else:
            self._low = min(0.0, low)
            self._high = high if high > self._low else self._low + 1

    def has(self, value: float) -> bool:
        """Return whether *value* can be placed."""
        return -_MOST < value < _MOST and (value > 1 / _MOST or not self.is_log)

    def place(self, value: float) -> float:
        """Return where *value* is, from 0 to 1."""
        number = math.log10(value) if self.is_log else value
        return (number - self._low) / (self._high - self._low)

    def ticks(self) -> list[Tick]:
        """Return the round numbers of the axis."""
        if not self.is_log:
            step = _step(self._high - self._low)
            first = math.ceil(self._low / step)
            rows = range(first, math.floor(self._high / step) + 1)
            numbers = [row * step for row in rows]
        else:
            few = self._high - self._low <= _TWO_DECADES
            decades = range(int(self._low), int(self._high) + 1)
            every = max(1, math.ceil(len(decades) / _MOST_TICKS))
            numbers = [
                row * 10.0**decade
                for decade in decades[::every]
                for row in ((1, 2, 5) if few else (1,))
            ]
        return [
            Tick(self.place(row), f"{row:.6g}")
            for row in numbers
            if 0 <= round(self.place(row), 9) <= 1
        ]
