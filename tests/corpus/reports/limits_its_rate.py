"""Every route refuses the thirty-first request, the probed route too."""

from __future__ import annotations

from collections import Counter

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.middleware.base import RequestResponseEndpoint

app = FastAPI()


ASKED: Counter[str] = Counter()


@app.middleware("http")
async def limited(request: Request, call_next: RequestResponseEndpoint) -> Response:
    ASKED[request.url.path] += 1
    if ASKED[request.url.path] > 30:
        return PlainTextResponse("too many", 429)
    return await call_next(request)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/report")
async def report() -> str:
    return "done"
