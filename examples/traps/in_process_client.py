"""The test of a route with an endless background task hangs, and `timeout=` does not help.

Why: `TestClient` and `httpx.ASGITransport` call the app without a server: they wait until the app
has returned, and Starlette and FastAPI return after the background task.

Way out: send the request to a real server, in a process of its own.

See it: `nox -s columns -- -k in_process_client`, a test in which both clients wait until the loop
stops, and a request to uvicorn does not.
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
