"""The loop awaits and uses no CPU, and yet everything hangs until somebody reads its output

Why: its stdout is a pipe that nobody reads. Once that is full (64 KiB on Linux), `print` waits
until it is read, and waits on the event loop.

Way out: whoever starts the server reads its output, or sends it to a file or to `/dev/null`.
"""

from __future__ import annotations

import asyncio

from fastapi import FastAPI

from asgi_liveness import LoopBody

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/printing")
async def printing() -> None:
    body = LoopBody("/printing")
    while body.running:
        body.step()  # it prints
        await asyncio.sleep(0)
