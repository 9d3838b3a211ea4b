"""Read from the comments in an app's source which lines ``check`` must find there.

A mark is the comment at the end of a line. It names a request and what ``check`` must report::

    # GET /sleep blocks                          the event loop stalls, and this line is the culprit
    # GET /loop blocks for ever                  the same, and the request does not end
    # GET /sort blocks, below it: copy.deepcopy  the line calls this function, which stalls
    # GET /slow does not block                   the app answers while the request runs
    # idle blocks                                the app stalls while no request runs

Where several lines of a loop have the same mark, each of them is right.
"""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, replace
from typing import Final

IDLE: Final = "idle"

_MARK = re.compile(
    r"# (?P<request>idle|(GET|POST) /\S+) "
    r"(does not block|(?P<blocks>blocks)(?P<endless> for ever)?(, below it: (?P<below>\w+\.\w+))?)"
)
_MEANT = re.compile(r"block|# (idle|GET|POST)\b")
"""Matches every comment that is meant as a mark, right or wrong."""


@dataclass(frozen=True)
class Mark:
    """What ``check`` must report of one request."""

    request: str
    """``GET /report``, or ``idle``."""
    blocks: bool
    endless: bool
    below: str
    """Module and function that the line calls and that stalls; empty where the mark names none."""
    lines: tuple[int, ...]
    """Numbers of the lines with the mark; each of them is a right culprit if the request blocks."""


def marks(source: str) -> list[Mark]:
    """Return the marks of a file, in the order of their first lines.

    Raises ``ValueError`` for a comment that is meant as a mark and is none.
    """
    found: dict[str, Mark] = {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line = token.start[0]
        if token.type != tokenize.COMMENT or not _MEANT.search(token.string):
            continue
        match = _MARK.fullmatch(token.string)
        if match is None:
            raise ValueError(f"line {line}: {token.string!r} is no mark")
        mark = Mark(
            request=match["request"],
            blocks=match["blocks"] is not None,
            endless=match["endless"] is not None,
            below=match["below"] or "",
            lines=(line,),
        )
        known = found.setdefault(mark.request, mark)
        if known == mark:
            continue
        if not mark.blocks or replace(mark, lines=known.lines) != known:
            raise ValueError(
                f"line {line}: {mark.request} has another mark in line {known.lines[0]}"
            )
        found[mark.request] = replace(known, lines=(*known.lines, line))
    return list(found.values())
