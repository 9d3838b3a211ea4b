"""The kind of code that stalls an event loop at a line, which selects the advice.

The rule: the advice fits the line. Code that is not the user's cannot yield, and code around the
handler does not move with the handler. The judge reads no file but sources.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import source, stack, way
from asgi_liveness.stalls.advice import Kind
from asgi_liveness.stalls.deadlock import is_deadlock, waits_for_result
from asgi_liveness.stalls.role import Role, around_handler, role_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.serving.records import Frame, ThreadStack
    from asgi_liveness.stalls.line import Line
    from asgi_liveness.stalls.stalls import Stall

_MOSTLY: Final = 0.5
"""The part of a stall that counts as most of it. A thread that ran for less waited for something.
"""
_CALLS_BACK: Final = (
    (re.compile(r"/opentelemetry/sdk/"), Kind.SPANS),
    (re.compile(r"/logging/(__init__|handlers)\.py$"), Kind.LOGGING),
)
"""Modules that call a handler or an exporter, also one of the app's own."""
_ORM: Final = re.compile(r"/sqlalchemy/(?:orm|ext/asyncio)/")
_SQLALCHEMY: Final = re.compile(r"/sqlalchemy/")
_ITS_ASYNC_HALF: Final = "greenlet_spawn"
"""The function of SQLAlchemy below which its async half computes."""
_AROUND: Final[dict[Role | None, Kind]] = {Role.BODY: Kind.BODY, Role.RESPONSE: Kind.RESPONSE}
_NOT_ASYNC: Final[dict[Role | None, Kind]] = {Role.ON_LOOP: Kind.SYNC_HANDLER, **_AROUND}
"""The kinds of functions that are not async, by their role."""
_PLAIN: Final[dict[Role | None, Kind]] = {
    Role.ROUTE: Kind.CALL_IN_HANDLER,
    Role.HOOK: Kind.CALL_IN_HOOK,
}
"""The kinds of async functions that may be a plain ``def``, by their role."""


def cause(line: Line, stall: Stall, package: str, threads: Sequence[ThreadStack]) -> Kind:
    """Return the kind of a stall. *threads* are the stacks of its process, if they were read."""
    if stall.collected > _MOSTLY * stall.length:
        return Kind.COLLECTOR
    if stall.gil_held and stall.by_another:
        return Kind.GIL_IN_THREAD
    if stall.gil_held:
        # The framework's own C code does not move to a process, but may get less to do.
        is_of_app = stack.is_of_app(line.frame.file, package)
        return (None if is_of_app else _of_framework(line, package)) or Kind.GIL
    if is_deadlock(line, stall, threads):
        return Kind.DEADLOCK if waits_for_result(line.frames) else Kind.DEADLOCK_ON_LOCK
    called = line.frames[line.at - 1].function if line.at else ""
    if source.calls_what_it_should_pass(line.frame, called):
        return Kind.CALLED
    return _of_library(line, stall, package) or _own(line, stall, package)


def passing(line: Line, package: str) -> Line:
    """Return the line at which the app calls a function that it should pass, else *line*."""
    called = line.frame
    for caller in way.callers(line, package):
        if source.calls_what_it_should_pass(caller, called.function):
            return replace(line, frame=caller, below=called)
        called = caller
    return line


def computes(stall: Stall) -> bool:
    """Whether the loop's thread ran and did not wait; true where the system does not count."""
    return stall.ran is None or stall.ran > _MOSTLY


def _of_library(line: Line, stall: Stall, package: str) -> Kind | None:
    """Return the kind of a library that is known, or of code around the handler; else None."""
    installed = [frame.file for frame in line.frames if not stack.is_of_app(frame.file, package)]
    for module, kind in _CALLS_BACK:
        if any(map(module.search, installed)):
            return kind
    if _makes_objects(line, stall, package):
        return Kind.ROWS
    if not way.is_called_by_library(line, package):
        return None
    return _of_framework(line, package) or Kind.LIBRARY


def _makes_objects(line: Line, stall: Stall, package: str) -> bool:
    """Whether the line calls an ORM that computes, or SQLAlchemy's async half."""
    around = way.is_called_by_library(line, package)
    inner = line.frames if around else line.frames[: line.at + 1]
    if any(frame.function == _ITS_ASYNC_HALF for frame in line.frames):
        return any(_SQLALCHEMY.search(frame.file) for frame in inner)
    stacks = [sample.stack for sample in stall.samples if sample.stack] or [line.frames]
    in_orm = sum(_calls(_ORM, each, package) for each in stacks)
    return computes(stall) and in_orm > _MOSTLY * len(stacks)


def _calls(module: re.Pattern[str], frames: Sequence[Frame], package: str) -> bool:
    """Whether the app's innermost frame calls a *module*."""
    inner = takewhile(lambda frame: not stack.is_of_app(frame.file, package), frames)
    return any(module.search(frame.file) for frame in inner)


def _of_framework(line: Line, package: str) -> Kind | None:
    """Return the kind of code that runs before a handler or after it; None for other code."""
    role = around_handler(way.outside(line, package))
    return _AROUND[role] if role else None


def _own(line: Line, stall: Stall, package: str) -> Kind:
    """Return the kind of the app's own code, which its handler or a task of its own called."""
    if _waits_for_result(line):
        return Kind.RESULT
    outermost = [line.frame, *way.callers(line, package)][-1]
    role, is_async = role_of(outermost, line), source.is_async(outermost)
    may_be_plain = is_async and not source.awaits(outermost)
    if may_be_plain and stack.in_background(line.frames):
        return Kind.BACKGROUND
    if not is_async and role in _NOT_ASYNC:
        return _NOT_ASYNC[role]
    if computes(stall) and source.in_loop(line.frame.file, line.frame.line):
        return Kind.LOOP if source.is_async(line.frame) else Kind.LOOP_IN_FUNCTION
    return _PLAIN.get(role, Kind.CALL) if may_be_plain else Kind.CALL


def _waits_for_result(line: Line) -> bool:
    """Whether the line waits for a future itself, where it could await it."""
    inner = line.frames[: line.at]
    calls_library = any(stack.installed(frame.file) for frame in inner)
    return source.is_async(line.frame) and waits_for_result(inner) and not calls_library
