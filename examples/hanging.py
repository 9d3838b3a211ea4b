"""An app whose /report hangs everything, and the same loop mended."""

import asyncio

from fastapi import FastAPI

app = FastAPI()


@app.get("/report")
async def report() -> None:
    while True:
        pass


@app.get("/mended")
async def mended() -> None:
    while True:  # noqa: ASYNC110 (the fix)
        await asyncio.sleep(0)
