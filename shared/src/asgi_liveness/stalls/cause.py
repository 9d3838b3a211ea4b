"""The kind of code that stalls an event loop at a line, which selects the advice.

The rule: the advice fits the line. Code that is not the user's cannot yield, and code around the
handler does not move with the handler. The judge reads no file but sources.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import pools, source, stack, way
from asgi_liveness.stalls.advice import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.serving.records import Frame, ThreadStack
    from asgi_liveness.stalls.line import Line
    from asgi_liveness.stalls.stalls import Stall

_MOSTLY: Final = 0.5
"""The part of a stall that counts as most of it. A thread that ran for less waited for something.
"""
_TOP: Final = 5
"""Frames, the innermost of a stack, in which a thread stands that waits for a result."""
_RESULT: Final = "/concurrent/futures/_base.py"
_WAITING: Final = ("/threading.py", "/queue.py", _RESULT)
_BY_MODULE: Final = (
    (re.compile(r"/opentelemetry/sdk/"), "", Kind.SPANS),
    (re.compile(r"/logging/(__init__|handlers)\.py$"), "", Kind.LOGGING),
    (re.compile(r"/sqlalchemy/"), "greenlet_spawn", Kind.ROWS),
)
"""Modules, and a function that must be on the stack too, that show what to do."""
_AROUND: Final = (
    (
        re.compile(
            r"/fastapi/dependencies/utils\.py|/json/decoder\.py|"
            r"/(?:starlette|quart|litestar)/\S*(?:request|formparser|multipart)"
        ),
        Kind.BODY,
    ),
    (
        re.compile(
            r"/fastapi/encoders\.py|/fastapi/\S+ serialize_response|/json/encoder\.py|"
            r"/(?:starlette|quart|flask|litestar)/\S*(?:response|json|serializ)"
        ),
        Kind.RESPONSE,
    ),
)
"""Files and functions of frameworks that work before a handler and after it."""


def cause(line: Line, stall: Stall, package: str, threads: Sequence[ThreadStack]) -> Kind:
    """Return the kind of a stall. *threads* are the stacks of its process, if they were read."""
    if stall.collected > _MOSTLY * stall.length:
        return Kind.COLLECTOR
    if stall.gil_held:
        return Kind.GIL_IN_THREAD if stall.by_another else Kind.GIL
    if _is_deadlock(line, threads):
        return Kind.DEADLOCK
    if line.below and source.calls_what_it_should_pass(line.frame, line.below.function):
        return Kind.CALLED
    return _of_library(line, package) or _own(line, stall, package)


def passing(line: Line, package: str) -> Line:
    """Return the line at which the app calls a function that it should pass, else *line*."""
    called = line.frame
    for caller in way.callers(line, package):
        if source.calls_what_it_should_pass(caller, called.function):
            return replace(line, frame=caller, below=line.frame)
        called = caller
    return line


def computes(stall: Stall) -> bool:
    """Whether the loop's thread ran and did not wait; true where the system does not count."""
    return stall.ran is None or stall.ran > _MOSTLY


def _of_library(line: Line, package: str) -> Kind | None:
    """Return the kind of a library that is known, or of code around the handler; else None."""
    around = way.is_called_by_library(line, package)
    inner = line.frames if around else line.frames[: line.at + 1]
    functions = {"", *(frame.function for frame in line.frames)}
    for module, function, kind in _BY_MODULE:
        if function in functions and any(module.search(frame.file) for frame in inner):
            return kind
    return _around_handler(line) if around else None


def _own(line: Line, stall: Stall, package: str) -> Kind:
    """Return the kind of the app's own code, which its handler or a task of its own called."""
    handler = [line.frame, *way.callers(line, package)][-1]
    if stack.in_background(line.frames):
        return Kind.BACKGROUND
    if _is_called_by_framework(handler, line) and not source.is_async(handler):
        return Kind.SYNC_HANDLER
    if computes(stall) and source.in_loop(line.frame.file, line.frame.line):
        return Kind.LOOP if source.is_async(line.frame) else Kind.LOOP_IN_FUNCTION
    if source.is_async(handler) and not source.awaits(handler):
        return Kind.CALL_IN_HANDLER
    return Kind.CALL


def _is_called_by_framework(handler: Frame, line: Line) -> bool:
    outer = line.frames[line.frames.index(handler) + 1 :]
    return bool(outer) and stack.is_framework(stack.installed(outer[0].file))


def _around_handler(line: Line) -> Kind:
    """Return the kind of code that runs before a handler, after it, or within a library."""
    on_stack = [f"{frame.file} {frame.function}" for frame in line.frames]
    for pattern, kind in _AROUND:
        if any(map(pattern.search, on_stack)):
            return kind
    return Kind.LIBRARY


def _is_deadlock(line: Line, threads: Sequence[ThreadStack]) -> bool:
    """Whether the loop waits for what only the loop can bring about."""
    if not line.frames or not line.frames[0].file.endswith(_WAITING):
        return False
    others = [thread.stack for thread in threads if not thread.is_loop]
    if any(_waits_for_result(frames) for frames in others):
        return True
    text = source.line_of(line.frame.file, line.frame.line)
    return _waits_for_result(line.frames) and (
        "run_coroutine_threadsafe" in text or (bool(threads) and all(map(pools.is_idle, others)))
    )


def _waits_for_result(frames: Sequence[Frame]) -> bool:
    return any(frame.file.endswith(_RESULT) for frame in frames[:_TOP])
