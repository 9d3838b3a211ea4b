"""A small FastAPI app for the usual commands: /report blocks the event loop, /export does not."""

import os
import time

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/report")
async def report() -> None:
    time.sleep(60)  # noqa: ASYNC251 (the culprit)


@app.get("/export")
def export() -> None:
    time.sleep(0.1)


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
