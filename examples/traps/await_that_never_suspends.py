"""Every iteration of the loop awaits something, and the app still answers nothing else.

Why: `await` yields to the event loop only if the awaited object has to wait. A coroutine that
waits for nothing, a queue that has an item and a lock that is free continue at once.

Way out: write `await asyncio.sleep(0)` in each iteration: it always yields to the event loop.

See it: `asgi-liveness check examples.traps.await_that_never_suspends:app --openapi --probe /hello`
"""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

from asgi_liveness import LoopBody

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


async def nothing() -> None: ...


@app.get("/coroutine")
async def coroutine() -> None:
    body = LoopBody("/coroutine")
    while body.running:
        body.step()
        await nothing()


@app.get("/queue")
async def queue() -> None:
    body, items = LoopBody("/queue"), asyncio.Queue[int]()
    while body.running:
        body.step()
        await items.put(body.steps)
        await items.get()


@app.get("/lock")
async def lock() -> None:
    body, free = LoopBody("/lock"), asyncio.Lock()
    while body.running:
        async with free:
            body.step()


@app.get("/sleep")
async def sleep() -> None:
    body = LoopBody("/sleep")
    while body.running:
        body.step()
        await nothing()
        await asyncio.sleep(0)
