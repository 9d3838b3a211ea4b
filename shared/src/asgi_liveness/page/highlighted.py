"""Python source as marked-up lines: Pygments finds the tokens, and each is escaped.

The rule: markup comes from this file alone, and its classes from a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String

if TYPE_CHECKING:
    from collections.abc import Sequence

_CLASSES: Final = (
    (Comment, "co"),
    (String, "st"),
    (Number, "nu"),
    (Keyword, "kw"),
    (Operator.Word, "kw"),
    (Name.Decorator, "de"),
    (Name.Function, "fu"),
    (Name.Class, "fu"),
)
"""Kinds of tokens that get a colour; the others are text, so that the page stays small."""


def highlighted(lines: Sequence[str]) -> list[Markup]:
    """Return *lines* of Python, or of anything else, each as markup."""
    found = [Markup()]
    for kind, text in PythonLexer(stripnl=False, ensurenl=False).get_tokens("\n".join(lines)):
        name = next((name for parent, name in _CLASSES if kind in parent), "")
        first, *others = text.split("\n")
        found[-1] += _token(first, name)
        found.extend(_token(part, name) for part in others)
    # The lexer adds no line and leaves none out; if it ever did, the text matters more.
    return found if len(found) == len(lines) else [escape(line) for line in lines]


def _token(text: str, name: str) -> Markup:
    if not text or not name:
        return escape(text)
    return Markup('<span class="{}">{}</span>').format(name, text)
