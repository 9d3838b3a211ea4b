"""A private event loop in another thread blocks all the time; the server's does not."""

from __future__ import annotations

import asyncio
import threading
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


async def metrics() -> None:
    while True:
        time.sleep(0.5)
        await asyncio.sleep(0)


threading.Thread(target=asyncio.run, args=[metrics()], daemon=True).start()


@app.get("/report")
async def report() -> str:
    await asyncio.sleep(0.3)
    return "done"
