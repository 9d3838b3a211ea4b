"""Code that runs around a handler and blocks, in Quart."""

# ruff: noqa: ARG001 (Quart sets the arguments of these functions)
# ruff: noqa: ASYNC251 (to stall is the purpose of this app)

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from quart import Quart, Response, request

app = Quart(__name__)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.before_request
async def log_in() -> None:
    if request.path == "/before":
        time.sleep(1.0)  # GET /before blocks


@app.after_request
async def sign(response: Response) -> Response:
    if request.path == "/after":
        time.sleep(1.0)  # GET /after blocks
    return response


@app.get("/before")
@app.get("/after")
async def answered() -> str:
    return "answered"


async def endless_work() -> None:
    while True:  # GET /background blocks for ever
        sum(range(1000))  # GET /background blocks for ever


@app.get("/background")
async def background() -> str:
    app.add_background_task(endless_work)
    return "Background task started"


class OutOfStock(Exception):
    pass


@app.errorhandler(OutOfStock)
async def out_of_stock(error: OutOfStock) -> tuple[str, int]:
    time.sleep(1.0)  # GET /order blocks
    return "try again", 409


@app.get("/order")
async def order() -> str:
    raise OutOfStock


async def chunks() -> AsyncIterator[bytes]:
    yield b"head,"
    time.sleep(1.0)  # GET /stream blocks
    yield b"body"


@app.get("/stream")
async def stream() -> AsyncIterator[bytes]:
    return chunks()
