"""A task of the lifespan never yields, so that the app never answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


async def consume() -> None:
    await asyncio.sleep(0.3)
    while True:  # the culprit
        str(consume)  # the culprit


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    task = asyncio.create_task(consume())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)
