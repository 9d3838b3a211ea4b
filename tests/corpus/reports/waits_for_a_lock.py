"""A handler holds a lock across an await, and the probed route needs the lock."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

app = FastAPI()


LOCK = asyncio.Lock()


@app.get("/healthz")
async def healthz() -> str:
    async with LOCK:
        return "ok"


@app.get("/import")
async def import_all() -> str:
    async with LOCK:
        await asyncio.sleep(60)  # the culprit
    return "imported"
