"""A handler waits for a coroutine that only its own event loop could run."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


async def answer() -> int:
    return 42


@app.get("/ask")
async def ask() -> int:
    future = asyncio.run_coroutine_threadsafe(answer(), asyncio.get_running_loop())
    return future.result()  # the culprit
