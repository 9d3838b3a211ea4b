"""Which line of a stack is to blame. Pure: a stack is the frames of a thread, the innermost first.

The rule: the innermost frame of the app's own code. Frames that call the event loop do not count,
and an event loop that waits for events does not stall.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.serving.records import Frame

_BOTTOMS: Final = (
    ("/asyncio/events.py", "_run"),
    ("/asyncio/base_events.py", "_run_once"),
    ("/asyncio/base_events.py", "run_forever"),
    ("/asyncio/base_events.py", "run_until_complete"),
    ("/asyncio/runners.py", "run"),
    ("-packages/uvloop/__init__.py", ""),
    ("-packages/granian/", ""),
    ("-packages/trio/_core/", ""),
)
"""The frames that call the callbacks of an event loop: a part of the file's path, and a function,
or "" for all functions of the file."""
_STANDARD: Final = re.compile(r"/lib(64)?/python3\.\d+t?/(?!site-packages/|dist-packages/)")
_INSTALLED: Final = re.compile(r"/(?:site|dist)-packages/(?P<package>[^/]+?)(?:\.py)?(?:/|$)")
_SERVERS: Final = (
    *("uvicorn", "uvicorn_worker", "hypercorn", "granian", "gunicorn"),
    *("h11", "h2", "wsproto", "uvloop", "trio"),
)
_SENDS: Final = ("/asyncio/selector_events.py",)
_FRAMEWORKS: Final = ("starlette", "fastapi", "quart", "flask", "werkzeug", "anyio")
_KIT: Final = f"{Path(__file__).resolve().parent.parent}/"
_OURS: Final = "asgi_liveness"
_POOLED: Final = ("/anyio/_backends/_asyncio.py", "/concurrent/futures/thread.py")
_NEVER: Final = 3
"""The rank of a frame that is never to blame; see ``_rank``."""
_IDLE: Final = ("/queue.py", "/threading.py", *_POOLED)


def blamed(
    stack: Sequence[Frame], package: str = "", *, ran: bool = False
) -> tuple[Frame, Frame | None] | None:
    """Return the line to blame for a stall, where *stack* is that of the event loop's thread.

    The second frame is the library's that this line called, if it called one. *package* is the
    app's, which may be an installed one; *ran* is whether the thread ran for most of the stall.

    Returns None if the thread was not in a callback, or if a line starts a thread, which takes
    long only while other threads hold the GIL. A server that sends or receives never waits: then
    the result is None as well, unless the thread *ran* and the app's own code called the server.
    """
    callback = _callback(stack)
    if not callback or all(file.endswith("/selectors.py") for file, _, _ in callback):
        return None
    sends = _installed(callback[0][0]) in _SERVERS or callback[0][0].endswith(_SENDS)
    if sends and not (ran and any(is_own(file) for file, _, _ in callback)):
        return None
    if any(file.endswith("/threading.py") and call == "start" for file, _, call in callback[:4]):
        return None
    return _innermost(callback, package)


def busy(stack: Sequence[Frame], package: str = "") -> tuple[Frame, Frame | None] | None:
    """Return the line of the app that a pool's thread runs; None if the thread waits for work."""
    if not stack or (stack[0][0].endswith(_IDLE) and all(_standard_or_pool(p) for p in stack)):
        return None
    return _innermost(stack, package)


def waits(stack: Sequence[Frame]) -> bool:
    """Whether a thread waits for another, or for work."""
    return bool(stack) and stack[0][0].endswith(_IDLE)


def is_pooled(stack: Sequence[Frame]) -> bool:
    """Whether a thread belongs to a pool of AnyIO or to an executor."""
    return any(file.endswith(_POOLED) for file, _, _ in stack)


def in_background(stack: Sequence[Frame]) -> bool:
    """Whether a framework runs a background task."""
    return any(
        file.endswith("/starlette/background.py")
        or (file.endswith("/quart/app.py") and function == "_wrapper")
        for file, _, function in stack
    )


def imports(stack: Sequence[Frame]) -> bool:
    """Whether a module is being imported, which happens once in a process."""
    return any(file.startswith("<frozen importlib") for file, _, _ in stack)


def runs_a_loop(stack: Sequence[Frame]) -> bool:
    """Whether a thread runs an event loop."""
    return len(_callback(stack)) < len(stack)


def is_serving(package: str) -> bool:
    """Whether a package is a server or a framework, which serves other people's apps."""
    return package in (*_SERVERS, *_FRAMEWORKS)


def is_own(file: str) -> bool:
    """Whether *file* is the app's own code: not installed, not Python's, not this kit's."""
    return not (file.startswith(("<", _KIT)) or _INSTALLED.search(file) or _STANDARD.search(file))


def is_of_app(file: str, package: str) -> bool:
    """Whether *file* is the app's own or in its *package*, which may be an installed one."""
    return is_own(file) or _package(file) == package != ""


def _innermost(stack: Sequence[Frame], package: str) -> tuple[Frame, Frame | None] | None:
    """Return the innermost frame of the app, else of a library, else of a framework."""
    ranks = [
        _NEVER if _passes_on(stack, index) else _rank(file, package)
        for index, (file, _, _) in enumerate(stack)
    ]
    best = min(ranks, default=_NEVER)
    if best == _NEVER:
        return None
    index = ranks.index(best)
    return stack[index], stack[index - 1] if index else None


def _passes_on(stack: Sequence[Frame], index: int) -> bool:
    """Whether a frame awaits the rest of the app, as a middleware does: the culprit is within."""
    file, _, function = stack[index - 1] if index else ("", 0, "")
    return function == "__call__" and _installed(file) in _FRAMEWORKS


def _rank(file: str, package: str) -> int:
    """Return a file's rank: 0 the app's own, 1 a library, 2 a framework, 3 never to blame."""
    installed = _package(file)
    if is_of_app(file, package):
        return 0
    if not installed or installed in (*_SERVERS, _OURS):
        return _NEVER
    return 2 if installed in _FRAMEWORKS else 1


def _callback(stack: Sequence[Frame]) -> list[Frame]:
    found: list[Frame] = []
    for frame in stack:
        file, _, function = frame
        if any(at in file and of in ("", function) for at, of in _BOTTOMS):
            break
        found.append(frame)
    return found


def _package(file: str) -> str:
    return _OURS if file.startswith(_KIT) else _installed(file)


def _installed(file: str) -> str:
    """Return the top-level package of an installed file; "" for any other file."""
    match = _INSTALLED.search(file)
    return match["package"] if match else ""


def _standard_or_pool(frame: Frame) -> bool:
    return bool(_STANDARD.search(frame[0])) or _installed(frame[0]) == "anyio"
