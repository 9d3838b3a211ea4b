"""The contract in Quart: one endless loop, five ways to run it.

Serve it from the repository's root: ``hypercorn quart_impl.app:app``.

To copy a handler, replace ``body.step()`` by one turn of your work and ``body.running`` by your
own condition, and drop the body.
"""

import asyncio

from quart import Quart

from asgi_liveness import LoopBody
from quart_impl import remedies

app = Quart(__name__)
app.register_blueprint(remedies.blueprint)


@app.get("/hello")
async def hello() -> dict[str, str]:
    """Answer at once: what a liveness probe asks of the event loop."""
    return {"Hello": "World"}


@app.get("/hello-sync")
def hello_sync() -> dict[str, str]:
    """Answer from a worker thread: what a probe asks of the thread pool."""
    return {"Hello": "World"}


@app.get("/normal")
def normal() -> dict[str, int]:
    """Run the loop in a plain def: the framework puts it into a worker thread."""
    body = LoopBody("/normal")
    while body.running:
        body.step()
    return {"steps": body.steps}


@app.get("/blocking")
async def blocking() -> dict[str, int]:
    """Run the loop in an async def without an await: the defect, everything else freezes."""
    body = LoopBody("/blocking")
    while body.running:
        body.step()
    return {"steps": body.steps}


def background_loop() -> None:
    """Run the loop in a plain def: a background task runs it in a worker thread."""
    body = LoopBody("/background")
    while body.running:
        body.step()


@app.get("/background")
async def background() -> dict[str, str]:
    """Hand the loop to a background task and answer without waiting for it: the first fix."""
    # Quart starts a background task before the answer leaves.
    app.add_background_task(background_loop)
    return {"message": "Background task started"}


async def background_async_loop() -> None:
    """Run the loop in an async def without an await: a task runs it on the event loop."""
    body = LoopBody("/background-async")
    while body.running:
        body.step()


@app.get("/background-async")
async def background_async() -> dict[str, str]:
    """Hand an async def loop to a background task: the trap, it freezes like the defect."""
    app.add_background_task(background_async_loop)
    return {"message": "Background task started"}


@app.get("/cooperative")
async def cooperative() -> dict[str, int]:
    """Run the loop and give the event loop a turn in each of its own: the second fix."""
    body = LoopBody("/cooperative")
    while body.running:
        body.step()
        await asyncio.sleep(0)
    return {"steps": body.steps}
