"""Code that a request starts outside of its handler and that blocks, in FastAPI."""

# ruff: noqa: ARG001 (a lifespan must take the app)
# ruff: noqa: ASYNC251 (to stall is the purpose of this app)

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from starlette.background import BackgroundTask

event = asyncio.Event()


async def listen() -> None:
    while await event.wait():
        event.clear()
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
async def notify() -> str:
    event.set()
    return "notified"


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
    return PlainTextResponse("the mail is sent soon", background=BackgroundTask(send_mail))


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
