"""The list of functions that may block the event loop in tests, each with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError
from asgi_liveness.foreign import MOST, plain
from asgi_liveness.stalls import quote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from asgi_liveness.serving.records import Frame

_FORM: Final = re.compile(r"(?P<file>\S+):(?P<function>[^\s:]+)(?:\s+(?P<reason>\S.*))?")
EXAMPLE: Final = "app/legacy.py:report the driver has no async API yet"


@dataclass(frozen=True)
class Allowed:
    """A function that may block the event loop."""

    file: str
    """Relative to the folder of the project, or as a library's name begins it."""
    function: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.function}"

    def matches(self, frame: Frame, folder: Path) -> bool:
        """Whether a line to blame is in this function; *folder* is the project's."""
        if frame.function != self.function:
            return False
        return frame.file == str(folder / self.file) or quote.module(frame) == self.file


def parse(lines: Iterable[str], name: str) -> list[Allowed]:
    """Return the entries in *lines*; *name* names the setting in a ``UsageError``."""
    found = []
    for line in filter(None, map(str.strip, lines)):
        match = _FORM.fullmatch(line)
        if not match:
            raise UsageError(
                f"{name}: {_shown(line)}: write FILE:FUNCTION and why, as in {EXAMPLE}"
            )
        if not match["reason"]:
            raise UsageError(f"{name}: {_shown(line)} has no reason: write why, as in {EXAMPLE}")
        found.append(Allowed(**match.groupdict()))
    return found


def _shown(line: str) -> str:
    return plain(line, MOST)
