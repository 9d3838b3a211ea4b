"""`RuntimeError: There is no current event loop in thread`, and Quart responds with a 500.

Why: Quart runs a plain `def` view in a thread, and `add_background_task` looks for the event loop
of the thread that calls it.

Way out: make the view an `async def`; the loop itself stays a plain `def`.

See it: `hypercorn examples.traps.background_from_sync_view:app`, then in a second terminal
`curl -i http://127.0.0.1:8000/sync`: the response is a 500, and the server prints the error.
"""

from __future__ import annotations

from quart import Quart

from asgi_liveness import LoopBody

app = Quart(__name__)


def loop(route: str) -> None:
    body = LoopBody(route)
    while body.running:
        body.step()


@app.get("/hello")
async def hello() -> dict[str, str]:
    return {"Hello": "World"}


@app.get("/sync")
def sync() -> dict[str, str]:
    app.add_background_task(loop, "/sync")
    return {"message": "Background task started"}


@app.get("/async")
async def asynchronous() -> dict[str, str]:
    app.add_background_task(loop, "/async")
    return {"message": "Background task started"}
