"""`run_in_executor(None, work())` blocks the app; `TypeError: 'NoneType' object is not callable`

Why: `work()` calls the function at once, on the event loop. Only its result goes to the thread,
and the error that the result is no function comes after the loop has ended. `add_task(work())` is
the same mistake; its error is `TypeError: the first argument must be callable`.

Way out: pass the function and its arguments without calling it: `run_in_executor(None, work)`,
`add_task(work)`.

See it: `asgi-liveness check examples.traps.called_not_passed:app --openapi --probe /hello`
"""

from __future__ import annotations

import asyncio

from fastapi import BackgroundTasks, FastAPI

from asgi_liveness import LoopBody

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


def work(route: str) -> None:
    body = LoopBody(route)
    while body.running:
        body.step()


@app.get("/called")
async def called() -> None:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, work("/called"))  # type: ignore[arg-type, func-returns-value]  # the mistake


@app.get("/called-task")
async def called_task(background_tasks: BackgroundTasks) -> None:
    background_tasks.add_task(work("/called-task"))  # type: ignore[arg-type, func-returns-value]  # the same


@app.get("/passed")
async def passed() -> None:
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, work, "/passed")


@app.get("/passed-task")
async def passed_task(background_tasks: BackgroundTasks) -> None:
    background_tasks.add_task(work, "/passed-task")
