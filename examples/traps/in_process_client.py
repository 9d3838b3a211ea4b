"""The test of a route with an endless background task hangs, and `timeout=` does not help.

Why: `TestClient` and `httpx.ASGITransport` have no server between them and the app: they wait
until the app has returned, and in Starlette and FastAPI that is after the background task.

Way out: ask a real server, in a process of its own.
"""

from __future__ import annotations

from fastapi import BackgroundTasks, FastAPI

from asgi_liveness import LoopBody

app = FastAPI()


def loop() -> None:
    body = LoopBody("/background")
    while body.running:
        body.step()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/background")
async def background(background_tasks: BackgroundTasks) -> dict[str, str]:
    background_tasks.add_task(loop)
    return {"message": "Background task started"}
