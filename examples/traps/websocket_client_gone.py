"""The WebSocket client has left, and the loop that sends to it goes on (hypercorn).

Why: hypercorn swallows what is sent to a client that has gone; only `receive` says that it has.
On uvicorn the send raises `WebSocketDisconnect`.

Way out: receive as well, also where the client has nothing to say, and stop the loop when that
ends.
"""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from asgi_liveness import LoopBody

app = FastAPI()


async def tick(websocket: WebSocket, body: LoopBody) -> None:
    while body.running:
        body.step()
        try:
            await websocket.send_text("tick")
        except WebSocketDisconnect:
            body.stop()
        await asyncio.sleep(0.01)


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.websocket("/sends")
async def sends(websocket: WebSocket) -> None:
    await websocket.accept()
    await tick(websocket, LoopBody("/sends"))


@app.websocket("/receives")
async def receives(websocket: WebSocket) -> None:
    await websocket.accept()
    body = LoopBody("/receives")
    ticking = asyncio.create_task(tick(websocket, body))
    async for _ in websocket.iter_text():
        pass
    body.stop()
    await ticking
