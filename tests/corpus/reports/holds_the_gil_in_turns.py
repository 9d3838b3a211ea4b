"""Native code is rightly handed to a thread, and keeps the GIL there for a second."""

from __future__ import annotations

import asyncio
import re
import time

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


SHOUTED = re.compile(r"[a-z]+!")


def sized(seconds: float) -> str:
    """Return a text that this machine searches for so long."""
    text = "pack my box with five dozen liquor jugs " * 20_000
    began = time.process_time()
    SHOUTED.findall(text)
    return text * round(seconds / (time.process_time() - began))


TEXT = sized(1.0)


def counted() -> int:
    return len(SHOUTED.findall(TEXT))  # the culprit


@app.get("/count")
async def count() -> int:
    return await asyncio.to_thread(counted)
