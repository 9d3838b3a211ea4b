"""Code that runs around a handler and blocks, in FastAPI."""

# ruff: noqa: ARG001, ARG002 (the framework sets the arguments of these functions)
# ruff: noqa: ASYNC251 (to stall is the purpose of this app)

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Generator
from typing import Annotated

import httpx
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import AfterValidator
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.corpus.apps.late import late

app = FastAPI(openapi_url=None)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


async def user() -> str:
    time.sleep(1.0)  # GET /dependency blocks
    return "user"


@app.get("/dependency")
async def dependency(name: Annotated[str, Depends(user)]) -> str:
    return name


async def session() -> AsyncIterator[str]:
    yield "session"
    time.sleep(1.0)  # GET /teardown blocks


@app.get("/teardown")
async def teardown(used: Annotated[str, Depends(session)]) -> str:
    return used


def is_free(name: str) -> str:
    time.sleep(1.0)  # GET /validator?name=me blocks
    return name


@app.get("/validator")
async def validator(name: Annotated[str, AfterValidator(is_free)]) -> str:
    return name


class Audit:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/audited":
            time.sleep(1.0)  # GET /audited blocks
        await self.app(scope, receive, send)


class Limit(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        while request.url.path == "/limited":  # GET /limited blocks for ever
            time.sleep(0.01)  # GET /limited blocks for ever
        return response


app.add_middleware(Audit)
app.add_middleware(Limit)


@app.get("/audited")
async def audited() -> str:
    return "audited"


@app.get("/limited")
async def limited() -> str:
    return "limited"


class Shipping(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        time.sleep(1.0)  # GET /logged blocks


logger = logging.getLogger(__name__)
logger.addHandler(Shipping())


@app.get("/logged")
async def logged() -> str:
    logger.warning("this is shipped")
    return "logged"


class OutOfStock(Exception):
    pass


@app.exception_handler(OutOfStock)
async def out_of_stock(request: Request, error: Exception) -> Response:
    time.sleep(1.0)  # GET /order blocks
    return PlainTextResponse("try again", 409)


@app.get("/order")
async def order() -> None:
    raise OutOfStock


class Token(httpx.Auth):
    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        time.sleep(1.0)  # GET /upstream blocks
        yield request


upstream = httpx.AsyncClient(verify=False, trust_env=False, auth=Token())  # noqa: S501 (it loads no certificates, and uses no https)


@app.get("/upstream")
async def request_upstream() -> int:
    return (await upstream.get(late(0.0))).status_code
