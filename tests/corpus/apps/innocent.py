"""Handlers that do not block the event loop, in FastAPI: the check must call each one live."""

# ruff: noqa: S311 (these numbers need not be secret)

from __future__ import annotations

import asyncio
import functools
import hashlib
import random
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import BackgroundTasks, Depends, FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

app = FastAPI(openapi_url=None)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/cooperative")
async def cooperative() -> None:  # GET /cooperative does not block
    while True:
        random.randint(0, 10)
        await asyncio.sleep(0)


@app.get("/slices")
async def slices() -> str:  # GET /slices does not block
    for _ in range(50):
        until = time.monotonic() + 0.02
        while time.monotonic() < until:
            pass
        await asyncio.sleep(0)
    return "sliced"


@app.get("/plain")
def plain() -> str:  # GET /plain does not block
    time.sleep(1.0)
    return "slept"


@app.get("/plain-loop")
def plain_loop() -> None:  # GET /plain-loop does not block
    while True:
        random.randint(0, 10)


@app.get("/to-thread")
async def to_thread() -> str:  # GET /to-thread does not block
    await asyncio.to_thread(time.sleep, 1.0)
    return "slept"


def compute() -> int:
    return max(range(15_000_000), key=lambda number: number % 7919)


@app.get("/threadpool")
async def threadpool() -> int:  # GET /threadpool does not block
    return await run_in_threadpool(compute)


@app.get("/password")
async def password() -> str:  # GET /password does not block
    hashed = await asyncio.to_thread(hashlib.pbkdf2_hmac, "sha256", b"secret", b"salt", 4_000_000)
    return hashed.hex()


@app.get("/background")
async def background(background_tasks: BackgroundTasks) -> str:  # GET /background does not block
    background_tasks.add_task(plain_loop)
    return "Background task started"


@app.get("/mail")
async def mail(background_tasks: BackgroundTasks) -> str:  # GET /mail does not block
    background_tasks.add_task(time.sleep, 1.0)
    return "the mail is sent soon"


def user() -> str:
    time.sleep(1.0)
    return "user"


@app.get("/dependency")
async def dependency(name: Annotated[str, Depends(user)]) -> str:  # GET /dependency does not block
    return name


@app.get("/slow")
async def slow() -> str:  # GET /slow does not block
    await asyncio.sleep(2.0)
    return "slow"


@app.get("/error")
async def error() -> None:  # GET /error does not block
    raise RuntimeError("this handler always fails")


@functools.cache
def settings() -> str:
    time.sleep(0.3)
    return "read"


@app.get("/settings")
async def warm() -> str:  # GET /settings does not block
    return settings()


async def ticks() -> AsyncIterator[str]:
    while True:
        yield "data: tick\n\n"
        await asyncio.sleep(0.05)


@app.get("/events")
async def events() -> StreamingResponse:  # GET /events does not block
    return StreamingResponse(ticks(), media_type="text/event-stream")


def rows() -> Iterator[str]:
    for number in range(10):
        time.sleep(0.1)
        yield f"{number}\n"


@app.get("/rows")
async def streamed_rows() -> StreamingResponse:  # GET /rows does not block
    return StreamingResponse(rows())
