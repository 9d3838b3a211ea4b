"""A thread holds a lock while it waits for the event loop, which waits for the lock."""

from __future__ import annotations

import asyncio
import threading

from fastapi import FastAPI

app = FastAPI()
stock = threading.Lock()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


async def loaded() -> int:
    await asyncio.sleep(0.3)
    return 42


def refresh(loop: asyncio.AbstractEventLoop) -> int:
    with stock:
        return asyncio.run_coroutine_threadsafe(loaded(), loop).result()


@app.get("/stock")
async def counted() -> int:
    refreshed = asyncio.create_task(asyncio.to_thread(refresh, asyncio.get_running_loop()))
    await asyncio.sleep(0.1)
    with stock:  # the culprit
        return await refreshed
