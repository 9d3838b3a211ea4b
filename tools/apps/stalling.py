"""An app that stalls its event loop for as long as a request says, in one of many ways.

``GET /compute?ms=20`` computes for 20 ms; ``KINDS`` lists the other ways. A way that cannot stop
in the middle of its work stalls for longer.
"""

from __future__ import annotations

import gc
import json
import random
import re
import threading
import time
import traceback
import zlib
from asyncio import gather
from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import parse_qs

from examples.bare_asgi import (
    Message,
    Receive,
    Send,
    answer,
)

NUMBERS = random.Random(0).sample(range(10**6), 100_000)  # noqa: S311 (no secret)
TREE = {str(number): [number, str(number)] * 3 for number in range(20_000)}
DEEP = 800  # calls; a server has some forty below the app, and Python's limit is 1,000


def compute(until: float) -> None:
    iterations = 0
    while time.monotonic() < until:  # GET /compute blocks
        iterations += 1  # GET /compute blocks


def sleep(until: float) -> None:
    time.sleep(max(until - time.monotonic(), 0))  # GET /sleep blocks


def sort(until: float) -> None:
    while time.monotonic() < until:
        sorted(NUMBERS)


def match(until: float) -> None:
    while time.monotonic() < until:
        re.match("(a+)+$", "a" * 19 + "b")


def total(until: float) -> None:
    while time.monotonic() < until:
        sum(range(2 * 10**7))  # holds the GIL for a quarter of a second


def dump(until: float) -> None:
    while time.monotonic() < until:
        json.loads(json.dumps(TREE))


def compress(until: float) -> None:
    while time.monotonic() < until:
        zlib.compress(bytes(10**6))


def recurse(until: float, depth: int = DEEP) -> None:
    if depth:
        recurse(until, depth - 1)
    else:
        compute(until)


def climb(depth: int) -> int:
    return climb(depth - 1) + 1 if depth else 0


def overflow(until: float) -> None:
    while time.monotonic() < until:
        try:
            climb(10**6)
        except RecursionError:
            continue


def fall(depth: int) -> None:
    if not depth:
        raise ValueError(depth)
    try:
        fall(depth - 1)
    finally:
        depth += 1


def fail(until: float) -> None:
    while time.monotonic() < until:
        try:
            fall(50)
        except ValueError as error:
            traceback.format_exception(error)


def chain(depth: int) -> Iterator[int]:
    if depth:
        yield from chain(depth - 1)
    yield depth


def generate(until: float) -> None:
    while time.monotonic() < until:
        sum(chain(50))
        next(chain(50))  # the generator is closed before its end


def thread(until: float) -> None:
    while time.monotonic() < until:
        threads = [threading.Thread(target=climb, args=(100,)) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()


def execute(until: float) -> None:
    while time.monotonic() < until:
        exec("def made(n): return [n for n in range(n)]\nmade(100)", {})  # noqa: S102 (a constant)


class Knot:
    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        climb(10)


def collect(until: float) -> None:
    while time.monotonic() < until:
        for _ in range(1000):
            Knot()
        gc.collect()


async def descend(depth: int) -> int:
    return await descend(depth - 1) + 1 if depth else 0


async def tasks(until: float) -> None:
    while time.monotonic() < until:
        await gather(*(descend(200) for _ in range(500)))  # all in one pass of the event loop


STALLS = (
    *(compute, sleep, sort, match, total, dump, compress),
    *(recurse, overflow, fail, generate, thread, execute, collect),
)
# The name of each is that of the function which a sample of the event loop shows.
KINDS: dict[str, Callable[[float], Awaitable[None] | None]] = {
    **{function.__name__: function for function in STALLS},
    "descend": tasks,
}


async def app(scope: Message, receive: Receive, send: Send) -> None:  # noqa: ARG001 (ASGI)
    assert scope["type"] == "http"  # servers take the exception for "no lifespan here"
    name = scope["path"].removeprefix("/")
    if name in KINDS:
        seconds = float(parse_qs(scope["query_string"])[b"ms"][0]) / 1000
        stalled = KINDS[name](time.monotonic() + seconds)
        if stalled is not None:
            await stalled
    await answer(send, {"stalled": name})
