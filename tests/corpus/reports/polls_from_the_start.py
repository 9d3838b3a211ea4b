"""A consumer polls for three seconds at a time, longer than a first response may take."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


async def consume() -> None:
    while True:
        time.sleep(3)  # the culprit
        await asyncio.sleep(0)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(consume())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"
