"""How far a long command is: a bar with the time left on a terminal, and nothing elsewhere.

The rule: the bar is one line of standard error, which the next line of the command replaces.
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import Final

from asgi_liveness.foreign import plain

_BAR: Final = 20  # columns
_KNOWN: Final = 0.02  # the part of the work after which the time left is known well enough
_MINUTE: Final = 60  # seconds
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """The bar of one command; its time begins as it is made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._is_shown = False

    @property
    def is_visible(self) -> bool:
        """Whether standard error is a terminal."""
        return sys.stderr.isatty()

    def show(self, words: str, done: float = 0.0) -> None:
        """Show the current step, and how much is *done*, from 0 to 1.

        *words* that end with a line end stay, and stand on any standard error.
        """
        if words.endswith("\n"):
            self.clear()
            print(f"asgi-liveness: {plain(words.rstrip())}", file=sys.stderr, flush=True)
        elif self.is_visible:
            self._is_shown = True
            columns = shutil.get_terminal_size().columns - 1
            line = plain(f"{self._bar(done)}{words}", columns)
            print(f"{_CLEAR}{line}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Remove the bar."""
        if self._is_shown:
            self._is_shown = False
            print(_CLEAR, end="", file=sys.stderr, flush=True)

    def _bar(self, done: float) -> str:
        if not 0 < done <= 1:
            return ""
        filled = round(_BAR * done)
        bar = f"[{'#' * filled}{'-' * (_BAR - filled)}]"
        left = (time.monotonic() - self._began) * (1 - done) / done
        return f"{bar} {f'about {_about(left)} left  ' if done > _KNOWN else ''}"


class Letters:
    """Lines that grow letter by letter; on a terminal each appears whole, in place of the bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._held: list[str] = []

    def add(self, text: str) -> None:
        """Add *text* to the line."""
        if self._progress.is_visible and sys.stdout.isatty():
            self._held.append(text)
        else:
            print(text, end="", flush=True)

    def end(self) -> None:
        """End the line."""
        self.add("\n")
        self.flush()

    def flush(self) -> None:
        """Print what is held back, if the command ends in the middle of a line."""
        self._progress.clear()
        print("".join(self._held), end="", flush=True)
        self._held.clear()


def _about(seconds: float) -> str:
    """Return a time as nobody takes it for exact."""
    if seconds < _MINUTE:
        return f"{max(5, round(seconds / 5) * 5)} s"
    return f"{round(seconds / _MINUTE)} min"
