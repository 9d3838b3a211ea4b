"""The workers are recycled after a number of requests."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/report")
async def report() -> str:
    await asyncio.sleep(0.5)
    return "done"
