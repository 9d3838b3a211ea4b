"""Handlers that do not block the event loop, in Quart: the check must call each one live."""

# ruff: noqa: S311 (these numbers need not be secret)

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

from quart import Quart
from quart.utils import run_sync

app = Quart(__name__)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/plain")
def plain() -> str:  # GET /plain does not block
    time.sleep(1.0)
    return "slept"


@app.get("/run-sync")
async def in_thread() -> str:  # GET /run-sync does not block
    await run_sync(time.sleep)(1.0)
    return "slept"


def endless_work() -> None:
    while True:
        random.randint(0, 10)


@app.get("/background")
async def background() -> str:  # GET /background does not block
    app.add_background_task(endless_work)
    return "Background task started"


async def patient_work() -> None:
    while True:
        random.randint(0, 10)
        await asyncio.sleep(0)


@app.get("/background-async")
async def background_async() -> str:  # GET /background-async does not block
    app.add_background_task(patient_work)
    return "Background task started"


async def ticks() -> AsyncIterator[bytes]:
    for _ in range(10):
        yield b"tick\n"
        await asyncio.sleep(0.1)


@app.get("/ticks")
async def stream() -> AsyncIterator[bytes]:  # GET /ticks does not block
    return ticks()
