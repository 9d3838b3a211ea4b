"""The ASGI wrapper inside the server, which serves the target and reports its state.

Servers run ``asgi_liveness.inside.wrapper:app``; the environment names the target. The wrapper
counts in the ledger. It writes the app's name, the present part of the start and any failure into
a note next to the ledger, because the exit codes of servers prove nothing.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.metadata
import json
import os
import threading
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.inside.app_import import ImportFailed, import_app, last_line
from asgi_liveness.inside.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

    from asgi_liveness.inside.app_import import ASGIApp, Message, Receive, Send

TARGET_VARIABLE: Final = "ASGI_LIVENESS_TARGET"
FACTORY_VARIABLE: Final = "ASGI_LIVENESS_FACTORY"
"""Set where calling the target returns the app."""
APP_DIR_VARIABLE: Final = "ASGI_LIVENESS_APP_DIR"
BEAT: Final = 0.01  # seconds from one heartbeat to the next


def note_path(ledger: Path) -> Path:
    """Return the path of the wrapper's note."""
    return ledger.with_name("note")


class Wrapper:
    """An ASGI app that counts its starts, beats, and passes everything on to the target."""

    def __init__(self, target: str, ledger: Ledger) -> None:
        self._ledger = ledger
        self._beating = False
        ledger.stamp_start()
        self._first = ledger.starts == 1
        self._note(doing=f"importing {target}")
        try:
            self._app = import_app(
                target,
                factory=FACTORY_VARIABLE in os.environ,
                app_dir=os.environ.get(APP_DIR_VARIABLE, ""),
            )
        except ImportFailed as error:
            self._note(failure=str(error))
            raise
        self._note(app=describe(self._app), doing="imported")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass one request, WebSocket or lifespan on to the target."""
        if not self._beating:
            self._beating = True
            self._ledger.stamp_event_loop(threading.get_native_id())
            self._beat(asyncio.get_running_loop())
        if scope["type"] == "lifespan":
            self._note(app=describe(self._app), doing="in its lifespan start-up")
            await self._app(scope, receive, self._watch_lifespan(send))
        else:
            await self._serve(scope, receive, send)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        self._ledger.beat()
        loop.call_later(BEAT, self._beat, loop)

    def _watch_lifespan(self, send: Send) -> Send:
        async def watched(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                reason = last_line(message.get("message", "")) or "no reason given"
                self._note(failure=f"its lifespan start-up failed: {reason}")
            elif message["type"] == "lifespan.startup.complete":
                self._note(app=describe(self._app), doing="waiting for its first response")
            await send(message)

        return watched

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        answered = disconnected = False

        async def watched_receive() -> Message:
            nonlocal disconnected
            message = await receive()
            # uvicorn sends it after a complete response as well, and Quart receives it after each.
            disconnected = message["type"] == "http.disconnect" and not answered
            return message

        async def watched_send(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                self._ledger.stamp_answer()
            answered = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        await self._app(scope, watched_receive, watched_send)
        if disconnected:
            # A cancelled loop marks its end when its body is freed, but the exception and its
            # frames refer to each other.
            gc.collect()

    def _note(self, **note: Any) -> None:
        if not self._first:  # a second start of the app must not replace the first one's failure
            return
        path = note_path(self._ledger.path)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(json.dumps(note))
        draft.replace(path)


def describe(app: ASGIApp) -> dict[str, str | None]:
    """Return the app's class, and the distribution that the class comes from."""
    package = type(app).__module__.partition(".")[0]
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return {"name": None, "package": None, "version": None}
    return {"name": type(app).__name__, "package": package, "version": version}


if _target := os.environ.get(TARGET_VARIABLE):
    _ledger = Ledger.from_environment()
    assert _ledger is not None, "the runner names a ledger with every target"
    app = Wrapper(_target, _ledger)
