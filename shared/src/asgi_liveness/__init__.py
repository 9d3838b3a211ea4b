"""Find the line that freezes an ASGI app.

``check`` returns whether an app answers while a request runs, and which line blocks it.
``watch_loop`` logs what blocks the event loop of an app that runs.
Implementations of the contract import only ``LoopBody``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgi_liveness._version import __version__
from asgi_liveness.inside.loop_body import LoopBody

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any

    from asgi_liveness.checking.report import Report
    from asgi_liveness.watching.loop_stall import LoopStall

__all__ = ["LoopBody", "LoopStall", "Report", "__version__", "check", "watch_loop"]


def check(  # noqa: PLR0913 (each option of the command)
    target: str | Sequence[str],
    *,
    during: str | Sequence[str] = (),
    probe: str | None = None,
    server: str = "uvicorn",
    loop: str = "auto",
    factory: bool = False,
    app_dir: str = "",
    headers: Mapping[str, str] | Sequence[str] = (),
    body: bytes = b"",
    before: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]] = (),
    header_from: str | Sequence[str] = (),
    duration: float = 4.0,
    max_stall: float = 0.2,
    concurrency: int = 1,
    openapi: bool | str = False,
    allow_remote: bool = False,
    no_early: bool = False,
    start_limit: float = 60.0,
) -> Report:
    """Probe an app while it is idle and while requests run; return the report.

    ``report.ok`` is true if the app is live. *target* is an app as ``module:attribute``, the
    address of a running server, or the arguments of a command that serves the app (``{port}`` in
    them becomes a free port). *during* is a request as ``GET /report``, or several. *headers* are
    a mapping, or strings as ``Name: value``. *before* is a request that is sent before each window,
    such as a login, or several: texts as ``POST /login``, or mappings with ``request``, ``headers``
    and ``body``; *header_from* takes values of their JSON answers, as ``Authorization: Bearer
    {access_token}``. *openapi* adds routes of the app's document, ``"all"`` also those that look
    like actions. *no_early* watches for the whole duration also where the verdict is certain, and
    runs one copy of the app at a time. In seconds: *duration* is the longest time for which each
    request is watched, *max_stall* the longest that one callback may block the event loop, and
    *start_limit* the longest wait for the first response.

    The target runs in a process of its own, and this call waits for the verdict. It raises an
    ``asgi_liveness.errors.LivenessError`` with one line of text: ``UsageError`` for a wrong
    argument or a call inside a running event loop, ``TargetError`` for a target that cannot run.
    """
    arguments = locals()  # by their names, which so are repeated only in the signature
    # Imported here: apps import this package for LoopBody and need nothing else of it.
    from asgi_liveness.checking.called import given  # noqa: PLC0415
    from asgi_liveness.checking.options import Options  # noqa: PLC0415
    from asgi_liveness.checking.run import run  # noqa: PLC0415

    return run(Options(**given(**arguments)))


def watch_loop(
    on_stall: Callable[[LoopStall], object] | None = None,
    *,
    max_stall: float = 0.2,
    requests: bool = False,
    metrics: str | None = None,
    package: str = "",
) -> AbstractAsyncContextManager[None]:
    """Report each stall of the running event loop while the context is open.

    It is an async context manager, for an app's lifespan; enter it last. Each stall, for which one
    callback blocks the loop for more than *max_stall* seconds, becomes one record of the logger
    ``asgi_liveness``: at its end, or once it has lasted a second. *on_stall* is called with each
    stall as well, in the watcher's thread. With *requests*, stalls name the method and the route's
    template of their request. *metrics* counts how late the loop was, and its stalls by line:
    ``"prometheus"`` or ``"opentelemetry"``. *package* is the app's package, if it is installed.

    Raises ``asgi_liveness.errors.UsageError`` for a wrong argument, and when it is entered where no
    event loop of asyncio runs.
    """
    # Imported here, as above.
    from asgi_liveness.watching.in_process import watched_loop  # noqa: PLC0415

    return watched_loop(on_stall, max_stall, package, requests=requests, metrics=metrics)


def __getattr__(name: str) -> object:
    if name == "Report":
        from asgi_liveness.checking.report import Report  # noqa: PLC0415 (as above)

        return Report
    if name == "LoopStall":
        from asgi_liveness.watching.loop_stall import LoopStall  # noqa: PLC0415 (as above)

        return LoopStall
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
