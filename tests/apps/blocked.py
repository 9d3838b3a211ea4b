"""A bare ASGI app that blocks its event loop: for a while, for ever, or for a debugger."""

import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]


def block() -> None:
    until = time.thread_time() + 0.5
    while time.thread_time() < until:
        pass


def stick() -> None:
    while True:
        pass


def debug() -> None:
    breakpoint()


def respond() -> None:
    pass


ROUTES = {"/block": block, "/stick": stick, "/debug": debug, "/healthz": respond}


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],  # noqa: ARG001 (ASGI)
    send: Callable[[Message], Awaitable[None]],
) -> None:
    assert scope["type"] == "http"  # servers take the exception for "no lifespan here"
    ROUTES[scope["path"]]()
    body = str(os.getpid()).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
