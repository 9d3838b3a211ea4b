"""The demo as a page, for a projector: the standard library's server, in the demo's own process.

The rule: only this machine is served, and only its own page may start anything. A foreign ``Host``
is refused (a name of elsewhere may lead here), and so is a POST from another origin.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from asgi_liveness.demo.choices import CHOICES
from asgi_liveness.demo.stage import INTERVAL
from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.demo.stage import Stage

_FILES: Final = {
    "/": ("index.html", "text/html"),
    "/demo.css": ("demo.css", "text/css"),
    "/demo.js": ("demo.js", "text/javascript"),
}
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_VIEWERS: Final = 50
"""Pages that are served at a time: a classroom. Each has a thread."""
_SILENCE: Final = 10.0  # seconds that a client may take to send, or to read


class Web(ThreadingHTTPServer):
    """The page's server on *port* of this machine; ``publish`` sends a scene to all pages."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, act: Callable[[str, str], None]) -> None:
        try:
            super().__init__(("127.0.0.1", port), _Client)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "ports end at 65535"
            raise UsageError(
                f"cannot listen on port {port} of 127.0.0.1 ({reason}); choose another --port"
            ) from error
        self.act = act
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}
        self.viewers = threading.BoundedSemaphore(_VIEWERS)
        self._news = threading.Condition()
        self._scene, self._number = "", 0

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.server_port}/"

    def publish(self, scene: str) -> None:
        """Send a scene, as JSON, to all pages."""
        with self._news:
            self._scene, self._number = scene, self._number + 1
            self._news.notify_all()

    def after(self, number: int) -> tuple[int, str]:
        """Wait for a scene later than the one with this *number*; return its own and the scene."""
        with self._news:
            self._news.wait_for(lambda: self._number > number, _SILENCE)
            return self._number, self._scene

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing about a client that has gone."""


class _Client(BaseHTTPRequestHandler):
    server: Web
    timeout = _SILENCE
    server_version, sys_version = "asgi-liveness", ""

    def do_GET(self) -> None:
        if not self._is_ours():
            return
        if self.path == "/events":
            self._stream()
        elif self.path in _FILES:
            name, kind = _FILES[self.path]
            content = (files("asgi_liveness.demo") / "page" / name).read_bytes()
            self._answer(HTTPStatus.OK, content, f"{kind}; charset=utf-8")
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"there is no such page\n")

    def do_POST(self) -> None:
        origins = {f"http://{host}" for host in self.server.hosts}
        if not self._is_ours():
            return
        if self.headers.get("Origin") not in origins:
            self._answer(HTTPStatus.FORBIDDEN, b"only the demo's own page may do this\n")
            return
        _, action, *words = self.path.split("/")
        if action not in ("start", "stop", "framework") or len(words) > 1:
            self._answer(HTTPStatus.NOT_FOUND, b"there is no such action\n")
            return
        self.server.act(action, "".join(words))
        self._answer(HTTPStatus.NO_CONTENT, b"")

    def _is_ours(self) -> bool:
        if self.headers.get("Host") in self.server.hosts:
            return True
        self._answer(HTTPStatus.MISDIRECTED_REQUEST, b"open the address that the demo printed\n")
        return False

    def _stream(self) -> None:
        if not self.server.viewers.acquire(blocking=False):
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"too many pages are open\n")
            return
        try:
            self._begin(HTTPStatus.OK, "text/event-stream; charset=utf-8")
            number = 0
            while True:
                number, scene = self.server.after(number)
                self.wfile.write(f"data: {scene}\n\n".encode())
        except OSError:  # the page is closed
            pass
        finally:
            self.server.viewers.release()

    def _answer(
        self, status: HTTPStatus, content: bytes, kind: str = "text/plain; charset=utf-8"
    ) -> None:
        self._begin(status, kind)
        if self.command != "HEAD":
            self.wfile.write(content)

    def _begin(self, status: HTTPStatus, kind: str) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, text in {**_HEADERS, "Content-Type": kind, "Connection": "close"}.items():
            self.send_header(name, text)
        self.end_headers()

    def log_message(self, format: str, *words: object) -> None:  # noqa: A002 (its name there)
        """Print nothing about a request."""


def show(stage: Stage, port: int, say: Callable[[str], None]) -> None:
    """Serve the page until Ctrl+C. Raises ``UsageError`` if the port cannot be taken."""
    asyncio.run(_show(stage, port, say))


async def _show(stage: Stage, port: int, say: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()
    actions: dict[str, Callable[[str], None]] = {
        "start": stage.start,
        "stop": lambda _: stage.stop(),
        "framework": stage.change,
    }

    def act(name: str, word: str) -> None:
        loop.call_soon_threadsafe(actions[name], word)

    web = Web(port, act)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    say(f"The freeze and its fixes: {web.url} (Ctrl+C ends it)")
    running = asyncio.create_task(stage.run())
    try:
        while not running.done():
            web.publish(as_json(stage))
            await asyncio.sleep(INTERVAL)
        await running
    finally:
        web.shutdown()
        web.server_close()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def as_json(stage: Stage) -> str:
    """Return the scene of this moment, with the frameworks and the loops to choose from."""
    choices = [asdict(each) for each in CHOICES]
    scene = asdict(stage.scene())
    held = scene["held"] and scene["held"]._asdict()
    excerpt = {"file": scene["excerpt"].file, "lines": scene["excerpt"].lines}
    scene |= {"held": held, "excerpt": excerpt}
    return json.dumps({**scene, "choices": choices, "frameworks": stage.frameworks})
