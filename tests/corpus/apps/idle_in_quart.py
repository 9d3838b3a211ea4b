"""An app that blocks while no request runs, by a timer that repeats, in Quart."""

from __future__ import annotations

import asyncio

from quart import Quart

app = Quart(__name__)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


def clean_up() -> None:
    sorted(range(6_000_000), key=lambda number: -number)  # idle blocks
    asyncio.get_running_loop().call_later(0.2, clean_up)


@app.before_serving
async def schedule() -> None:
    asyncio.get_running_loop().call_later(0.2, clean_up)
