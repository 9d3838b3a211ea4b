"""The loop awaits and uses no CPU, and the app answers nothing until somebody reads its output.

Why: the output goes to a pipe that nobody reads. When the pipe is full (64 KiB on Linux), `print`
waits until somebody reads, and it waits on the event loop.

Way out: the program that starts the server reads its output, or sends it to a file or to
`/dev/null`.

See it: `asgi-liveness check --during /printing --probe /hello -- \
    sh -c "uvicorn examples.traps.print_into_unread_pipe:app --port {port} | sleep 60"`
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
