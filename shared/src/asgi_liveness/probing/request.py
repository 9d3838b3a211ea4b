"""One request and its response, as a client outside of the server sees them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

import httpcore
import httpx

from asgi_liveness.foreign import MOST, plain
from asgi_liveness.probing.client import ENDLESS, open_client
from asgi_liveness.probing.response import Response, SentRequest

if TYPE_CHECKING:
    from collections.abc import Sequence


LIMIT: Final = 5.0
"""Seconds that the suite waits for a step of a loop, for its end and for a last response."""
_REST: Final = 0.02
"""Seconds between two reads of an endless stream: to read each event would delay the probes."""
_CHUNKS: Final = 100
"""Chunks to read between two rests."""
_COMPRESSED: Final = ("Accept-Encoding", "gzip, deflate, br")
"""As browsers ask."""
_LAST_CHUNK: Final = b"0\r\n\r\n"


class Reading(Enum):
    """How to read the body of a response."""

    WHOLE = auto()
    """To its end, or as much as the client keeps, and keep it."""
    WITH_RESTS = auto()
    """As it comes, and discard it: the body may be long or endless."""
    UNPARSED = auto()
    """As ``WITH_RESTS``, but without the HTTP parser, which would use a whole processor for an
    endless stream of tiny chunks."""


@dataclass
class Request:
    """A request under way, and its response once it has come."""

    path: str
    due: float
    method: str = "GET"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    reading: Reading = Reading.WHOLE
    sent: float = 0.0
    response: Response | None = None
    task: asyncio.Task[None] = field(init=False)

    def send(self, client: httpx.AsyncClient) -> None:
        """Send the request now, in a task."""
        self.sent = time.monotonic()
        self.task = asyncio.create_task(self._run(client))

    async def _run(self, client: httpx.AsyncClient) -> None:
        is_kept = self.reading is Reading.WHOLE
        extensions = {} if is_kept else ENDLESS
        headers = list(self.headers)
        # What compresses a response may be what blocks; a body that is discarded costs nothing.
        if not is_kept and "accept-encoding" not in {name.lower() for name, _ in headers}:
            headers.append(_COMPRESSED)
        try:
            async with client.stream(
                self.method, self.path, headers=headers, content=self.body, extensions=extensions
            ) as response:
                # Read before the end of the body: a closed connection has no address.
                stream = response.extensions["network_stream"]
                connection = stream.get_extra_info("client_addr")
                # An error response ends, also on a route with an endless stream.
                if self.reading is Reading.UNPARSED and response.is_success:
                    self.response = _read(response, connection, "")
                    await _drain(stream)
                    return
                if self.reading is Reading.WITH_RESTS:
                    self.response = _read(response, connection, "")
                    await _read_with_rests(response)
                    return
                await response.aread()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            message = plain(f"{type(error).__name__} {error}".strip(), MOST)
            self.response = self.response or Response(at=time.monotonic(), error=message)
        else:
            # An app may name any charset, some of which decode to gigabytes.
            text = response.content.decode(errors="replace")
            self.response = _read(response, connection, text)

    @property
    def as_sent(self) -> SentRequest:
        """A copy of the request as it is now."""
        return SentRequest(self.path, self.due, self.sent, self.response)


async def _drain(stream: httpcore.AsyncNetworkStream) -> None:
    """Read an endless body without the HTTP parser, which would use a whole processor."""
    tail = b""
    with contextlib.suppress(httpcore.ReadError):
        while not tail.endswith(_LAST_CHUNK) and (data := await stream.read(2**20)):
            tail = (tail + data)[-len(_LAST_CHUNK) :]
            await asyncio.sleep(_REST)


async def _read_with_rests(response: httpx.Response) -> None:
    """Read a body to its end, with rests, so that many small chunks do not delay the probes."""
    chunks = 0
    async for _ in response.aiter_raw():
        chunks += 1
        if not chunks % _CHUNKS:
            await asyncio.sleep(_REST)


def _read(response: httpx.Response, connection: object, text: str) -> Response:
    content_type = response.headers.get("content-type", "")
    body: object = text
    if content_type.startswith("application/json"):
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            content_type += " (and not JSON)"
    return Response(
        at=time.monotonic(),
        status=response.status_code,
        content_type=content_type,
        body=body,
        connection=connection,
        location=response.headers.get("location", ""),
        retry_after=response.headers.get("retry-after", ""),
    )


async def fetch(url: str, method: str, path: str) -> Response:
    """Send one plain request to the server at *url*, as ``send_once`` does."""
    async with open_client(url) as client:
        return await send_once(client, method, path)


async def send_once(client: httpx.AsyncClient, method: str, path: str) -> Response:
    """Send one plain request; without a response, return one with an error."""
    request = Request(path, time.monotonic(), method)
    request.send(client)
    await finish([request])
    if request.response is None:
        return Response(at=time.monotonic(), error=f"no answer within {LIMIT:.0f} s")
    return request.response


async def finish(requests: list[Request]) -> bool:
    """Wait for the requests; return whether all of them ended within ``LIMIT``."""
    tasks = [request.task for request in requests]
    if not tasks:
        return True
    done, pending = await asyncio.wait(tasks, timeout=LIMIT)
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)
    for task in done:
        if not task.cancelled():
            task.result()  # an error of httpx became a response; any other is a bug in the kit
    return not pending
