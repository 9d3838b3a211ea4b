"""`StatReload detected changes in 'app.py'. Reloading...`, and the app answers nothing any more.

Why: the reloader waits without limit for the old process, which waits for its background task.

Way out: start uvicorn with `--reload --timeout-graceful-shutdown 1`.

See it: `uvicorn examples.traps.reload_behind_loop:app --reload`, then in a second terminal
`curl http://127.0.0.1:8000/background`, `touch examples/traps/reload_behind_loop.py` and
`curl -m 2 http://127.0.0.1:8000/hello`: curl gets no response.
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
