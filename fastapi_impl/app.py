"""The contract in FastAPI: one endless loop, run in five ways.

Serve it from the repository's root: ``uvicorn fastapi_impl.app:app``.

To copy a handler, replace ``body.step()`` by one iteration of your work and ``body.running`` by
your own condition, and delete the line that makes the body.
"""

import asyncio

from fastapi import BackgroundTasks, FastAPI

from asgi_liveness import LoopBody
from fastapi_impl import remedies

app = FastAPI()
app.include_router(remedies.router)


@app.get("/hello")
async def hello() -> dict[str, str]:
    """Return at once: a liveness probe calls this route to see that the event loop runs."""
    return {"Hello": "World"}


@app.get("/hello-sync")
def hello_sync() -> dict[str, str]:
    """Return from a worker thread: this route needs a free thread in the thread pool."""
    return {"Hello": "World"}


@app.get("/normal")
def normal() -> dict[str, int]:
    """Run the loop in a plain def: the framework calls it in a worker thread."""
    body = LoopBody("/normal")
    while body.running:
        body.step()
    return {"steps": body.steps}


@app.get("/blocking")
async def blocking() -> dict[str, int]:
    """Run the loop in an async def without an await: the defect, it blocks the event loop."""
    body = LoopBody("/blocking")
    while body.running:
        body.step()
    return {"steps": body.steps}


def background_loop() -> None:
    """Run the loop in a plain def: a background task calls it in a worker thread."""
    body = LoopBody("/background")
    while body.running:
        body.step()


@app.get("/background")
async def background(background_tasks: BackgroundTasks) -> dict[str, str]:
    """Give the loop to a background task and return without waiting for it: the first fix."""
    # FastAPI starts a background task after it has sent the response.
    background_tasks.add_task(background_loop)
    return {"message": "Background task started"}


async def background_async_loop() -> None:
    """Run the loop in an async def without an await: a background task blocks the event loop."""
    body = LoopBody("/background-async")
    while body.running:
        body.step()


@app.get("/background-async")
async def background_async(background_tasks: BackgroundTasks) -> dict[str, str]:
    """Give an async def loop to a background task: the trap, it blocks like the defect."""
    background_tasks.add_task(background_async_loop)
    return {"message": "Background task started"}


@app.get("/cooperative")
async def cooperative() -> dict[str, int]:
    """Run the loop and yield to the event loop in each iteration: the second fix."""
    body = LoopBody("/cooperative")
    while body.running:
        body.step()
        await asyncio.sleep(0)
    return {"steps": body.steps}
