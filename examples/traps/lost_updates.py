"""A counter that several loops add to is too low, and there is no error

Why: between reading the counter and writing it back, another thread may write it: its update is
lost. On the event loop another loop runs only at an `await`.

Way out: a `threading.Lock` around the read and the write, or loops on the event loop that do not
`await` between the two.
"""

from __future__ import annotations

import asyncio
import threading

from fastapi import BackgroundTasks, FastAPI

from asgi_liveness import LoopBody

app = FastAPI()
counters = {"/threads": 0, "/locked": 0, "/cooperative": 0}
lock = threading.Lock()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/counters")
async def read_counters() -> dict[str, int]:
    return counters


def update(body: LoopBody) -> None:
    count = counters[body.route]
    body.step()  # whatever it does: another thread may run before it comes back
    counters[body.route] = count + 1


def thread_loop() -> None:
    body = LoopBody("/threads")
    while body.running:
        update(body)


def locked_loop() -> None:
    body = LoopBody("/locked")
    while body.running:
        with lock:
            update(body)


async def cooperative_loop() -> None:
    body = LoopBody("/cooperative")
    while body.running:
        update(body)
        await asyncio.sleep(0)


@app.get("/threads")
async def threads(background_tasks: BackgroundTasks) -> None:
    background_tasks.add_task(thread_loop)


@app.get("/locked")
async def locked(background_tasks: BackgroundTasks) -> None:
    background_tasks.add_task(locked_loop)


@app.get("/cooperative")
async def cooperative(background_tasks: BackgroundTasks) -> None:
    background_tasks.add_task(cooperative_loop)
