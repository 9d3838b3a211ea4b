"""The handler returns plain data; FastAPI converts it afterwards, for seconds."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


BOOKS = [
    {"id": n, "shelf": [n, n + 1], "author": {"name": f"a{n}", "born": n}} for n in range(60_000)
]


@app.get("/shelf", response_model=None)
async def shelf() -> list[dict[str, Any]]:
    return BOOKS
