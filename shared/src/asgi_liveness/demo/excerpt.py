"""The source of a route's handler, with the functions of its file that it uses.

The rule: a handler is called as its path, in each column; ``tests/columns`` compares the names.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.foreign import plain
from asgi_liveness.stalls import source

if TYPE_CHECKING:
    from pathlib import Path

    from asgi_liveness.stalls.source import Function

_FILES: Final = ("app.py", "remedies.py")
_WIDTH: Final = 120  # characters of a line


class SourceLine(NamedTuple):
    """One line of a file."""

    number: int
    """0 for the gap between two functions."""
    text: str


class Excerpt(NamedTuple):
    """The lines of one handler."""

    file: str
    """As ``fastapi_impl/app.py``; empty if the handler was not found."""
    lines: tuple[SourceLine, ...]


NOTHING: Final = Excerpt("", ())


def excerpt(folder: Path, path: str) -> Excerpt:
    """Return the source of the handler of *path* in the column in *folder*."""
    name = path.strip("/").replace("-", "_")
    for file in (folder / each for each in _FILES):
        functions = _functions(str(file))
        if name in functions:
            lines = source.lines_of(str(file))
            found = [*_used(functions, name), functions[name]]
            return Excerpt(f"{folder.name}/{file.name}", _numbered(lines, found))
    return NOTHING


def _functions(file: str) -> dict[str, Function]:
    return {
        node.name: node
        for node in source.parsed(file).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _used(functions: dict[str, Function], name: str) -> list[Function]:
    """Return the functions that the function *name* refers to."""
    named = {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)}
    return [functions[each] for each in functions if each in named - {name}]


def _numbered(lines: list[str], functions: list[Function]) -> tuple[SourceLine, ...]:
    numbered: list[SourceLine] = []
    for function in sorted(functions, key=lambda node: node.lineno):
        if numbered:
            numbered.append(SourceLine(0, ""))
        first = min([function.lineno, *(node.lineno for node in function.decorator_list)])
        last = function.end_lineno or function.lineno
        numbered += [
            SourceLine(number, plain(lines[number - 1].rstrip(), _WIDTH))
            for number in range(first, last + 1)
        ]
    return tuple(numbered)
