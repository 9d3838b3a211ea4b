"""`await request.is_disconnected()` is always False, although the client has disconnected.

Why: `is_disconnected()` does not wait. Behind a `BaseHTTPMiddleware`, which is what
`@app.middleware("http")` makes, the app receives nothing without waiting.

Way out: write the middleware as a plain ASGI class.

See it: `uvicorn examples.traps.is_disconnected_behind_middleware:app`, then in a second terminal
`curl -m 1 http://127.0.0.1:8000/loop`: the loop prints in the server's terminal, and stops when
curl disconnects. After `curl -m 1 http://127.0.0.1:8000/behind/loop` it does not stop.
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
