"""The same app in Quart."""

import time

from quart import Quart

app = Quart(__name__)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/report")
async def report() -> str:
    time.sleep(60)  # noqa: ASYNC251 (the culprit)
    return ""


@app.get("/export")
def export() -> str:
    time.sleep(0.1)
    return ""
