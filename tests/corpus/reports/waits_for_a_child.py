"""An async dependency waits for the result of a child process, which works."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from typing import Annotated

from fastapi import Depends, FastAPI

app = FastAPI()
pool = ProcessPoolExecutor(1)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


async def price() -> None:
    pool.submit(time.sleep, 1.2).result()  # the culprit


@app.get("/price")
async def priced(_: Annotated[None, Depends(price)]) -> str:
    return "priced"
