"""`Waiting for background tasks to complete`, although the lifespan's shutdown stops the loop.

Why: uvicorn waits for background tasks before it runs the lifespan's shutdown, and the loop waits
for the flag that the shutdown sets.

Way out: run the loop in a task of your own, for which uvicorn does not wait, or start uvicorn
with `--timeout-graceful-shutdown SECONDS`.

See it: `uvicorn examples.traps.stop_flag_in_lifespan:app`, then in a second terminal
`curl http://127.0.0.1:8000/background`, then Ctrl+C in the first terminal: uvicorn prints the
message and does not exit.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI

from asgi_liveness import LoopBody

stop = threading.Event()
tasks: list[asyncio.Task[None]] = []


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    stop.set()
    await asyncio.gather(*tasks)


app = FastAPI(lifespan=lifespan)


def loop(route: str) -> None:
    body = LoopBody(route)
    while body.running and not stop.is_set():
        body.step()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/background")
async def background(background_tasks: BackgroundTasks) -> dict[str, str]:
    background_tasks.add_task(loop, "/background")
    return {"message": "Background task started"}


@app.get("/own-task")
async def own_task() -> dict[str, str]:
    tasks.append(asyncio.create_task(asyncio.to_thread(loop, "/own-task")))
    return {"message": "Task started"}
