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
_OWN_THREADS: Final = "-packages/granian/"
"""The server that takes connections in threads of its own, whatever its event loop does."""
_STANDARD: Final = re.compile(r"/lib(64)?/python3\.\d+t?/(?!site-packages/|dist-packages/)")
_INSTALLED: Final = re.compile(r"/(?:site|dist)-packages/(?P<package>[^/]+?)(?:\.py)?(?:/|$)")
SERVERS: Final = (
    *("uvicorn", "uvicorn_worker", "hypercorn", "granian", "gunicorn"),
    *("h11", "h2", "wsproto", "uvloop", "trio"),
)
_LOGGING: Final = re.compile(r"/lib(64)?/python3\.\d+t?/logging/")
"""A handler of the log may block, also one that a server calls."""
_SENDS: Final = ("/asyncio/selector_events.py",)
_FRAMEWORKS: Final = (
    *("starlette", "fastapi", "quart", "flask", "werkzeug", "anyio"),
    *("litestar", "django", "asgiref", "sanic", "blacksheep"),
)
_KIT: Final = f"{Path(__file__).resolve().parent.parent}/"
_OURS: Final = "asgi_liveness"
_COLUMNS: Final = f"{_KIT}columns/"
"""The apps in the wheel that ``asgi-liveness demo`` serves: no code of the kit's."""
NEVER: Final = 3
"""The rank of a frame that is never to blame; see ``rank_of``."""


def blamed(stack: Sequence[Frame], package: str = "", *, ran: bool = False) -> list[int]:
    """Return which frames of a callback may be to blame, the outermost first.

    *stack* is that of the event loop's thread, or of a thread that holds the GIL; *package* is the
    app's, which may be an installed one; *ran* is whether the thread ran for most of the stall.
    They are the frames of the app, else of libraries, else of frameworks.

    Returns none if the thread was not in a callback, or if a line starts a thread, which takes
    long only while other threads hold the GIL. A server that sends or receives never waits: then
    there is none as well, unless the thread *ran* and the app's own code called the server.
    """
    frames = callback(stack)
    if not frames or all(file.endswith("/selectors.py") for file, _, _ in frames):
        return []
    sends = installed(frames[0][0]) in SERVERS or frames[0][0].endswith(_SENDS)
    if sends and not (ran and any(is_own(file) for file, _, _ in frames)):
        return []
    if any(file.endswith("/threading.py") and call == "start" for file, _, call in frames[:4]):
        return []
    ranks = [rank_of(frames, index, package) for index in range(len(frames))]
    best = min(ranks)
    return [index for index in range(len(frames))[::-1] if ranks[index] == best < NEVER]


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
    return len(callback(stack)) < len(stack)


def takes_connections(stack: Sequence[Frame]) -> bool:
    """Whether the loop that a thread runs takes connections, and no thread of the server's does."""
    return not any(_OWN_THREADS in frame.file for frame in stack)


def is_serving(package: str) -> bool:
    """Whether a package is a server or a framework, which serves other people's apps."""
    return package in (*SERVERS, *_FRAMEWORKS)


def is_framework(package: str) -> bool:
    """Whether a package is a framework."""
    return package in _FRAMEWORKS


def is_standard(file: str) -> bool:
    """Whether *file* is of Python's own library."""
    return _STANDARD.search(file) is not None


def is_own(file: str) -> bool:
    """Whether *file* is the app's own code: not installed, not Python's, not this kit's."""
    return not (file.startswith(("<", _KIT)) or _INSTALLED.search(file) or _STANDARD.search(file))


def is_of_app(file: str, package: str) -> bool:
    """Whether *file* is the app's own or in its *package*, which may be an installed one."""
    return is_own(file) or _package(file) == package != ""


def rank_of(frames: Sequence[Frame], index: int, package: str) -> int:
    """Return a frame's rank: 0 the app's own, 1 a library, 2 a framework, 3 never to blame."""
    return NEVER if _passes_on(frames, index) else _rank(frames[index].file, package)


def _passes_on(stack: Sequence[Frame], index: int) -> bool:
    """Whether a frame awaits the rest of the app, as a middleware does: the culprit is within."""
    file, _, function = stack[index - 1] if index else ("", 0, "")
    return function == "__call__" and installed(file) in _FRAMEWORKS


def _rank(file: str, package: str) -> int:
    if _LOGGING.search(file):
        return 2
    found = _package(file)
    if is_of_app(file, package):
        return 0
    if not found or found in (*SERVERS, _OURS):
        return NEVER
    return 2 if found in _FRAMEWORKS else 1


def callback(stack: Sequence[Frame]) -> list[Frame]:
    """Return the frames that the event loop called, the innermost first."""
    found: list[Frame] = []
    for frame in stack:
        file, _, function = frame
        if any(at in file and of in ("", function) for at, of in _BOTTOMS):
            break
        found.append(frame)
    return found


def _package(file: str) -> str:
    if file.startswith(_COLUMNS):
        return file.removeprefix(_COLUMNS).partition("/")[0]
    return _OURS if file.startswith(_KIT) else installed(file)


def installed(file: str) -> str:
    """Return the top-level package of an installed file; "" for any other file."""
    match = _INSTALLED.search(file)
    return match["package"] if match else ""
