"""The contract in bare ASGI, without a framework: an example of your own implementation.

It imports only ``LoopBody`` from the kit. Each miniature in the tests is this app with one mistake.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from asgi_liveness import LoopBody

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Send], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HELLO = {"Hello": "World"}
STARTED = {"message": "Background task started"}


async def answer(
    send: Send,
    body: object,
    status: int = 200,
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),),
) -> None:
    """Send *body* as a JSON response."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})


def run(route: str) -> int:
    """Run the endless loop of *route*; return its steps once something stops it."""
    body = LoopBody(route)
    while body.running:
        body.step()
    return body.steps


async def hello(send: Send) -> None:
    """Respond at once."""
    await answer(send, HELLO)


async def hello_sync(send: Send) -> None:
    """Respond from a worker thread."""
    await answer(send, await asyncio.to_thread(lambda: HELLO))


async def normal(send: Send) -> None:
    """Run the loop in a worker thread."""
    await answer(send, {"steps": await asyncio.to_thread(run, "/normal")})


async def blocking(send: Send) -> None:
    """Run the loop on the event loop, which it blocks."""
    await answer(send, {"steps": run("/blocking")})


async def background(send: Send) -> None:
    """Respond, then run the loop in a worker thread."""
    await answer(send, STARTED)
    await asyncio.to_thread(run, "/background")


async def background_async(send: Send) -> None:
    """Respond, then run the loop on the event loop, which it blocks."""
    await answer(send, STARTED)
    run("/background-async")


async def cooperative(send: Send) -> None:
    """Run the loop and yield to the event loop in each iteration."""
    body = LoopBody("/cooperative")
    while body.running:
        body.step()
        await asyncio.sleep(0)
    await answer(send, {"steps": body.steps})


ROUTES: dict[str, Handler] = {
    "/hello": hello,
    "/hello-sync": hello_sync,
    "/normal": normal,
    "/blocking": blocking,
    "/background": background,
    "/background-async": background_async,
    "/cooperative": cooperative,
}


def make_app(routes: Mapping[str, Handler], methods: tuple[str, ...] = ("GET",)) -> App:
    """Return an ASGI app that serves *routes*."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"  # servers take the exception for "no lifespan here"
        handler = routes.get(scope["path"])
        if handler is None:
            await answer(send, {"detail": "Not Found"}, 404)
        elif scope["method"] not in methods:
            await answer(send, {"detail": "Method Not Allowed"}, 405)
        else:
            await handler(send)

    return app


app = make_app(ROUTES)
