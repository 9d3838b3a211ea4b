"""The ways to run many loops in one app, each as its users write it, and an app that starts them.

``tools.bench.ways:fastapi`` is the column's app with one more route,
``POST /loops?way=Pace+1+ms&of=10``.
Every loop runs until the bench stops it from outside, through the ledger.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import itertools
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qs

import anyio
import anyio.lowlevel

from asgi_liveness import LoopBody
from asgi_liveness.pacing import Pace

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

OFTEN: Final = 100  # iterations between two sleeps
PASSES: Final = 4  # after a slice of Pace, where nothing else runs
LOOP: Final = """\
from asgi_liveness import LoopBody
body = LoopBody("process")
while body.running:
    body.step()
"""


async def bare() -> None:
    """Never await: the speed of all other ways is a part of this one's."""
    body = LoopBody("bare")
    while body.running:
        body.step()


class Nothing:
    """An object whose ``await`` runs no Python and never suspends: the cheapest ``await``."""

    __slots__ = ("__await__",)

    def __init__(self) -> None:
        self.__await__ = itertools.repeat(iter(())).__next__


async def await_nothing() -> None:
    """Await ``Nothing`` in every iteration: the fastest that a loop with an await can be."""
    body, nothing = LoopBody("await_nothing"), Nothing()
    while body.running:
        body.step()
        await nothing  # type: ignore[misc]  # the instance has the method, not the class


async def sleep(seconds: float) -> None:
    """Sleep in every iteration."""
    body = LoopBody("sleep")
    while body.running:
        body.step()
        await asyncio.sleep(seconds)


async def sleep_now_and_then() -> None:
    """Sleep in every hundredth iteration."""
    body, iterations = LoopBody("sleep_now_and_then"), 0
    while body.running:
        body.step()
        iterations += 1
        if not iterations % OFTEN:
            await asyncio.sleep(0)


async def anyio_sleep() -> None:
    """Sleep in every iteration, with AnyIO."""
    body = LoopBody("anyio_sleep")
    while body.running:
        body.step()
        await anyio.sleep(0)  # noqa: ASYNC115 (the bench measures what people write)


async def anyio_checkpoint() -> None:
    """Make a checkpoint in every iteration."""
    body = LoopBody("anyio_checkpoint")
    while body.running:
        body.step()
        await anyio.lowlevel.checkpoint()


async def paced(seconds: float) -> None:
    """Yield to the event loop after each slice, which all loops share."""
    body = LoopBody("paced")
    async with Pace(seconds) as pace:
        while body.running:
            body.step()
            await pace


async def by_slices(seconds: float) -> None:
    """Run by slices of the same queue, without an await in the inner loop."""
    body = LoopBody("by_slices")
    async with Pace(seconds) as pace:
        async for slice in pace:  # noqa: A001 (the term)
            for _ in slice:
                if not body.running:
                    return
                body.step()


async def only_passes(seconds: float) -> None:
    """Yield for as many passes as ``Pace``, as often, and do nothing else: no ``Pace`` is faster.

    The iterations of a slice are as many as fitted in the one before.
    """
    body, iterations = LoopBody("only_passes"), 100
    while True:
        began = time.perf_counter()
        for _ in itertools.repeat(None, iterations):
            if not body.running:
                return
            body.step()
        iterations = max(1, round(iterations * seconds / (time.perf_counter() - began)))
        for _ in range(PASSES):
            await asyncio.sleep(0)


all_started = threading.Event()  # a thread takes seconds to start while other threads run


async def thread() -> None:
    """Run in a thread of its own."""
    body = LoopBody("thread")

    def loop() -> None:
        all_started.wait()
        while body.running:
            body.step()

    threading.Thread(target=loop, daemon=True).start()


async def process() -> None:
    """Run in a process of its own."""
    command = (sys.executable, "-c", LOOP)
    child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    await child.wait()


Way = Callable[[], Coroutine[Any, Any, None]]
LIMITS: Final[dict[str, Way]] = {"bare": bare, "await nothing": await_nothing}
"""The loops to compare the ways with. The app hangs while they run."""
WAYS: Final[dict[str, Way]] = {
    "sleep(0)": functools.partial(sleep, 0),
    "sleep(0.001)": functools.partial(sleep, 0.001),
    "sleep(0.01)": functools.partial(sleep, 0.01),
    "sleep(0), every 100th iteration": sleep_now_and_then,
    "anyio.sleep(0)": anyio_sleep,
    "anyio.lowlevel.checkpoint()": anyio_checkpoint,
    "Pace 0.25 ms": functools.partial(paced, 0.00025),
    "Pace 1 ms": functools.partial(paced, 0.001),
    "Pace 5 ms": functools.partial(paced, 0.005),
    "a thread": thread,
    "a process": process,
}
SLICES: Final[dict[str, Way]] = {
    "slices 1 ms": functools.partial(by_slices, 0.001),
    "only passes": functools.partial(only_passes, 0.001),
}
"""The other spelling of ``Pace``, and its bound: ``nox -s pacing`` compares them with the rest."""
MOST: Final = {"a thread": 100, "a process": 10}
"""The most loops of a way, where a thousand would be too many."""


class WithLoops:
    """A column's app with one more route, which starts loops."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._tasks = set[asyncio.Task[None]]()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Start loops, or pass the request to the column's app."""
        if scope["type"] != "http" or scope["path"] != "/loops":
            await self._app(scope, receive, send)
            return
        query = parse_qs(scope["query_string"].decode())
        (way,), (number,) = query["way"], query["of"]
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})
        all_started.clear()
        for _ in range(int(number)):
            task = asyncio.create_task((LIMITS | WAYS | SLICES)[way]())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        asyncio.get_running_loop().call_soon(all_started.set)  # after the first step of each loop


@functools.cache
def __getattr__(name: str) -> WithLoops:
    if name.startswith("_"):
        raise AttributeError(name)
    return WithLoops(importlib.import_module(f"{name}_impl.app").app)
