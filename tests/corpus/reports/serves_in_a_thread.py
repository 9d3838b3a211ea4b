"""A bot's event loop runs in the main thread, the server's in another."""

from __future__ import annotations

import asyncio
import sys
import threading
import time

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/report")
async def report() -> str:
    time.sleep(2)  # the culprit
    return "done"


async def bot() -> None:
    while True:
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    server = uvicorn.Server(uvicorn.Config(app, port=int(sys.argv[1])))
    threading.Thread(target=server.run, daemon=True).start()
    asyncio.run(bot())
