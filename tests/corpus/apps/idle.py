"""An app that blocks while no request runs, by a task of its lifespan, in Starlette."""

# ruff: noqa: ARG001 (a handler must take the request)
# ruff: noqa: ASYNC251 (to stall is the purpose of this app)

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route


async def healthz(request: Request) -> Response:
    return PlainTextResponse("ok")


async def refresh() -> None:
    while True:
        await asyncio.sleep(0.2)
        time.sleep(0.5)  # idle blocks


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    task = asyncio.create_task(refresh())
    yield
    task.cancel()


app = Starlette(routes=[Route("/healthz", healthz)], lifespan=lifespan)
