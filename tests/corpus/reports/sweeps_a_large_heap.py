"""A full pass of the garbage collector visits millions of objects."""

from __future__ import annotations

import gc

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


CACHE = [[number] for number in range(6_000_000)]


@app.get("/sweep")
async def sweep() -> int:
    return gc.collect()  # the culprit
