"""The contract in bare ASGI, with a /blocking that is stuck in C code which holds the GIL.

No thread of the process runs there, and no signal handler: it can only be killed.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from asgi_liveness import LoopBody

if TYPE_CHECKING:
    from asgi_liveness.observed import Message, Receive, Send


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["path"] not in HANDLERS:
        await answer(send, {"error": "there is no such route"}, status=404)
    elif scope["method"] != "GET":
        await answer(send, {"error": "this route takes GET"}, status=405)
    else:
        await HANDLERS[scope["path"]](send)


async def lifespan(receive: Receive, send: Send) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})


async def answer(send: Send, body: dict[str, Any], status: int = 200) -> None:
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def hello(send: Send) -> None:
    await answer(send, {"Hello": "World"})


async def hello_sync(send: Send) -> None:
    await answer(send, await asyncio.to_thread(dict, Hello="World"))


async def normal(send: Send) -> None:
    await answer(send, {"steps": await asyncio.to_thread(loop, "/normal")})


async def blocking(send: Send) -> None:
    body = LoopBody("/blocking")
    while body.running:
        body.step()
        if body.steps == 3:
            sum(range(10**11))  # about an hour
    await answer(send, {"steps": body.steps})


async def background(send: Send) -> None:
    await answer(send, {"message": "Background task started"})
    await asyncio.to_thread(loop, "/background")


async def background_async(send: Send) -> None:
    await answer(send, {"message": "Background task started"})
    loop("/background-async")


async def cooperative(send: Send) -> None:
    body = LoopBody("/cooperative")
    while body.running:
        body.step()
        await asyncio.sleep(0)
    await answer(send, {"steps": body.steps})


def loop(route: str) -> int:
    body = LoopBody(route)
    while body.running:
        body.step()
    return body.steps


HANDLERS = {
    "/hello": hello,
    "/hello-sync": hello_sync,
    "/normal": normal,
    "/blocking": blocking,
    "/background": background,
    "/background-async": background_async,
    "/cooperative": cooperative,
}
