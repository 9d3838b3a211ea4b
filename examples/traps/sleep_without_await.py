"""`RuntimeWarning: coroutine 'sleep' was never awaited`, and everything hangs.

Why: without `await`, `asyncio.sleep(0)` only makes a coroutine that never runs, and does not yield
to the event loop.

Way out: write `await asyncio.sleep(0)`; mypy reports the missing `await` (`unused-coroutine`).

See it: `asgi-liveness check examples.traps.sleep_without_await:app --openapi --probe /hello`
"""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

from asgi_liveness import LoopBody

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/not-awaited")
async def not_awaited() -> None:
    body = LoopBody("/not-awaited")
    while body.running:
        body.step()
        asyncio.sleep(0)  # type: ignore[unused-coroutine]  # the mistake


@app.get("/awaited")
async def awaited() -> None:
    body = LoopBody("/awaited")
    while body.running:
        body.step()
        await asyncio.sleep(0)
