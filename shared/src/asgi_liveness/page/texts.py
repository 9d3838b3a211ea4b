"""Makes the texts of a page plain, and decides which addresses become links. Pure.

The rule: every text of a page goes through ``cleaned`` once, before anything is made of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

from asgi_liveness.foreign import every_text, plain, plain_lines

if TYPE_CHECKING:
    from asgi_liveness.page.model import Chart, Lanes, Page, Table

    Shown = TypeVar("Shown", Page, Table, Lanes, Chart)

_MOST: Final = 2000
"""Characters of a text: a long paragraph, or a command with many options."""
_MOST_OF: Final = {"lines": 500, "frames": 300, "label": 200, "word": 60, "title": 300, "name": 120}
"""Characters of texts that stand in one line."""
_TAB: Final = 4  # columns
_WEB: Final = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_HERE: Final = re.compile(r"#[!-~]+")
_NOT_IN_ANCHORS: Final = re.compile(r"[^\w.:-]+", re.ASCII)


def cleaned(shown: Shown) -> Shown:
    """Return a page, or a part of it, with every text plain and no longer than a reader needs."""
    found: Shown = every_text(shown, _clean)
    return found


def _clean(text: str, name: str) -> str:
    text = text[: 4 * _MOST]  # what follows is cut anyway, and it may have megabytes
    if name == "lines":
        return plain(text.expandtabs(_TAB), _MOST_OF[name])
    if name in ("anchor", "anchors"):
        return anchor(text)
    return plain_lines(text, _MOST_OF.get(name, _MOST))


def anchor(text: str) -> str:
    """Return *text* as the name of a place in the page: ASCII, without white space."""
    return _NOT_IN_ANCHORS.sub("-", text)[:_MOST]


def address(text: str) -> str:
    """Return where a link may lead, to this page or to the web; empty for everything else."""
    if _HERE.fullmatch(text):
        return f"#{anchor(text[1:])}"
    return text if _WEB.fullmatch(text) else ""
