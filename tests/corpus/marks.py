"""The right answers, read from the comments beside the lines of the corpus.

A mark is the comment at the end of a line. It names the request, and what must be said of it::

    # GET /sleep blocks                          the event loop stalls, and this is the line
    # GET /loop blocks for ever                  likewise, and the request has no end
    # GET /sort blocks, below it: copy.deepcopy  the line calls this function, and sits in it
    # GET /slow does not block                   the app answers all along
    # idle blocks                                the app stalls with no request at all

Where lines of one loop bear the same mark, each of them is right.
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
"""What is in a comment that is meant as a mark, right or wrong."""


@dataclass(frozen=True)
class Mark:
    """What must be said of one request."""

    request: str
    """``GET /report``, or ``idle``."""
    blocks: bool
    endless: bool
    below: str
    """Module and function in which the line sits; empty where none is named."""
    lines: tuple[int, ...]
    """Each of these is the right one; of a request that does not block, where it is said."""


def marks(source: str) -> list[Mark]:
    """Return the marks of a file, in the order of their first lines."""
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
