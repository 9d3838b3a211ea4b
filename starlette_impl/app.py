"""The contract in Starlette: one endless loop, five ways to run it.

Serve it from the repository's root: ``uvicorn starlette_impl.app:app``.

To copy a handler, replace ``body.step()`` by one turn of your work and ``body.running`` by your
own condition, and drop the body.
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
    """Answer at once: what a liveness probe asks of the event loop."""
    return JSONResponse({"Hello": "World"})


def hello_sync(request: Request) -> JSONResponse:
    """Answer from a worker thread: what a probe asks of the thread pool."""
    return JSONResponse({"Hello": "World"})


def normal(request: Request) -> JSONResponse:
    """Run the loop in a plain def: the framework puts it into a worker thread."""
    body = LoopBody("/normal")
    while body.running:
        body.step()
    return JSONResponse({"steps": body.steps})


async def blocking(request: Request) -> JSONResponse:
    """Run the loop in an async def without an await: the defect, everything else freezes."""
    body = LoopBody("/blocking")
    while body.running:
        body.step()
    return JSONResponse({"steps": body.steps})


def background_loop() -> None:
    """Run the loop in a plain def: a background task runs it in a worker thread."""
    body = LoopBody("/background")
    while body.running:
        body.step()


async def background(request: Request) -> JSONResponse:
    """Hand the loop to a background task and answer without waiting for it: the first fix."""
    # Starlette starts a background task after the answer has left.
    task = BackgroundTask(background_loop)
    return JSONResponse({"message": "Background task started"}, background=task)


async def background_async_loop() -> None:
    """Run the loop in an async def without an await: a task runs it on the event loop."""
    body = LoopBody("/background-async")
    while body.running:
        body.step()


async def background_async(request: Request) -> JSONResponse:
    """Hand an async def loop to a background task: the trap, it freezes like the defect."""
    task = BackgroundTask(background_async_loop)
    return JSONResponse({"message": "Background task started"}, background=task)


async def cooperative(request: Request) -> JSONResponse:
    """Run the loop and give the event loop a turn in each of its own: the second fix."""
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
