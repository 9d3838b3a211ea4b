"""Only a WebSocket blocks: it pauses between two messages."""

from __future__ import annotations

import time

from fastapi import FastAPI, WebSocket

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.websocket("/ws/ticks")
async def ticks(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        time.sleep(0.8)  # the culprit
        await websocket.send_text("tick")
