"""A WebSocket is opened, read and ended as any request, and never waits for its server to end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from asgi_liveness.probing.client import open_client
from asgi_liveness.probing.request import finish
from asgi_liveness.probing.websocket import WebSocketRequest

Handler = Callable[[ServerConnection], Awaitable[None]]
CLOSED = 8.0  # seconds: far more than an end takes that waits for nobody


@asynccontextmanager
async def serving(handler: Handler, **settings: Any) -> AsyncIterator[str]:
    """Serve WebSockets in the event loop of the test."""
    server: Server
    async with serve(handler, "127.0.0.1", 0, **settings) as server:
        yield f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


def opened(
    handler: Handler, path: str = "/ws", seconds: float = 0.0, **changes: Any
) -> WebSocketRequest:
    """Open a WebSocket; wait for its end, or cancel it after *seconds*."""
    settings = changes.pop("settings", {})

    async def run() -> WebSocketRequest:
        async with serving(handler, **settings) as url, open_client(url) as client:
            request = WebSocketRequest(path, time.monotonic(), "WS", **changes)
            request.send(client)
            if seconds:
                await asyncio.sleep(seconds)
                request.task.cancel()
            await finish([request])
            return request

    return asyncio.run(run())


async def silent(connection: ServerConnection) -> None:
    await connection.wait_closed()


def test_an_accepted_websocket_has_status_101_while_it_is_open() -> None:
    request = opened(silent, seconds=0.3)
    assert request.response
    assert (request.response.status, request.response.error, request.response.closed) == (
        101,
        "",
        0,
    )
    assert request.as_sent.response is request.response
    assert request.task.cancelled()


def test_headers_path_and_query_go_along() -> None:
    seen: list[Any] = []

    async def handler(connection: ServerConnection) -> None:
        assert connection.request
        headers = connection.request.headers
        seen.append((connection.request.path, headers["X-Token"], headers.get_all("Host")))
        seen.append((connection.subprotocol, headers["Cookie"], headers["User-Agent"]))

    opened(
        handler,
        "/ws/ü?a=b c#d",
        headers=(
            *(("X-Token", "t"), ("Host", "shop.example"), ("Cookie", "a=b"), ("User-Agent", "me")),
            *(("Sec-WebSocket-Protocol", "chat, other"), ("Connection", "close")),
        ),
        settings={"subprotocols": [Subprotocol("chat")]},
    )
    assert seen == [("/ws/%C3%BC?a=b%20c", "t", ["shop.example"]), ("chat", "a=b", "me")]


@pytest.mark.parametrize(("body", "message"), [(b'{"a": 1}', '{"a": 1}'), (b"\xff", b"\xff")])
def test_the_body_is_the_first_message(body: bytes, message: str | bytes) -> None:
    seen: list[str | bytes] = []

    async def handler(connection: ServerConnection) -> None:
        seen.append(await connection.recv())

    opened(handler, body=body)
    assert seen == [message]


@pytest.mark.parametrize(
    ("code", "error", "closed"),
    [
        (1000, "", 0),
        (1001, "", 0),
        (1011, "closed with 1011 because", 1011),
        (4401, "closed with 4401 because", 4401),
    ],
)
def test_the_code_of_an_end_is_kept_unless_it_is_regular(
    code: int, error: str, closed: int
) -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.close(code, "because")

    response = opened(handler).response
    assert response
    assert (response.status, response.error, response.closed) == (101, error, closed)


def test_a_connection_that_breaks_is_an_error() -> None:
    async def handler(connection: ServerConnection) -> None:
        connection.transport.abort()

    response = opened(handler).response
    assert response
    assert response.error == "the connection broke"


def test_a_message_without_bounds_ends_the_websocket() -> None:
    async def handler(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await connection.send("x" * (5 * 2**20))
            await connection.wait_closed()

    response = opened(handler).response
    assert response
    assert response.error == "a message had more than 4 MiB"


def test_a_flood_of_messages_leaves_the_prober_its_time() -> None:
    sent = 0

    async def handler(connection: ServerConnection) -> None:
        nonlocal sent
        with contextlib.suppress(ConnectionClosed):
            while True:
                await connection.send("x")
                sent += 1
                await asyncio.sleep(0)

    request = opened(handler, seconds=0.5)
    assert request.response
    assert request.response.error == ""
    assert sent > 100


# Handshakes that are not accepted.


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refused_handshake_has_its_status(status: int) -> None:
    settings = {"process_request": lambda c, _: c.respond(status, "s3cret\n")}
    response = opened(silent, settings=settings).response
    assert response
    assert (response.status, response.error) == (status, "")


def test_a_redirect_is_not_followed_to_any_host() -> None:
    asked: list[str] = []

    async def elsewhere(_: ServerConnection) -> None:
        asked.append("elsewhere")

    async def run() -> WebSocketRequest:
        def redirect(connection: ServerConnection, _: Any) -> Any:
            response = connection.respond(302, "")
            response.headers["Location"] = other.replace("http", "ws")
            return response

        async with (
            serving(elsewhere) as other,
            serving(silent, process_request=redirect) as url,
            open_client(url) as client,
        ):
            request = WebSocketRequest("/ws", time.monotonic(), "WS", (("Cookie", "a=b"),))
            request.send(client)
            await finish([request])
        assert request.response
        assert request.response.location == other.replace("http", "ws")
        return request

    assert (response := asyncio.run(run()).response)
    assert (response.status, asked) == (302, [])


def test_a_server_without_websockets_is_an_error() -> None:
    async def run() -> WebSocketRequest:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 welcome\r\n")
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, open_client(f"http://127.0.0.1:{port}") as client:
            request = WebSocketRequest("/ws", time.monotonic(), "WS")
            request.send(client)
            await finish([request])
        return request

    response = asyncio.run(run()).response
    assert response
    assert response.error.startswith("InvalidMessage")


def test_a_port_on_which_nobody_listens_is_an_error() -> None:
    async def run() -> WebSocketRequest:
        async with open_client("http://127.0.0.1:1") as client:
            request = WebSocketRequest("/ws", time.monotonic(), "WS")
            request.send(client)
            await finish([request])
        return request

    response = asyncio.run(run()).response
    assert response
    assert response.error.startswith("ConnectionRefusedError")


# Its end.


def test_the_end_waits_for_no_server_that_is_frozen() -> None:
    async def run() -> tuple[float, WebSocketRequest]:
        async def freeze(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await over.wait()
            writer.close()

        over = asyncio.Event()
        server = await asyncio.start_server(freeze, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, open_client(f"http://127.0.0.1:{port}") as client:
            request = WebSocketRequest("/ws", time.monotonic(), "WS")
            request.send(client)
            await asyncio.sleep(0.2)
            began = time.monotonic()
            request.task.cancel()
            await finish([request])
            took = time.monotonic() - began
            over.set()
        return took, request

    took, request = asyncio.run(run())
    assert took < CLOSED
    assert request.response is None


def test_a_client_does_not_wait_for_a_closing_handshake() -> None:
    over = asyncio.Event()

    async def stubborn(connection: ServerConnection) -> None:
        connection.transport.pause_reading()
        await over.wait()

    async def run() -> float:
        async with serving(stubborn, close_timeout=0.1) as url, open_client(url) as client:
            request = WebSocketRequest("/ws", time.monotonic(), "WS")
            request.send(client)
            await asyncio.sleep(0.2)
            began = time.monotonic()
            request.task.cancel()
            await finish([request])
            took = time.monotonic() - began
            over.set()
        return took

    assert asyncio.run(run()) < CLOSED / 4
