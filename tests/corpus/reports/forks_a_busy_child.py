"""A child that the lifespan forks has an event loop of its own, and blocks that."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


async def crunch() -> None:
    while True:
        time.sleep(0.7)
        await asyncio.sleep(0.01)


def child() -> None:
    asyncio.run(crunch())


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    process = multiprocessing.get_context("fork").Process(target=child, daemon=True)
    process.start()
    yield
    process.terminate()


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/report")
async def report() -> str:
    await asyncio.sleep(0.3)
    return "done"
