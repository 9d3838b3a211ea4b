"""The WebSocket client has disconnected, and the loop that sends to it continues (hypercorn).

Why: hypercorn drops messages for a client that has disconnected; only `receive` tells the app.
On uvicorn the send raises `WebSocketDisconnect`.

Way out: receive as well, even if the client has nothing to send, and stop the loop when the
receiving ends.

See it: `nox -s columns -- -k websocket_client_gone`, a test that closes the connection and counts
the steps of both loops.
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
