"""A request gives up its thread after a timeout, and then the app answers nothing any more.

Why: at its end, `with ThreadPoolExecutor()` waits until all of its threads have ended, and it
waits on the event loop; a timeout ends no thread.

Way out: make one executor for the whole app, outside the request and without `with`.

See it: `asgi-liveness check examples.traps.executor_in_with:app --openapi --probe /hello`
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI

from asgi_liveness import LoopBody

TIMEOUT = 0.1  # seconds

app = FastAPI()
logger = logging.getLogger(__name__)
app_pool = ThreadPoolExecutor()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


def work(route: str) -> None:
    body = LoopBody(route)
    while body.running:
        body.step()


async def work_or_give_up(pool: ThreadPoolExecutor, route: str) -> None:
    in_thread = asyncio.get_running_loop().run_in_executor(pool, work, route)
    try:
        await asyncio.wait_for(in_thread, TIMEOUT)
    except TimeoutError:
        logger.warning("%s timed out", route)


@app.get("/with")
async def with_block() -> None:
    with ThreadPoolExecutor() as pool:
        await work_or_give_up(pool, "/with")


@app.get("/without")
async def without() -> None:
    await work_or_give_up(app_pool, "/without")
