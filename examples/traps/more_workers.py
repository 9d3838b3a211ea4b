"""`uvicorn --workers 2` hangs as well, after two such requests, and replaces no worker.

Why: each endless request blocks one worker. uvicorn's health check does not notice, because a
thread answers it and not the event loop.

Way out: fix the loop: in a plain `def` route it runs in a thread.

See it: `asgi-liveness check --concurrency 2 --during /blocking --probe /hello -- \
    uvicorn examples.traps.more_workers:app --workers 2 --port {port}`
"""

from __future__ import annotations

from fastapi import FastAPI

from asgi_liveness import LoopBody

app = FastAPI()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/blocking")
async def blocking() -> dict[str, int]:
    body = LoopBody("/blocking")
    while body.running:
        body.step()
    return {"steps": body.steps}


@app.get("/normal")
def normal() -> dict[str, int]:
    body = LoopBody("/normal")
    while body.running:
        body.step()
    return {"steps": body.steps}
