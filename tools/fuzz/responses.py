"""Inputs from a server: damaged and endless responses, and OpenAPI documents."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.checking import openapi
from asgi_liveness.foreign import MOST
from asgi_liveness.probing.client import open_client
from asgi_liveness.probing.request import send_once
from tools.fuzz import values
from tools.fuzz.ran import Ran

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator
    from pathlib import Path

_HEADERS: Final = (
    *("Content-Type: application/json", "Content-Type: text/x; charset=zlib", "Content-Length: 5"),
    *("Content-Length: -1", "Content-Length: x", "Transfer-Encoding: chunked", "Connection: close"),
    *("Content-Encoding: gzip", "Content-Encoding: br", "Location: http://127.0.0.1:1/x"),
    *(
        "Location: //evil",
        "Location: \xff",
        "Set-Cookie: a=\xff",
        "Set-Cookie: ;=;",
        "Retry-After: x",
    ),
    *("X: " + "y" * 70_000, "", "no colon", ": no name", "X\0: y", "X: \x1b[2J", " folded"),
)
_STARTS: Final = (
    *(
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200",
        "HTTP/1.1 999 \x1b[2J",
        "HTTP/1.1 307 Moved",
        "HTTP/9.9 1",
    ),
    *("HTTP/1.1 100 Continue", "HTTP/1.1 101 Switching", "HTTP/1.1 204 None", "garbage", ""),
)


@contextlib.asynccontextmanager
async def _serving(said: bytes, *, endless: bool) -> AsyncIterator[str]:
    """The URL of a server that answers every request with *said*, and perhaps for ever."""
    tasks = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            while endless:
                writer.write(b" " * 2**16)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await asyncio.gather(*filter(None, tasks))


def documents(rng: random.Random, folder: Path) -> Ran:
    """Read an OpenAPI document that is damaged, hostile or endless."""
    del folder
    paths: dict[str, Any] = {
        rng.choice(("", "/")) + values.text(rng): {"get": {"parameters": []}} for _ in range(3)
    }
    document = values.mutated({"openapi": "3.1.0", "paths": {"/a": {"get": {}}, **paths}}, rng)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    said = head + document.encode(errors="surrogatepass")
    endless = rng.random() < 0.1  # noqa: PLR2004 (one in ten)

    async def read() -> list[str] | None:
        async with _serving(said, endless=endless) as url:
            return await openapi.plain_gets(url)

    ran = Ran()
    for path in asyncio.run(read()) or []:
        own = path.startswith("/") and not path.startswith("//")
        ran.require(own, f"{path!r} is another host's")
        fit = not any(character.isspace() or ord(character) < ord(" ") for character in path)
        ran.require(fit, f"{path!r} cannot be requested")
    return ran


def responses(rng: random.Random, folder: Path) -> Ran:
    """Send a request to a server whose responses are damaged, hostile or endless."""
    del folder
    lines = [rng.choice(_STARTS), *rng.choices(_HEADERS, k=rng.randint(0, 4)), "", ""]
    body = json.dumps(values.value(rng)) if rng.random() < 0.5 else values.text(rng)  # noqa: PLR2004 (even)
    said = "\r\n".join(lines).encode("latin-1") + body.encode(errors="surrogatepass")
    endless = rng.random() < 0.2  # noqa: PLR2004 (one in five)
    path = rng.choice(("/a", "/a", values.text(rng)))

    async def send() -> Ran:
        ran = Ran(repr(said[:1000]))
        async with _serving(said, endless=endless) as url, open_client(url) as client:
            response = await send_once(client, "GET", path)
        ran.require(len(response.error) <= MOST, "the error is too long")
        ran.require(response.error.isprintable(), "the error is not plain")
        ran.require(len(str(response.body)) < 2**22, "too much of the body was kept")
        return ran

    return asyncio.run(send())
