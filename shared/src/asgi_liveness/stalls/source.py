"""The source of a line, and whether the line is in a loop."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path
from typing import Final

from asgi_liveness.errors import UsageError
from asgi_liveness.files import current_folder, read_bytes

_MOST: Final = 2**21
"""Bytes of the largest file that is read. A frame names any file, and a syntax tree takes a hundred
times as much."""


def line_of(file: str, line: int) -> str:
    """Return one line, stripped; "" where the file cannot be read or lacks the line."""
    lines = lines_of(file)
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def in_loop(file: str, line: int) -> bool:
    """Whether the line is in a ``while`` or ``for`` of its own function."""
    try:
        with warnings.catch_warnings(action="ignore"):  # they concern the app's authors alone
            tree = ast.parse("\n".join(lines_of(file)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    around = [node for node in ast.walk(tree) if _holds(node, line)]
    functions = [
        node for node in around if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    first = max((node.lineno for node in functions), default=0)
    loops = (node for node in around if isinstance(node, ast.While | ast.For))
    return any(node.lineno >= first for node in loops)


def shown(file: str) -> str:
    """Return the path for a report: relative to the current directory, if it is below it."""
    try:
        path, folder = Path(file), current_folder()
    except UsageError:
        return file
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else file


def lines_of(file: str) -> list[str]:
    """Return all lines; none where the file cannot be read, or is too large for a source."""
    try:
        return read_bytes(Path(file), _MOST).decode(errors="replace").split("\n")
    except UsageError:
        return []


def _holds(node: ast.AST, line: int) -> bool:
    first, last = getattr(node, "lineno", None), getattr(node, "end_lineno", None)
    return first is not None and last is not None and first <= line <= last
