"""Traps in how a loop is started, stopped and served: each app does what its docstring says.

The order of events judges: what waits for a loop continues when the test stops the loop.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import select
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from asgi_liveness.inside.ledger import PATH_VARIABLE, Ledger
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, ServerKind
from examples.traps.in_process_client import app
from quart_impl.app import app as quart_app
from tests.waiting import until
from tools.comparison import ROOT

pytestmark = pytest.mark.servers

LIMIT = 30.0  # seconds
UVICORN, _, HYPERCORN = SERVERS
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def uvicorn(*options: str) -> ServerKind:
    return dataclasses.replace(UVICORN, command=(*UVICORN.command, *options))


@contextmanager
def serving(kind: ServerKind, target: str) -> Iterator[Server]:
    with Server(kind, target) as server:
        asyncio.run(server.ready())
        yield server


def get(server: Server, path: str) -> int:
    return httpx.get(f"{server.url}{path}", timeout=LIMIT, trust_env=False).status_code


def ask(server: Server, path: str, headers: str = "") -> socket.socket:
    """Send a request and do not wait for the response. Close the connection to disconnect."""
    connection = socket.create_connection(("127.0.0.1", server.port), LIMIT)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    return connection


def answered(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0])


def log(server: Server) -> str:
    return (server.group.folder / "stderr").read_text()


def running(ledger: Ledger, route: str) -> list[int]:
    """Return the steps of each loop of a route that has begun and has not ended."""
    loops = [loop for loop in ledger.loops() if loop.route == route and not loop.ended]
    return [loop.steps for loop in loops if loop.steps]


def goes_on(ledger: Ledger, route: str, loops: int = 1) -> None:
    """Wait until *loops* loops of a route run and each of them has made ten more steps."""
    until(lambda: len(running(ledger, route)) == loops)
    before = running(ledger, route)
    until(lambda: all(b + 10 <= a for b, a in zip(before, running(ledger, route), strict=True)))


def test_stop_flag_in_lifespan() -> None:
    target = "examples.traps.stop_flag_in_lifespan:app"
    with serving(UVICORN, target) as server:
        get(server, "/background")
        goes_on(server.ledger, "/background")
        os.kill(server.pid, signal.SIGTERM)
        until(lambda: "Waiting for background tasks to complete" in log(server))
        goes_on(server.ledger, "/background")
        assert "Waiting for application shutdown" not in log(server)
        server.ledger.stop()
        until(lambda: server.ended)
        assert "Application shutdown complete" in log(server)
    for kind, path in (
        (UVICORN, "/own-task"),
        (uvicorn("--timeout-graceful-shutdown", "1"), "/background"),
        (HYPERCORN, "/background"),
    ):
        with serving(kind, target) as server:
            get(server, path)
            goes_on(server.ledger, path)
            os.kill(server.pid, signal.SIGTERM)
            until(lambda: server.ended)
            assert kind == HYPERCORN or "Application shutdown complete" in log(server)


def test_is_disconnected_behind_middleware() -> None:
    with serving(UVICORN, "examples.traps.is_disconnected_behind_middleware:app") as server:
        with ask(server, "/behind/loop"):
            goes_on(server.ledger, "/behind/loop")
        with ask(server, "/loop"):
            goes_on(server.ledger, "/loop")
        until(lambda: not running(server.ledger, "/loop"))
        goes_on(server.ledger, "/behind/loop")
        server.ledger.stop()
        until(lambda: not running(server.ledger, "/behind/loop"))


def test_background_task_dropped() -> None:
    with serving(UVICORN, "examples.traps.background_task_dropped:app") as server:
        assert [get(server, path) for path in ("/raises", "/own", "/returns")] == [404, 200, 404]
        for name in ("own", "injected, returns"):
            goes_on(server.ledger, name)
        server.ledger.stop()
        os.kill(server.pid, signal.SIGTERM)
        until(lambda: server.ended)  # uvicorn has waited for every background task
        assert {loop.route for loop in server.ledger.loops()} == {"own", "injected, returns"}


def test_background_from_sync_view() -> None:
    with serving(HYPERCORN, "examples.traps.background_from_sync_view:app") as server:
        assert get(server, "/sync") == 500
        until(lambda: "RuntimeError: There is no current event loop in thread" in log(server))
        assert get(server, "/async") == 200
        goes_on(server.ledger, "/async")
        assert {loop.route for loop in server.ledger.loops()} == {"/async"}


def test_more_workers() -> None:
    kind = uvicorn("--workers", "2", "--log-level", "debug")
    with Server(kind, "examples.traps.more_workers:app") as server:
        until(lambda: server.ledger.starts == 2)  # `ready` takes the second start for a crash
        with ask(server, "/normal"), ask(server, "/normal"):
            goes_on(server.ledger, "/normal", loops=2)
            assert get(server, "/hello") == 200
            server.ledger.stop()
        with ask(server, "/blocking"):
            goes_on(server.ledger, "/blocking")
            assert get(server, "/hello") == 200
            with ask(server, "/blocking"):
                goes_on(server.ledger, "/blocking", loops=2)
                with ask(server, "/hello") as hello:
                    # The supervisor logs signals between the rounds of its health check.
                    os.kill(server.pid, signal.SIGUSR1)
                    until(lambda: log(server).count("Received signal USR1") == 1)
                    os.kill(server.pid, signal.SIGUSR1)
                    until(lambda: log(server).count("Received signal USR1") == 2)
                    goes_on(server.ledger, "/blocking", loops=2)
                    assert not answered(hello)
                    assert "died" not in log(server)
                    server.ledger.stop()
                    until(lambda: answered(hello))


def test_reload_behind_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(shutil.copy(ROOT / "examples" / "traps" / "reload_behind_loop.py", tmp_path))
    monkeypatch.chdir(tmp_path)

    def change() -> bool:
        file.touch()  # repeatedly: the reloader may not have seen the file before the change
        return all(words in log(server) for words in ("Reloading...", "Waiting for background"))

    with serving(uvicorn("--reload"), "reload_behind_loop:app") as server:
        get(server, "/background")
        goes_on(server.ledger, "/background")
        until(change)
        with ask(server, "/hello") as hello:
            goes_on(server.ledger, "/background")
            assert not answered(hello)
            assert server.ledger.starts == 1
            server.ledger.stop()
            until(lambda: server.ledger.starts == 2 and answered(hello))
    kind = uvicorn("--reload", "--timeout-graceful-shutdown", "1")
    with serving(kind, "reload_behind_loop:app") as server:
        get(server, "/background")
        goes_on(server.ledger, "/background")
        until(change)
        until(lambda: server.ledger.starts == 2)
        assert get(server, "/hello") == 200


@pytest.mark.parametrize("kind", [UVICORN, HYPERCORN], ids=["uvicorn", "hypercorn"])
def test_websocket_client_gone(kind: ServerKind) -> None:
    with serving(kind, "examples.traps.websocket_client_gone:app") as server:
        with ask(server, "/sends", UPGRADE):
            goes_on(server.ledger, "/sends")
        with ask(server, "/receives", UPGRADE):
            goes_on(server.ledger, "/receives")
        until(lambda: not running(server.ledger, "/receives"))
        if kind == HYPERCORN:
            goes_on(server.ledger, "/sends")
            server.ledger.stop()
        until(lambda: not running(server.ledger, "/sends"))


# The warning recommends httpx2; with httpx the client behaves the same.
@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient` is deprecated")
def test_in_process_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.testclient import TestClient  # noqa: PLC0415 (its warning is expected here)

    ledger = Ledger.create(tmp_path / "ledger")
    monkeypatch.setenv(PATH_VARIABLE, str(ledger.path))

    def by_test_client() -> object:
        return TestClient(app).get("/background").status_code

    async def by_transport() -> object:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), timeout=0.001) as client:
            return (await client.get("http://app/background")).status_code

    async def by_quart() -> object:
        try:
            response = await quart_app.test_client().get("/background")
            await asyncio.to_thread(goes_on, ledger, "/background")
        finally:
            ledger.stop()
        return response.status_code

    def look(get: Callable[[], object]) -> tuple[object, int]:
        return get(), ledger.generation

    ways = (by_test_client, lambda: asyncio.run(by_transport()))
    for stops, way in enumerate(ways, start=1):
        with ThreadPoolExecutor(1) as thread:
            answer = thread.submit(look, way)
            try:
                goes_on(ledger, "/background")
            finally:
                ledger.stop()
            assert answer.result(LIMIT) == (200, stops)  # the response came after the stop
    assert asyncio.run(by_quart()) == 200  # the response came while the loop ran
    with serving(UVICORN, "examples.traps.in_process_client:app") as server:
        assert get(server, "/background") == 200
        goes_on(server.ledger, "/background")
