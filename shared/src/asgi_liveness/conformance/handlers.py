"""The source of a target's handlers, found by the syntax of its files: nothing is imported.

The rule: a function belongs to a route if it names the route's path, in its body or a decorator, or
if a call gives both; so do the functions of its file that such a function names.
"""

from __future__ import annotations

import ast
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.contract import ROUTES
from asgi_liveness.errors import UsageError
from asgi_liveness.files import current_folder, read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    Function = ast.FunctionDef | ast.AsyncFunctionDef

_MOST_BYTES: Final = 2**20  # of a file that is read
_MOST_LINES: Final = 120  # of one route: the longest of the three implementations has 60


@dataclass(frozen=True)
class HandlerRow:
    """The functions of one route of a target."""

    target: str
    path: str
    file: str
    """Relative to the current directory, if it is below it."""
    first: int
    """The number of the first line."""
    lines: tuple[str, ...]
    """Each function from its first decorator on, with an empty line between two."""


def handlers_of(target: str) -> list[HandlerRow]:
    """Return the handlers of each route of the contract, as far as they can be found."""
    files = {file: text for file in _files(target) if (text := _text(file))}
    paths = dict.fromkeys(row.path.partition("/{")[0] for row in ROUTES)
    rows = (_row(target, path, file, text) for path in paths for file, text in files.items())
    return [row for row in rows if row]


def _row(target: str, path: str, file: Path, text: str) -> HandlerRow | None:
    tree = _parsed(text)
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    own = {name for name, node in functions.items() if _names_path(node, path)}
    own |= {name for name in _given(tree, path) if name in functions}
    nodes = [node for name in own for node in ast.walk(functions[name])]
    named = {node.id for node in nodes if isinstance(node, ast.Name)}
    spans = [_span(node) for name, node in functions.items() if name in own | named]
    if not own:
        return None
    source, lines = text.split("\n"), list[str]()
    for first, last in sorted(spans):
        lines += [*([""] if lines else []), *source[first - 1 : last]]
    folder = current_folder()
    shown = file.relative_to(folder) if file.is_relative_to(folder) else file
    return HandlerRow(target, path, str(shown), min(spans)[0], tuple(lines[:_MOST_LINES]))


def _names_path(node: ast.AST, path: str) -> bool:
    return any(_is_path(each, path) for each in ast.walk(node))


def _given(tree: ast.Module, path: str) -> Iterator[str]:
    """Yield the names that a call gets together with *path*, as ``Route(path, handler)``."""
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if any(_is_path(each, path) for each in given):
            yield from (each.id for each in given if isinstance(each, ast.Name))


def _is_path(node: ast.AST, path: str) -> bool:
    """Whether a text is *path*, or begins with it and a further part."""
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return False
    return node.value == path or node.value.startswith((f"{path}/", f"{path}{{"))


def _span(node: Function) -> tuple[int, int]:
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return first, node.end_lineno or node.lineno


def _files(target: str) -> list[Path]:
    """Return the file of the target's module, and those of its package that it imports."""
    module = target.partition(":")[0]
    first = _file(module)
    if first is None or not (text := _text(first)):
        return []
    package = module.partition(".")[0]
    names = [name for name in _imported(_parsed(text)) if name.partition(".")[0] == package]
    return list(dict.fromkeys([first, *filter(None, map(_file, names))]))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(module: str) -> Path | None:
    """Return the file of a module, as Python would find it from the current directory."""
    if not all(part.isidentifier() for part in module.split(".")):
        return None
    *packages, last = module.split(".")
    folders = [current_folder(), *map(Path, sys.path)]
    try:
        for name in packages:
            found = [folder / name for folder in folders if (folder / name).is_dir()]
            regular = [folder for folder in found if (folder / "__init__.py").is_file()]
            folders = regular[:1] or found  # without the file, a package may be in several folders
        names = (Path(last, "__init__.py"), Path(f"{last}.py"))
        files = (folder / name for folder in folders for name in names)
        return next((file for file in files if file.is_file()), None)
    except OSError:  # a name may be longer than any file's
        return None


def _text(file: Path) -> str:
    try:
        return read_bytes(file, _MOST_BYTES).decode(errors="replace")
    except UsageError:
        return ""


def _parsed(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings(action="ignore"):  # they concern the app's authors alone
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse("")
