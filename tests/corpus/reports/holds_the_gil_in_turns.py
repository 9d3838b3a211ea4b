"""Native code is rightly handed to a thread, and keeps the GIL there for a second."""

from __future__ import annotations

import asyncio
import re

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


WORD = re.compile(r"[a-z]+")
TEXT = "pack my box with five dozen liquor jugs " * 300_000


def counted() -> int:
    return len(WORD.findall(TEXT))  # the culprit


@app.get("/count")
async def count() -> int:
    return await asyncio.to_thread(counted)
