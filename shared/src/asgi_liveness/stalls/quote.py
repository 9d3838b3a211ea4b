"""The source around a culprit, if its file is still there and unchanged."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

from asgi_liveness.foreign import MOST, plain
from asgi_liveness.stalls.source import lines_of, shown

if TYPE_CHECKING:
    from asgi_liveness.serving.records import Frame
    from asgi_liveness.stalls.culprit import Culprit

_AROUND: Final = 2  # lines of source on each side
_WIDTH: Final = 100  # columns of a line of source
LIBRARY: Final = re.compile(
    r".*/(?:(?:site|dist)-packages|lib(?:64)?/python3\.[0-9]+t?)/(?P<name>.+)"
)
"""The file of a library; its name begins with the library's."""


def frame(where: Culprit | Frame) -> str:
    """Return file, line and function; the path of a library begins with the library's name."""
    call = "" if where.function.startswith("<") else "()"
    return f"{module(where)}:{where.line} in {where.function}{call}"


def module(where: Culprit | Frame) -> str:
    """Return the file of a frame, which begins with the library's name for a library."""
    found = LIBRARY.fullmatch(where.file)
    return found["name"] if found else shown(where.file)


def source(culprit: Culprit) -> list[str]:
    """Return the numbered lines around the culprit, up to the next empty line."""
    around = _around(culprit)
    digits = len(str(around[-1][0])) if around else 0
    return [
        f"{'>' if number == culprit.line else ' '} {number:>{digits}} | {_cut(line)}"
        for number, line in around
    ]


def _around(culprit: Culprit) -> list[tuple[int, str]]:
    lines = lines_of(culprit.file)
    at = culprit.line - 1
    if not 0 <= at < len(lines) or plain(lines[at].strip(), MOST) != culprit.source:
        return [(culprit.line, culprit.source)] if culprit.source else []
    first, last = at, at + 1
    while first > max(at - _AROUND, 0) and lines[first - 1].strip():
        first -= 1
    while last < min(at + _AROUND + 1, len(lines)) and lines[last].strip():
        last += 1
    around = "\n".join(line.expandtabs(4).rstrip() for line in lines[first:last])
    return list(enumerate(textwrap.dedent(around).split("\n"), start=first + 1))


def _cut(line: str) -> str:
    line = plain(line)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 4]} ..."
