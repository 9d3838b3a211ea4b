"""Quart's column where an answer may take one second, and a stream that does not say otherwise."""

import asyncio
from collections.abc import AsyncIterator

from quart import Response

from asgi_liveness import LoopBody
from quart_impl.app import app

app.config["RESPONSE_TIMEOUT"] = 1


async def plain_loop() -> AsyncIterator[str]:
    body = LoopBody("/plain")
    while body.running:
        body.step()
        yield f"data: {body.steps}\n\n"
        await asyncio.sleep(0)


@app.get("/plain")
async def plain() -> Response:
    return Response(plain_loop(), content_type="text/event-stream")
