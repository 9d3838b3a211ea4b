"""`await request.is_disconnected()` is never True, although the client has left.

Why: `is_disconnected()` does not wait, and behind a `BaseHTTPMiddleware`, which is what
`@app.middleware("http")` makes, nothing is received without waiting.

Way out: write the middleware as a plain ASGI class.
"""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint
from starlette.types import ASGIApp, Receive, Scope, Send

from asgi_liveness import LoopBody

app = FastAPI()
behind = FastAPI()
app.mount("/behind", behind)


@behind.middleware("http")
async def base_http_middleware(request: Request, call_next: RequestResponseEndpoint) -> Response:
    return await call_next(request)


class PlainMiddleware:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


app.add_middleware(PlainMiddleware)


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/loop")
@behind.get("/loop")
async def loop(request: Request) -> dict[str, int]:
    body = LoopBody(request.url.path)
    while body.running:
        body.step()
        if await request.is_disconnected():
            body.stop()
    return {"steps": body.steps}
