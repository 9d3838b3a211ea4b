"""How a stall got to its line: the packages on the way in, and the app's own callers. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import quote, stack

if TYPE_CHECKING:
    from asgi_liveness.serving.records import Frame
    from asgi_liveness.stalls.line import Line

STEPS: Final = 5
"""The most steps to show; of a longer way the middle ones are left out."""
_OWN: Final = "."  # the name of the app's own code, which is no package's
_PLUMBING: Final = (
    *("abc", "asyncio", "collections", "concurrent", "contextlib", "copy", "dataclasses", "email"),
    *("enum", "functools", "http", "importlib", "inspect", "operator", "queue", "selectors"),
    *("socket", "ssl", "threading", "types", "typing", "warnings", "weakref"),
)
"""Modules of Python that say nothing about the way."""


def steps(line: Line, package: str, handler: Frame | None = None) -> tuple[str, ...]:
    """Return the way to a line in installed code, or that a library calls; else nothing.

    It reads from the outside in, a step for each package, and begins with the app's outermost
    function. Where a library calls that, it begins with the route's *handler*, if that is known,
    and the innermost framework. The step of the line names its function.
    """
    own = _own(line, package)
    if own and not is_called_by_library(line, package):
        first, shown = line.frames.index(own[0]), [f"{own[0].function}()"]
    else:
        first = _innermost_serving(line, own[0] if own else line.frame)
        known = handler is not None and handler.function not in [frame.function for frame in own]
        shown = [f"{handler.function}()"] if handler and known else []
    # What the app's own line calls is no part of the way to it.
    last = line.at if line.frame in own else 0
    found: dict[str, str] = {}
    for frame in line.frames[last : first + 1][::-1]:
        name = _name(frame, package)
        if frame == line.frame and name != _OWN:
            found.pop(name, None)
            found[name] = f"{_module(frame)} {frame.function}"
        elif name not in ("", _OWN):
            found.setdefault(name, name)
    if line.frame in own and found:
        found[_OWN] = f"{line.frame.function}()"
    shown += found.values()
    if len(shown) == 1:
        return ()
    return _cut(tuple(shown))


def whole(line: Line, package: str) -> tuple[str, ...]:
    """Return the way to a line from the event loop on, as ``steps`` does from the app on.

    It begins with the server, and ends with the function of the line.
    """
    found: dict[str, None] = {}
    for frame in line.frames[line.at :][::-1]:
        name = _name(frame, package)
        if name == _OWN or (frame == line.frame and not name):
            found[f"{frame.function}()"] = None
        elif name:
            found[name] = None
    if line.frame in _own(line, package) or not found:
        return _cut(tuple(found))
    return _cut((*found, f"{line.frame.function}()"))


def callers(line: Line, package: str) -> tuple[Frame, ...]:
    """Return the frames of the app that called the line's function, up to its handler."""
    own = _own(line, package)
    return tuple(own[: own.index(line.frame)][::-1]) if line.frame in own else ()


def is_called_by_library(line: Line, package: str) -> bool:
    """Whether installed code that is no framework called the app's outermost function."""
    outer = outside(line, package)
    is_own = len(outer) < len(line.frames)
    return not is_own or (bool(outer) and stack.rank_of(outer, 0, package) == 1)


def outside(line: Line, package: str) -> tuple[Frame, ...]:
    """Return the frames that led to the app's outermost function; all if no code is the app's."""
    own = _own(line, package)
    return line.frames[line.frames.index(own[0]) + 1 :] if own else line.frames


def _cut(shown: tuple[str, ...]) -> tuple[str, ...]:
    return shown if len(shown) <= STEPS else (*shown[: STEPS - 3], "...", *shown[-2:])


def _own(line: Line, package: str) -> list[Frame]:
    """Return the app's frames, the outermost first, without middleware that passes on."""
    indexes = range(len(line.frames))[::-1]
    return [line.frames[at] for at in indexes if stack.rank_of(line.frames, at, package) == 0]


def _name(frame: Frame, package: str) -> str:
    """Return the name of a frame's package; "" for code that passes calls on."""
    if stack.is_of_app(frame.file, package):
        return _OWN
    module = _module(frame)
    top = module.partition(".")[0]
    return "" if top in _PLUMBING else top


def _module(frame: Frame) -> str:
    found = quote.LIBRARY.fullmatch(frame.file)
    path = found["name"].removesuffix(".py").removesuffix("/__init__") if found else ""
    return path.replace("/", ".")


def _innermost_serving(line: Line, inner: Frame) -> int:
    """Return the index of the framework or server that is nearest to *inner*, else the last."""
    at = line.frames.index(inner)
    serving = (
        index
        for index, frame in enumerate(line.frames[at:], start=at)
        if stack.is_serving(stack.installed(frame.file))
    )
    return next(serving, len(line.frames) - 1)
