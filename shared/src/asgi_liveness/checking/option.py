"""One option of a check: how people write it, and what it may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from asgi_liveness.checking.duration import written
from asgi_liveness.errors import UsageError

_HOUR: Final = 3600  # seconds


class OptionKind(Enum):
    """How people write the value of an option."""

    TARGET = auto()
    """An app or an address; the one word that has no flag."""
    TEXT = auto()
    TIME = auto()
    """As ``200ms``; seconds in ``Options``."""
    COUNT = auto()
    """A whole number."""
    FLAG = auto()
    """Given or not."""
    SCOPE = auto()
    """A flag, or given as ``=all``; True or ``all`` in ``Options``."""
    TEXTS = auto()
    """One text each time that the option is given."""
    HEADERS = auto()
    """Likewise, as ``Name: value``. No output repeats the values."""
    DATA = auto()
    """A text, or ``@`` and a file; bytes in ``Options``. No output repeats them."""
    BEFORE = auto()
    """A request each time that the option is given, which owns the headers and the body after it.
    No output repeats their values."""
    WORDS = auto()
    """A command: all words after ``--``."""


@dataclass(frozen=True)
class Option:
    """What is declared of one option, besides its name and its default."""

    flag: str
    """``--flag`` or ``-f``; ``--`` before the words of a command; empty for a target."""
    kind: OptionKind
    metavar: str
    help: str
    least: float = 0
    """The least that a time or a count may be."""
    most: float = _HOUR
    """The most that a time or a count may be."""

    def check(self, value: Any) -> None:
        """Raise ``UsageError`` if a time or a count is out of its range."""
        if self.kind not in (OptionKind.TIME, OptionKind.COUNT):
            return
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            raise UsageError(f"{self.flag} is {value!r:.40}; give a number, in seconds if a time")
        if self.least <= value <= self.most:
            return
        if self.kind is OptionKind.TIME:
            limits = f"{written(self.least)} to {written(self.most)}"
            raise UsageError(f"{self.flag} is {written(value)}; give {limits}")
        raise UsageError(f"{self.flag} is {value}; give {self.least:g} to {self.most:g}")
