r"""Text from outside: of an app, of its server, of a file. It is data, and may be written to harm.

The rule: such text is made plain where it enters a report, so that no character of it controls a
terminal, turns the direction of a line, or begins a line or a command of a workflow.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST: Final = 500
"""Characters of one text in a report: five lines of a terminal. A log line may have a million."""
_ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours and cursor
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # titles and links
)
_UNUSUAL: Final = re.compile(r"[^ -~]")
_COMMAND: Final = re.compile(r"(?<!\S)::(?=[A-Za-z])|##(?=\[)")
"""What begins a command in the log of a workflow on GitHub, which also reads lines that are
indented."""
_NO_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKDOWN: Final = re.compile(r"([\\`*_\[\]|~!#])")


def plain(text: str, most: int | None = None) -> str:
    r"""Return *text* as one line without control characters, cut at *most* characters.

    Sequences of a terminal are left out. Line ends and tabs become spaces; any other character
    that is not printable becomes its escape, as ``\x07``.
    """
    text = _UNUSUAL.sub(lambda found: _printable(found[0]), _ESCAPES.sub("", text))
    return cut(_COMMAND.sub(lambda found: " ".join(found[0]), text), most)


def plain_lines(text: str, most: int | None = None) -> str:
    """Return *text* with each of its lines made plain; where two lines are meant, both stay."""
    return "\n".join(plain(line, most) for line in text.split("\n"))


def cut(text: str, most: int | None = MOST) -> str:
    """Return at most the first *most* characters of *text*, and three dots where some are left."""
    return text if most is None or len(text) <= most else f"{text[: most - 4]} ..."


def _printable(character: str) -> str:
    if character in "\t\n\v\f\r\x85\u2028\u2029":
        return " "
    # A space of another width is not printable for Python, and harmless.
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape", "backslashreplace").decode()


def every_text(value: Any, change: Callable[[str, str], str], name: str = "") -> Any:
    """Return *value* with each text in it changed: of a dataclass, a list, a tuple or a dict.

    *change* gets the text, and the name of the field or the key that it stands in.
    """
    if isinstance(value, str):
        return value if isinstance(value, Enum) else change(value, name)
    if isinstance(value, dict):
        return {
            every_text(key, change, name): every_text(row, change, str(key))
            for key, row in value.items()
        }
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        rows = zip(value._fields, value, strict=True)
        return type(value)(*(every_text(row, change, of) for of, row in rows))
    if isinstance(value, list | tuple):
        return type(value)(every_text(row, change, name) for row in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        fields = {of: every_text(getattr(value, of), change, of) for of in names}
        return dataclasses.replace(value, **fields)
    return value


def markdown(text: str) -> str:
    """Return *text* for a line or a cell of Markdown, where none of it is markup."""
    escaped = _MARKDOWN.sub(r"\\\1", plain(text))
    return escaped.replace("&", "&amp;").replace("<", "&lt;")


def xml(text: str) -> str:
    """Return *text* without the characters that XML cannot contain."""
    return _NO_XML.sub("\ufffd", text)


def fenced(lines: Sequence[str]) -> list[str]:
    """Return *lines* in a fence of Markdown that none of them can close."""
    longest = max((len(run) for line in lines for run in re.findall("~+", line)), default=0)
    fence = "~" * max(4, longest + 1)
    return [f"{fence}text", *lines, fence]
