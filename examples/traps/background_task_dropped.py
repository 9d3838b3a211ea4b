"""The background task never runs, and nothing is logged.

Why: FastAPI hands injected `BackgroundTasks` to the answer that the handler returns; they are
dropped where it raises `HTTPException`, and where the answer has a `background` of its own.

Way out: return the error as a `Response`, and add every task to the injected ones.
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
