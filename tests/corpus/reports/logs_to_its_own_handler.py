"""A log handler of the app works on the event loop, for an async dependency of a plain route."""

from __future__ import annotations

import logging
import time
from typing import Annotated

from fastapi import Depends, FastAPI


class Audit(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)
        time.sleep(1.2)  # the culprit


log = logging.getLogger("audit")
log.addHandler(Audit())
app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


async def user() -> None:
    log.error("who is it?")


@app.get("/orders")
def orders(_: Annotated[None, Depends(user)]) -> str:
    return "none"
