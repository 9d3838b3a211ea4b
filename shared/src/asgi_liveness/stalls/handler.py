"""The handler of a route, found in the app's source: it may have left the stack before a stall."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls import source

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_FILES: Final = 1000
"""Files to read; in a folder with more of them the handler may stay unknown."""
_LEFT_OUT: Final = re.compile(r"\..*|__pycache__|node_modules|site-packages|venv|env")
_LITERAL: Final = re.compile(r"""["'](/[^"'\s]*)["']""")
_PARAMETER: Final = re.compile(r"\{[^}]*\}|<[^>]*>")


def handler_of(path: str, folder: Path, package: str = "") -> Frame | None:
    """Return the line and the name of the function that serves *path*, if one file shows it.

    A route may stand below a prefix, so the longest path that *path* ends with counts. Of several
    apps in the *folder*, the one in *package* counts.
    """
    path = path.partition("?")[0]
    found = [
        (len(route), Frame(str(file), node.lineno, node.name))
        for file in _files(folder)
        # To parse takes much longer than to search.
        if any(re.search(_pattern(text), path) for text in _LITERAL.findall(source.text(str(file))))
        for route, node in _routes(file)
        if re.search(_pattern(route), path)
    ]
    longest = max((length for length, _ in found), default=0)
    best = {frame for length, frame in found if length == longest}
    if len(best) > 1:
        best = {frame for frame in best if _top(Path(frame.file), folder) == package}
    return best.pop() if len(best) == 1 else None


def _top(file: Path, folder: Path) -> str:
    """Return the name of the top-level module or package of a file in *folder*."""
    return Path(file.relative_to(folder).parts[0]).stem


def _files(folder: Path) -> Iterator[Path]:
    waiting, read = [folder], 0
    while waiting and read < _MOST_FILES:
        for path in _listed(waiting.pop(0)):
            if path.is_dir() and not path.is_symlink() and not _LEFT_OUT.fullmatch(path.name):
                waiting.append(path)
            elif path.suffix == ".py":
                read += 1
                yield path


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _routes(file: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Yield the paths of a file's decorators and ``Route(...)`` calls, with their functions."""
    tree = source.parsed(str(file))
    functions = {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for function in functions.values():
        for decorator in function.decorator_list:
            if path := _path(decorator):
                yield path, function
    for node in ast.walk(tree):
        path = _path(node)
        if path and isinstance(node, ast.Call) and len(node.args) > 1:
            named = node.args[1]
            if isinstance(named, ast.Name) and named.id in functions:
                yield path, functions[named.id]


def _path(node: ast.AST) -> str:
    """Return the path that is the first argument of a call; "" for any other node."""
    if not isinstance(node, ast.Call) or not node.args:
        return ""
    first = node.args[0]
    text = first.value if isinstance(first, ast.Constant) else ""
    return text if isinstance(text, str) and text.startswith("/") else ""


def _pattern(route: str) -> str:
    """Return a pattern for the end of a path."""
    return "[^/]+".join(map(re.escape, _PARAMETER.split(route))) + "$"
