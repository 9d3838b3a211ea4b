"""Synchronous routes poll until AnyIO has no thread left; another pool has an idle one."""

from __future__ import annotations

import asyncio
import queue
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    await asyncio.to_thread(time.sleep, 0.01)
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
def healthz() -> str:
    return "ok"


@app.get("/talk")
def talk() -> str:
    words: queue.Queue[str] = queue.Queue()
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            return words.get(timeout=0.2)  # the culprit
        except queue.Empty:
            continue
    return ""
