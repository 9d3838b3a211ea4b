"""A stream flows and all else hangs, or the log repeats `socket.send() raised exception.`

Why: sending a chunk waits only once the connection's buffers are full. While the client reads as
fast as the generator yields, the event loop gets no turn; nor after the client has left, which
the app then never notices.

Way out: `await asyncio.sleep(0)` after every `yield`, or a generator that is a plain `def`: the
framework runs that in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from asgi_liveness import LoopBody

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


async def tokens(size: int) -> AsyncIterator[str]:
    body = LoopBody("/stream")
    while body.running:
        body.step()
        yield "x" * size


@app.get("/stream")
async def stream(size: int = 10) -> StreamingResponse:
    return StreamingResponse(tokens(size))


async def awaiting_tokens() -> AsyncIterator[str]:
    body = LoopBody("/awaiting-stream")
    while body.running:
        body.step()
        yield "x" * 10
        await asyncio.sleep(0)


@app.get("/awaiting-stream")
async def awaiting_stream() -> StreamingResponse:
    return StreamingResponse(awaiting_tokens())


def plain_tokens() -> Iterator[str]:
    body = LoopBody("/plain-stream")
    while body.running:
        body.step()
        yield "x" * 10


@app.get("/plain-stream")
async def plain_stream() -> StreamingResponse:
    return StreamingResponse(plain_tokens())
