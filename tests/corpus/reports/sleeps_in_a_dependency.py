"""An async dependency sleeps; its route is a plain function."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import Depends, FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


async def user() -> None:
    time.sleep(1.2)  # the culprit


@app.get("/orders")
def orders(_: Annotated[None, Depends(user)]) -> str:
    return "none"
