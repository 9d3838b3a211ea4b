"""The source of a line, and what the syntax says of it."""

from __future__ import annotations

import ast
import re
import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError
from asgi_liveness.files import current_folder, read_bytes

if TYPE_CHECKING:
    from asgi_liveness.serving.records import Frame

    Function = ast.FunctionDef | ast.AsyncFunctionDef

_MOST: Final = 2**21
"""Bytes of the largest file that is read. A frame names any file, and a syntax tree takes a hundred
times as much."""
_ON_EACH_SIDE: Final = 5  # lines around a line that a report keeps
_STATEMENTS: Final = (ast.While, ast.For)
_LOOPS: Final = (
    *(ast.While, ast.For, ast.AsyncFor),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
_LOCK: Final = re.compile(r"lock|mutex|sem(?:aphore)?\b|condition|limiter", re.IGNORECASE)
"""The names that people give to what one task holds at a time."""
_TAKES_FUNCTION: Final = (
    *("to_thread", "run_in_executor", "run_sync", "run_in_threadpool", "run_in_thread"),
    *("submit", "add_task", "call_soon", "Thread", "Process", "BackgroundTask", "sync_to_async"),
)
"""What takes a function, to call it elsewhere or later."""
_WAITS: Final = ("wait", "join", "result", "exception")
"""What waits for another thread, and takes nothing but a limit in seconds."""


def line_of(file: str, line: int) -> str:
    """Return one line, stripped; "" where the file cannot be read or lacks the line."""
    lines = lines_of(file)
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def lines_around(file: str, line: int) -> tuple[int, tuple[str, ...]]:
    """Return the number of the first line around a *line*, and the lines; (0, ()) without any."""
    lines = lines_of(file)
    if not 0 < line <= len(lines):
        return 0, ()
    first = max(line - _ON_EACH_SIDE, 1)
    return first, tuple(
        each.expandtabs(4).rstrip() for each in lines[first - 1 : line + _ON_EACH_SIDE]
    )


def in_loop(file: str, line: int) -> bool:
    """Whether the line is in a ``while`` or ``for`` of its own function."""
    return _is_within(_around(file, line), _STATEMENTS)


def repeats(frame: Frame) -> bool:
    """Whether the line is in a loop of its own function, or in a comprehension."""
    return _is_within(_around(frame.file, frame.line), _LOOPS)


def loop_around(frame: Frame) -> int:
    """Return the line of the outermost loop around the line in its own function; 0 if none."""
    around = _around(frame.file, frame.line)
    function = _innermost(around)
    first = function.lineno if function else 0
    loops = (node.lineno for node in around if isinstance(node, _LOOPS) and node.lineno >= first)
    return min(loops, default=0)


def runs_once(frame: Frame) -> bool:
    """Whether the line is known to be in no loop of its own function."""
    around = _around(frame.file, frame.line)
    return bool(around) and not _is_within(around, _LOOPS)


def is_without_loop(frame: Frame) -> bool:
    """Whether the function around the line is known to have no loop."""
    function = _innermost(_around(frame.file, frame.line))
    return function is not None and not any(isinstance(node, _LOOPS) for node in ast.walk(function))


def is_async(frame: Frame) -> bool:
    """Whether the function around the line is an ``async def``."""
    return isinstance(_innermost(_around(frame.file, frame.line)), ast.AsyncFunctionDef)


def awaits(frame: Frame) -> bool:
    """Whether the function around the line awaits anything: then it must stay ``async def``."""
    function = _innermost(_around(frame.file, frame.line))
    kinds = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    return function is not None and any(
        isinstance(node, kinds) or (isinstance(node, ast.comprehension) and node.is_async)
        for node in ast.walk(function)
    )


def may_yield(frame: Frame) -> bool:
    """Whether the line is in a loop of its own function that awaits."""
    around = _around(frame.file, frame.line)
    loops = [node for node in around if _is_within([*_functions(around), node], _LOOPS)]
    kinds = (ast.Await, ast.AsyncFor, ast.AsyncWith)
    return any(isinstance(node, kinds) for loop in loops for node in ast.walk(loop))


def holds_lock(frame: Frame) -> bool:
    """Whether the function around the line awaits within ``async with`` a lock or a semaphore."""
    function = _innermost(_around(frame.file, frame.line))
    return function is not None and any(
        isinstance(node, ast.AsyncWith)
        and any(_LOCK.search(ast.unparse(item.context_expr)) for item in node.items)
        and any(isinstance(inner, ast.Await) for each in node.body for inner in ast.walk(each))
        for node in ast.walk(function)
    )


def takes_lock(frame: Frame) -> bool:
    """Whether the line takes a lock, by ``with`` or ``acquire()``, for however long that takes."""
    return any(
        (
            isinstance(node, ast.With)
            and any(
                _holds(item.context_expr, frame.line)
                and not isinstance(item.context_expr, ast.Call)
                for item in node.items
            )
        )
        or (
            isinstance(node, ast.Call)
            and _called(node.func) == "acquire"
            and not (node.args or node.keywords)
        )
        for node in _around(frame.file, frame.line)
    )


def gives_keyword(frame: Frame, keyword: str) -> bool:
    """Whether the line calls anything with a *keyword*."""
    return any(
        isinstance(node, ast.Call) and any(given.arg == keyword for given in node.keywords)
        for node in _around(frame.file, frame.line)
    )


def waits_with_limit(frame: Frame) -> bool:
    """Whether the line waits for another thread, and says for how long."""
    return gives_keyword(frame, "timeout") or any(
        isinstance(node, ast.Call) and node.args and _called(node.func) in _WAITS
        for node in _around(frame.file, frame.line)
    )


def calls_what_it_should_pass(frame: Frame, called: str) -> bool:
    """Whether the line calls *called*, and gives what it returns to what takes a function."""
    return any(
        isinstance(node, ast.Call)
        and _called(node.func) in _TAKES_FUNCTION
        and any(
            isinstance(given, ast.Call) and _called(given.func) == called
            for given in (*node.args, *(keyword.value for keyword in node.keywords))
        )
        for node in _around(frame.file, frame.line)
    )


def parsed(file: str) -> ast.Module:
    """Return the syntax of a file; that of an empty one if it has none."""
    return _syntax(text(file))[0]


@lru_cache(maxsize=8)  # a judgement asks for the same lines of a few files again and again
def _syntax(source: str) -> tuple[ast.Module, dict[int, list[ast.AST]]]:
    """Return the syntax of a source, and room for the nodes that span its lines."""
    try:
        with warnings.catch_warnings(action="ignore"):  # they concern the app's authors alone
            return ast.parse(source), {}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse(""), {}


def shown(file: str) -> str:
    """Return the path for a report: relative to the current directory, if it is below it."""
    try:
        path, folder = Path(file), current_folder()
    except UsageError:
        return file
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else file


def lines_of(file: str) -> list[str]:
    """Return all lines; none where the file cannot be read, or is too large for a source."""
    found = text(file)
    return found.split("\n") if found else []


def text(file: str) -> str:
    """Return the text of a file; "" where it cannot be read, or is too large for a source."""
    try:
        return read_bytes(Path(file), _MOST).decode(errors="replace")
    except UsageError:
        return ""


def _around(file: str, line: int) -> list[ast.AST]:
    """Return the nodes of the syntax that span a line."""
    module, known = _syntax(text(file))
    if line not in known:
        known[line] = [node for node in ast.walk(module) if _holds(node, line)]
    return known[line]


def _is_within(around: list[ast.AST], kinds: tuple[type[ast.stmt | ast.expr], ...]) -> bool:
    """Whether one of the nodes *around* a line is of these kinds, within the line's function."""
    function = _innermost(around)
    first = function.lineno if function else 0
    return any(isinstance(node, kinds) and node.lineno >= first for node in around)


def _innermost(around: list[ast.AST]) -> Function | None:
    return max(_functions(around), key=lambda node: node.lineno, default=None)


def _functions(around: list[ast.AST]) -> list[Function]:
    return [node for node in around if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _called(function: ast.expr) -> str:
    """Return the last name of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _holds(node: ast.AST, line: int) -> bool:
    first, last = getattr(node, "lineno", None), getattr(node, "end_lineno", None)
    return first is not None and last is not None and first <= line <= last
