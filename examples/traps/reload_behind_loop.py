"""`StatReload detected changes in 'app.py'. Reloading...`, and nothing answers any more.

Why: the reloader waits without limit for the old process, and that waits for its background task.

Way out: start uvicorn with `--reload --timeout-graceful-shutdown 1`.
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
