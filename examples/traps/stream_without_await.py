"""The app streams and answers nothing else, or it logs `socket.send() raised exception.` for ever.

Why: a response waits to send only when the connection's buffers are full. While the client reads
as fast as the generator yields, the response does not yield to the event loop. After the client
has disconnected it does not yield either, and the app never notices.

Way out: write `await asyncio.sleep(0)` after each `yield`, or make the generator a plain `def`:
the framework runs it in a thread.

See it: `asgi-liveness check examples.traps.stream_without_await:app --openapi --probe /hello`
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
