"""What the app's outermost function is to the framework that calls it. Pure.

The rule: the function that calls it says so. A task, a callback and a middleware have no role.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import stack

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asgi_liveness.serving.records import Frame
    from asgi_liveness.stalls.line import Line


class Role(Enum):
    """What a framework takes a function of the app for."""

    ROUTE = auto()
    """A handler that the framework runs in a thread if it is a plain ``def``."""
    HOOK = auto()
    """A dependency, or a handler of exceptions, that it runs in a thread just so."""
    ON_LOOP = auto()
    """A handler or a provider that it runs on the event loop also if it is a plain ``def``."""
    BODY = auto()
    """What reads and validates the body, before a handler."""
    RESPONSE = auto()
    """What makes the response, after a handler."""


_BY_CALLER: Final = (
    (
        re.compile(
            r"/fastapi/routing\.py run_endpoint_function |"
            r"/starlette/routing\.py app (?!__call__)|"
            r"/starlette/endpoints\.py dispatch (?!on_)|"
            r"/quart/(?:app|views)\.py dispatch_request "
        ),
        Role.ROUTE,
    ),
    (
        re.compile(
            r"/fastapi/dependencies/utils\.py (?:_?solve_)|"
            r"/starlette/_exception_handler\.py wrapped_app |"
            r"/quart/app\.py handle_\w*exception "
        ),
        Role.HOOK,
    ),
    (re.compile(r"/litestar/(?:routes/|di\.py|_kwargs/)"), Role.ON_LOOP),
)
"""File and function of a caller, and the name of the function that it calls."""
_AROUND: Final = (
    (
        re.compile(
            r"/fastapi/dependencies/utils\.py|/json/decoder\.py|"
            r"/(?:starlette|quart|litestar)/\S*(?:request|formparser|multipart)"
        ),
        Role.BODY,
    ),
    (
        re.compile(
            r"/fastapi/encoders\.py|/fastapi/\S+ serialize_response|/json/encoder\.py|"
            r"/(?:starlette|quart|flask|litestar)/\S*(?:response|json|serializ)"
        ),
        Role.RESPONSE,
    ),
)
"""Files and functions of frameworks that work before a handler and after it."""


def role_of(function: Frame, line: Line) -> Role | None:
    """Return the role of a *function* on the stack of *line*, by its caller; None if it has none.

    Python's own library passes calls on, as ``contextlib`` does.
    """
    outer = line.frames[line.frames.index(function) + 1 :]
    for at, caller in enumerate(outer):
        if not stack.is_standard(caller.file):
            call = f"{caller.file} {caller.function} {function.function}"
            found = (role for pattern, role in _BY_CALLER if pattern.search(call))
            return next(found, None) or around_handler(outer[: at + 1])
    return None


def around_handler(frames: Iterable[Frame]) -> Role | None:
    """Return whether *frames* work before a handler or after it; the innermost that shows it."""
    on_stack = (f"{frame.file} {frame.function}" for frame in frames)
    found = (role for frame in on_stack for pattern, role in _AROUND if pattern.search(frame))
    return next(found, None)
