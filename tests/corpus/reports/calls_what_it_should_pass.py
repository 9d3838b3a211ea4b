"""The work is called, and its result is given to the thread."""

from __future__ import annotations

import asyncio
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


def work() -> str:
    time.sleep(1)
    return "worked"


@app.get("/work")
async def worked() -> str:
    return await asyncio.to_thread(work())  # type: ignore[arg-type]  # the culprit
