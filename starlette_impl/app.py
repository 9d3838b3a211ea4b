"""The contract in Starlette: one endless loop, run in five ways.

Serve it from the repository's root: ``uvicorn starlette_impl.app:app``.

To copy a handler, replace ``body.step()`` by one iteration of your work and ``body.running`` by
your own condition, and delete the line that makes the body.
"""

import asyncio

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from asgi_liveness import LoopBody
from starlette_impl import remedies


async def hello(request: Request) -> JSONResponse:
    """Return at once: a liveness probe calls this route to see that the event loop runs."""
    return JSONResponse({"Hello": "World"})


def hello_sync(request: Request) -> JSONResponse:
    """Return from a worker thread: this route needs a free thread in the thread pool."""
    return JSONResponse({"Hello": "World"})


def normal(request: Request) -> JSONResponse:
    """Run the loop in a plain def: the framework calls it in a worker thread."""
    body = LoopBody("/normal")
    while body.running:
        body.step()
    return JSONResponse({"steps": body.steps})


async def blocking(request: Request) -> JSONResponse:
    """Run the loop in an async def without an await: the defect, it blocks the event loop."""
    body = LoopBody("/blocking")
    while body.running:
        body.step()
    return JSONResponse({"steps": body.steps})


def background_loop() -> None:
    """Run the loop in a plain def: a background task calls it in a worker thread."""
    body = LoopBody("/background")
    while body.running:
        body.step()


async def background(request: Request) -> JSONResponse:
    """Give the loop to a background task and return without waiting for it: the first fix."""
    # Starlette starts a background task after it has sent the response.
    task = BackgroundTask(background_loop)
    return JSONResponse({"message": "Background task started"}, background=task)


async def background_async_loop() -> None:
    """Run the loop in an async def without an await: a background task blocks the event loop."""
    body = LoopBody("/background-async")
    while body.running:
        body.step()


async def background_async(request: Request) -> JSONResponse:
    """Give an async def loop to a background task: the trap, it blocks like the defect."""
    task = BackgroundTask(background_async_loop)
    return JSONResponse({"message": "Background task started"}, background=task)


async def cooperative(request: Request) -> JSONResponse:
    """Run the loop and yield to the event loop in each iteration: the second fix."""
    body = LoopBody("/cooperative")
    while body.running:
        body.step()
        await asyncio.sleep(0)
    return JSONResponse({"steps": body.steps})


app = Starlette(
    routes=[
        Route("/hello", hello),
        Route("/hello-sync", hello_sync),
        Route("/normal", normal),
        Route("/blocking", blocking),
        Route("/background", background),
        Route("/background-async", background_async),
        Route("/cooperative", cooperative),
        *remedies.routes,
    ],
    lifespan=remedies.lifespan,
)
