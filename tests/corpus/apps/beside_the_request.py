"""What blocks is begun by a request and is not its handler, in FastAPI."""

# ruff: noqa: ARG001 (a lifespan takes the app whether it needs it or not)
# ruff: noqa: ASYNC251 (what it finds is what this app is for)

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.background import BackgroundTask

told = asyncio.Event()


async def listen() -> None:
    while await told.wait():
        told.clear()
        time.sleep(1.0)  # GET /told blocks


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(listen())
    yield
    task.cancel()


app = FastAPI(openapi_url=None, lifespan=lifespan)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/told")
async def tell() -> str:
    told.set()
    return "told"


async def endless_work() -> None:
    while True:  # GET /background blocks for ever
        sum(range(1000))  # GET /background blocks for ever


@app.get("/background")
async def background(background_tasks: BackgroundTasks) -> str:
    background_tasks.add_task(endless_work)
    return "Background task started"


async def send_mail() -> None:
    time.sleep(1.0)  # GET /mail blocks


@app.get("/mail")
async def mail() -> Response:
    return PlainTextResponse("sent soon", background=BackgroundTask(send_mail))


async def pages() -> AsyncIterator[str]:
    yield "head,"
    time.sleep(1.0)  # GET /pages blocks
    yield "body"


@app.get("/pages")
async def paged() -> StreamingResponse:
    return StreamingResponse(pages())


async def tokens() -> AsyncIterator[str]:
    while True:  # GET /tokens blocks for ever
        yield str(sum(range(10_000)))  # GET /tokens blocks for ever


@app.get("/tokens")
async def stream() -> StreamingResponse:
    return StreamingResponse(tokens())


def later() -> None:
    time.sleep(1.0)  # GET /callback blocks


@app.get("/callback")
async def callback() -> str:
    asyncio.get_running_loop().call_soon(later)
    return "later"
