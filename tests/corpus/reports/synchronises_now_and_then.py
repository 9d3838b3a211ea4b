"""A job every four seconds blocks the idle app."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


def synchronise() -> None:
    for _ in range(12):  # the culprit
        time.sleep(0.1)  # the culprit


async def now_and_then() -> None:
    while True:
        await asyncio.sleep(4)
        synchronise()  # the culprit


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(now_and_then())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"
