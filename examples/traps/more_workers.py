"""`uvicorn --workers 2` hangs as well, after two such requests, and no worker is replaced.

Why: each stuck request freezes a worker of its own, and uvicorn's health check is answered by a
thread, not by the event loop.

Way out: mend the loop: in a plain `def` route it runs in a thread.
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
