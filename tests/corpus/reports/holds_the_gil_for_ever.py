"""A regular expression in a synchronous route never ends, and keeps the GIL."""

from __future__ import annotations

import re

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/match")
def match() -> bool:
    return re.match(r"(x+x+)+y", "x" * 60) is not None  # the culprit
