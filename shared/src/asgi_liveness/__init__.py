"""Does your ASGI app still answer while it works?

``check`` says so of any app, and which line blocks it. ``LoopBody`` is all that an implementation
of the contract imports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgi_liveness._version import __version__
from asgi_liveness.inside.loop_body import LoopBody

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asgi_liveness.checking.report import Report

__all__ = ["LoopBody", "Report", "__version__", "check"]


def check(  # noqa: PLR0913 (the options of the command, one for one)
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
    duration: float = 4.0,
    max_stall: float = 0.2,
    concurrency: int = 1,
    openapi: bool = False,
    allow_remote: bool = False,
    start_limit: float = 60.0,
) -> Report:
    """Probe an app at rest and during requests, and return what was seen; ``report.ok`` if live.

    *target* is an app as ``module:attribute``, the address of a server that runs, or the words of
    a command that serves the app (``{port}`` in them is replaced by a free one). *during* is a
    request as ``GET /report``, or several. *headers* are a mapping, or texts as ``Name: value``.
    *duration*, for which each request is watched, *max_stall*, for which the event loop may not
    turn, and *start_limit*, for the first answer, are in seconds.

    The target runs in a process of its own, and this call waits for the verdict. Raises an
    ``asgi_liveness.errors.LivenessError`` whose text is a line: ``UsageError`` for what was asked
    for wrongly, inside a running event loop as well, and ``TargetError`` for a target that could
    not be run.
    """
    # Imported late: apps import this package for LoopBody and need nothing else of it.
    from asgi_liveness.checking.called import given  # noqa: PLC0415
    from asgi_liveness.checking.options import Options  # noqa: PLC0415
    from asgi_liveness.checking.run import run  # noqa: PLC0415

    options = given(
        target,
        during=during,
        headers=headers,
        probe=probe,
        server=server,
        loop=loop,
        factory=factory,
        app_dir=app_dir,
        body=body,
        duration=duration,
        max_stall=max_stall,
        concurrency=concurrency,
        openapi=openapi,
        allow_remote=allow_remote,
        start_limit=start_limit,
    )
    return run(Options(**options))


def __getattr__(name: str) -> object:
    if name == "Report":
        from asgi_liveness.checking.report import Report  # noqa: PLC0415 (as above)

        return Report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
