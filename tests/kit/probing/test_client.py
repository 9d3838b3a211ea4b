"""The client: it asks its own target only, and keeps no more of a response than a limit."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest

from asgi_liveness.probing import client as clients
from asgi_liveness.probing.client import MOST, ForeignOrigin, open_client
from asgi_liveness.probing.request import Reading, Request, finish, send_once

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LIMIT = 20.0  # seconds


@contextlib.asynccontextmanager
async def serving(
    *parts: bytes, endless: bytes = b"", most: int = MOST
) -> AsyncIterator[tuple[httpx.AsyncClient, list[bytes]]]:
    """A client of a server that sends *parts*, then *endless* for ever; and the heads it got."""
    heads: list[bytes] = []
    tasks = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            heads.append(await reader.readuntil(b"\r\n\r\n"))
            writer.writelines(parts)
            while endless:
                writer.write(endless)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with open_client(url, most=most) as client:
            yield client, heads
        await asyncio.gather(*filter(None, tasks))


def test_an_endless_body_is_cut_and_still_an_answer() -> None:
    async def act() -> None:
        async with serving(HEAD, b"\r\n", endless=b"x" * 2**16) as (client, _):
            response = await asyncio.wait_for(send_once(client, "GET", "/any"), LIMIT)
        assert (response.status, response.error) == (200, "")
        assert MOST <= len(str(response.body)) < 2 * MOST

    asyncio.run(act())


def test_every_way_to_ask_has_the_limit() -> None:
    async def act() -> None:
        async with serving(HEAD, b"\r\n", endless=b"x" * 2**16, most=2**17) as (client, _):
            response = await asyncio.wait_for(client.get("/openapi.json"), LIMIT)
        assert response.status_code == 200
        assert len(response.content) < 2**19

    asyncio.run(act())


def test_a_body_that_grows_when_it_is_unpacked_stays_packed() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = packer.compress(bytes(2**26)) + packer.flush()
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)

    async def act() -> None:
        async with serving(head, bomb) as (client, heads):
            response = await asyncio.wait_for(client.get("/any"), LIMIT)
        assert response.content == bomb
        assert b"accept-encoding: identity" in heads[0].lower()

    asyncio.run(act())


def test_a_body_that_is_not_kept_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MOST", 10)
    body = b"x" * 10_000

    async def act() -> None:
        async with serving(HEAD, b"Content-Length: 10000\r\n\r\n", body, most=10) as (
            client,
            heads,
        ):
            request = Request("/any", time.monotonic(), reading=Reading.WITH_RESTS)
            request.send(client)
            assert await finish([request])
        assert request.response is not None
        assert request.response.status == 200
        # The app compresses as it does for a browser: that may be what blocks.
        assert b"accept-encoding: gzip" in heads[0].lower()

    asyncio.run(act())


def test_a_given_encoding_is_the_only_one() -> None:
    async def act() -> None:
        async with serving(HEAD, b"Content-Length: 0\r\n\r\n") as (client, heads):
            headers = (("accept-encoding", "br"),)
            request = Request("/any", time.monotonic(), headers=headers, reading=Reading.WITH_RESTS)
            request.send(client)
            assert await finish([request])
        assert heads[0].lower().count(b"accept-encoding") == 1

    asyncio.run(act())


@pytest.mark.parametrize(
    "path",
    ["http://127.0.0.1:1/x", "https://127.0.0.1/x", "http://localhost:{port}/x", "ftp://a/x"],
)
def test_another_origin_is_never_asked(path: str) -> None:
    async def act() -> None:
        async with serving(HEAD, b"Content-Length: 0\r\n\r\n") as (client, heads):
            elsewhere = path.format(port=client.base_url.port)
            headers = (("Authorization", "Bearer s3cret-token"),)
            request = Request(elsewhere, time.monotonic(), headers=headers)
            request.send(client)
            assert await finish([request])
            with pytest.raises(ForeignOrigin):
                await client.get(elsewhere)
        assert heads == []
        assert request.response is not None
        assert request.response.error.startswith("ForeignOrigin not sent: ")
        assert "s3cret" not in request.response.error

    asyncio.run(act())


def test_two_slashes_are_a_path_of_the_target() -> None:
    async def act() -> None:
        async with serving(HEAD, b"Content-Length: 0\r\n\r\n") as (client, heads):
            await client.get("//elsewhere/x")
        assert len(heads) == 1

    asyncio.run(act())


def test_no_redirect_is_followed() -> None:
    moved = b"HTTP/1.1 307 Away\r\nContent-Length: 0\r\nLocation: /b\r\n\r\n"

    async def act() -> None:
        async with serving(moved) as (client, heads):
            assert (await send_once(client, "GET", "/a")).status == 307
        assert len(heads) == 1

    asyncio.run(act())


@pytest.mark.parametrize(
    "cookie", [b"a=b", b"\xff\xfe=\xff", b"a=b; expires=" + b"9" * 400, b"=;;="]
)
def test_no_cookie_is_kept_or_sent_back(cookie: bytes) -> None:
    async def act() -> None:
        head = HEAD + b"Set-Cookie: " + cookie + b"\r\nContent-Length: 0\r\n\r\n"
        async with serving(head) as (client, heads):
            for _ in range(2):
                response = await send_once(client, "GET", "/any")
                assert (response.status, response.error) == (200, "")
        assert b"cookie" not in b"".join(heads).lower()

    asyncio.run(act())


@pytest.mark.parametrize("path", [f"/{'a' * 70_000}", "/\udcff", "http://[::1/x"])
def test_a_path_that_cannot_be_sent_is_an_error_response(path: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"

        async def act() -> None:
            async with open_client(url) as client:
                response = await send_once(client, "GET", path)
                assert response.status == 0
                assert 0 < len(response.error) <= 500

        asyncio.run(act())


@pytest.mark.parametrize("charset", ["zlib", "undefined", "no-such", "utf-16", "idna"])
def test_a_charset_changes_nothing(charset: str) -> None:
    packed = zlib.compress(bytes(2**16))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=%s\r\n" % charset.encode()

    async def act() -> None:
        async with serving(head, b"Content-Length: %d\r\n\r\n" % len(packed), packed) as (
            client,
            _,
        ):
            response = await send_once(client, "GET", "/any")
        assert response.status == 200
        assert response.body == packed.decode(errors="replace")

    asyncio.run(act())


def test_json_that_is_nested_too_deep_is_a_text() -> None:
    deep = b"[" * 200_000
    head = HEAD + b"Content-Length: 200000\r\n\r\n"

    async def act() -> None:
        async with serving(head, deep) as (client, _):
            response = await send_once(client, "GET", "/any")
        assert response.content_type.endswith("(and not JSON)")

    asyncio.run(act())
