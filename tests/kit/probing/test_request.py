"""One request and its response, against a server that sends the bytes of the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from asgi_liveness.probing import request as requesting
from asgi_liveness.probing.request import (
    Reading,
    Request,
    fetch,
    finish,
    send_once,
)
from tests.waiting import until_async

OK = b"HTTP/1.1 200 OK\r\n"
EVENTS = OK + b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b"9\r\ndata: 1\n\n\r\n"
LAST = b"0\r\n\r\n"
LIMIT = 10.0  # seconds

Respond = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def whole(body: bytes, content_type: str = "application/json", more: bytes = b"") -> bytes:
    head = f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n".encode()
    return OK + head + more + b"\r\n" + body


@contextlib.asynccontextmanager
async def client_of(respond: Respond) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that reads a request's head and leaves the rest to *respond*."""

    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await respond(await reader.readuntil(b"\r\n\r\n"), writer)
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        async with httpx.AsyncClient(base_url=url, timeout=None, trust_env=False) as client:  # noqa: S113 (as the kit's)
            yield client
        for task in filter(None, serving):
            await task


def sending(*parts: bytes) -> Respond:
    async def respond(_: bytes, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)

    return respond


async def send_nothing(_: bytes, __: asyncio.StreamWriter) -> None: ...


async def hang_up(_: bytes, writer: asyncio.StreamWriter) -> None:
    writer.close()


def test_a_response_has_the_fields_that_cases_read() -> None:
    async def act() -> None:
        more = b"Location: /jobs/1\r\nRetry-After: 7\r\n"
        async with client_of(sending(whole(b'{"steps": 3}', more=more))) as client:
            first, second = (
                await send_once(client, "GET", "/any"),
                await send_once(client, "GET", "/any"),
            )
            assert (first.status, first.content_type) == (200, "application/json")
            assert (first.body, first.error) == ({"steps": 3}, "")
            assert (first.location, first.retry_after) == ("/jobs/1", "7")
            assert first.connection == second.connection is not None
            async with client_of(sending(whole(b"1"))) as other:
                assert (await send_once(other, "GET", "/any")).connection != first.connection

    asyncio.run(act())


@pytest.mark.parametrize(
    ("body", "content_type", "read_as"),
    [
        (b"hello", "text/plain", ("text/plain", "hello")),
        (b"{", "application/json", ("application/json (and not JSON)", "{")),
        (b'"x"', "application/json; charset=utf-8", ("application/json; charset=utf-8", "x")),
    ],
)
def test_a_body_is_parsed_if_it_is_json(
    body: bytes, content_type: str, read_as: tuple[str, str]
) -> None:
    async def act() -> None:
        async with client_of(sending(whole(body, content_type))) as client:
            response = await send_once(client, "GET", "/any")
            assert (response.content_type, response.body) == read_as
            assert (response.location, response.retry_after) == ("", "")

    asyncio.run(act())


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_request_has_its_method_and_path(method: str) -> None:
    async def echo(head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(whole(json.dumps(head.decode().split("\r\n", 1)[0]).encode()))

    async def act() -> None:
        async with client_of(echo) as client:
            assert (await send_once(client, method, "/jobs/1")).body == f"{method} /jobs/1 HTTP/1.1"

    asyncio.run(act())


@pytest.mark.parametrize(
    ("respond", "error"),
    [
        (hang_up, "RemoteProtocolError Server disconnected"),
        (sending(b"gibberish\r\n\r\n"), "RemoteProtocolError illegal"),
    ],
)
def test_an_error_of_the_client_stands_for_the_response(respond: Respond, error: str) -> None:
    async def act() -> None:
        async with client_of(respond) as client:
            response = await send_once(client, "GET", "/any")
            assert (response.status, response.body) == (0, None)
            assert response.error.startswith(error)
            assert response.refused

    asyncio.run(act())


def test_a_response_that_does_not_come_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requesting, "LIMIT", 0.2)

    async def act() -> None:
        async with client_of(send_nothing) as client:
            response = await send_once(client, "GET", "/any")
            assert (response.status, response.error) == (0, "no answer within 0 s")

    asyncio.run(act())


def test_a_stream_has_its_response_before_its_end() -> None:
    writers = []

    async def begin(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + EVENT)
        writers.append(writer)

    async def act() -> None:
        async with client_of(begin) as client:
            request = Request("/streamed", time.monotonic(), reading=Reading.UNPARSED)
            request.send(client)
            await until_async(lambda: request.response is not None)
            assert request.response is not None
            assert (request.response.status, request.response.body) == (200, "")
            assert request.response.content_type == "text/event-stream"
            assert request.response.connection is not None
            assert not request.task.done()
            # The last chunk may come in two parts, and the connection stays open.
            writers[0].write(EVENT + LAST[:2])
            await writers[0].drain()
            assert not request.task.done()
            writers[0].write(LAST[2:])
            await asyncio.wait_for(request.task, LIMIT)

    asyncio.run(act())


def test_a_stream_that_is_cut_has_its_response() -> None:
    async def cut(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + EVENT)
        writer.close()

    async def act() -> None:
        async with client_of(cut) as client:
            request = Request("/streamed", time.monotonic(), reading=Reading.UNPARSED)
            request.send(client)
            assert await finish([request])
            assert request.response is not None
            assert (request.response.status, request.response.error) == (200, "")

    asyncio.run(act())


@pytest.mark.parametrize("status", [b"503 Service Unavailable", b"404 Not Found"])
def test_an_error_response_of_a_stream_has_an_end_and_a_body(status: bytes) -> None:
    refusal = whole(b'{"detail": "full"}').replace(b"200 OK", status)

    async def act() -> None:
        async with client_of(sending(refusal)) as client:
            request = Request("/streamed", time.monotonic(), reading=Reading.UNPARSED)
            request.send(client)
            await asyncio.wait_for(request.task, LIMIT)
            assert request.response is not None
            assert request.response.body == {"detail": "full"}

    asyncio.run(act())


def test_finish_cancels_requests_without_a_response(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requesting, "LIMIT", 0.2)

    async def act() -> None:
        async with client_of(send_nothing) as silent, client_of(sending(whole(b"1"))) as good:
            requests = [Request("/any", time.monotonic()) for _ in range(2)]
            for request, client in zip(requests, (silent, good), strict=True):
                request.send(client)
            before = requests[1].as_sent
            await requests[1].task  # a busy machine may need longer for it than the limit
            assert await finish(requests) is False
            assert [request.task.done() for request in requests] == [True, True]
            assert requests[0].response is None
            assert requests[1].response is not None
            assert before.response is None  # a copy of the request before its response
            assert await finish([requests[1]]) is True

    asyncio.run(act())


def test_finish_accepts_an_empty_list() -> None:
    assert asyncio.run(finish([])) is True


def test_a_bug_in_the_kit_is_raised() -> None:
    async def act() -> None:
        async with client_of(sending(whole(b"1"))) as client:
            request = Request("no path", time.monotonic())
            request.send(client)
            request.task.cancel()
            assert await finish([request]) is True  # cancelled, as by a disconnect

            broken = Request("/any", time.monotonic(), method=3)  # type: ignore[arg-type]  # on purpose
            broken.send(client)
            with pytest.raises(AttributeError):
                await finish([broken])

    asyncio.run(act())


def test_a_closed_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    response = asyncio.run(fetch(f"http://127.0.0.1:{port}", "GET", "/hello"))
    assert response.status == 0
    assert response.error.startswith("ConnectError")
