"""A route gives its work to a task queue, and the app answers nothing until the work is done.

Why: `.get()` of a result blocks its thread until a worker has ended the job. In an `async def`
route that thread is the event loop's, so the app waits as if it did the work itself.

Way out: return the id of the job and let the client ask for it, as `/queued` does. If the response
must have the result, wait for it in a thread.

See it: `asgi-liveness check examples.traps.result_awaited_by_get:app --openapi --probe /hello`
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from huey import MemoryHuey

from asgi_liveness import LoopBody

queue = MemoryHuey()


@queue.task()
def work(route: str) -> int:
    body = LoopBody(route)
    while body.running:
        body.step()
    return body.steps


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # The worker is in this process, so that one command shows the trap. It could be anywhere.
    worker = queue.create_consumer(workers=2, periodic=False)
    for _, thread in worker.worker_threads:
        thread.start()
    yield
    worker.stop()


app = FastAPI(lifespan=lifespan)


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/get")
async def get() -> dict[str, int]:
    return {"steps": work("/get").get(blocking=True)}


@app.get("/in-thread")
async def in_thread() -> dict[str, int]:
    result = work("/in-thread")
    return {"steps": await asyncio.to_thread(result.get, blocking=True)}
