"""A counter that several loops increment is too low, and there is no error.

Why: after one thread has read the counter and before it writes the sum, another thread may write
the counter: that update is lost. On the event loop another loop runs only at an `await`.

Way out: hold a `threading.Lock` during the read and the write, or run the loops on the event loop
and do not `await` between the two.

See it: `nox -s columns -- -k lost_updates`, a test that compares the counter with the steps of
two loops.
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
    body.step()  # another thread may run before this call returns
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
