"""The bare app with a ``/blocking`` that runs C code which holds the GIL for about an hour.

Meanwhile no other thread and no signal handler of the process can run: only SIGKILL ends it.
"""

from __future__ import annotations

from asgi_liveness import LoopBody
from examples.bare_asgi import (
    ROUTES,
    Send,
    answer,
    make_app,
)


async def blocking(send: Send) -> None:
    body = LoopBody("/blocking")
    while body.running:
        body.step()
        if body.steps == 3:
            sum(range(10**11))  # about an hour
    await answer(send, {"steps": body.steps})


app = make_app({**ROUTES, "/blocking": blocking})
