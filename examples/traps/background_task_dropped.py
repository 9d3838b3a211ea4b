"""The background task never runs, and nothing is logged.

Why: FastAPI adds the injected `BackgroundTasks` to the response that the handler returns. It drops
them if the handler raises `HTTPException`, and if the response has a `background` of its own.

Way out: return the error as a `Response`, and add every task to the injected `BackgroundTasks`.

See it: `uvicorn examples.traps.background_task_dropped:app`, then in a second terminal
`curl http://127.0.0.1:8000/raises` and `curl http://127.0.0.1:8000/returns`: only the second
request starts a loop, which prints in the server's terminal.
"""

from __future__ import annotations

from fastapi import BackgroundTasks, FastAPI, HTTPException
from fastapi.responses import JSONResponse
from starlette.background import BackgroundTask

from asgi_liveness import LoopBody

app = FastAPI()


def loop(name: str) -> None:
    body = LoopBody(name)
    while body.running:
        body.step()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/raises")
async def raises(background_tasks: BackgroundTasks) -> None:
    background_tasks.add_task(loop, "injected, raises")
    raise HTTPException(404)


@app.get("/own")
async def own(background_tasks: BackgroundTasks) -> JSONResponse:
    background_tasks.add_task(loop, "injected, own")
    return JSONResponse({}, background=BackgroundTask(loop, "own"))


@app.get("/returns")
async def returns(background_tasks: BackgroundTasks) -> JSONResponse:
    background_tasks.add_task(loop, "injected, returns")
    return JSONResponse({"detail": "Not Found"}, 404)
