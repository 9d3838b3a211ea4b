"""The source of a line, and whether the line is in a loop."""

from __future__ import annotations

import ast
import warnings
from pathlib import Path


def line_of(file: str, line: int) -> str:
    """Return one line, stripped; "" where the file cannot be read or lacks the line."""
    lines = _lines(file)
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def in_loop(file: str, line: int) -> bool:
    """Whether the line is in a ``while`` or ``for`` of its own function."""
    try:
        with warnings.catch_warnings(action="ignore"):  # they concern the app's authors alone
            tree = ast.parse("\n".join(_lines(file)))
    except (SyntaxError, ValueError, RecursionError):
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
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _holds(node: ast.AST, line: int) -> bool:
    first, last = getattr(node, "lineno", None), getattr(node, "end_lineno", None)
    return first is not None and last is not None and first <= line <= last


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(errors="replace").split("\n")
    except OSError:
        return []
