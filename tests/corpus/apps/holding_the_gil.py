"""Handlers that call C code which holds the GIL, in bare ASGI: no other thread can run."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
from collections import deque

from examples.bare_asgi import (
    Handler,
    Send,
    answer,
    make_app,
)

CATASTROPHIC = r"(a+)+$"


async def healthz(send: Send) -> None:
    await answer(send, "ok")


async def regex(send: Send) -> None:
    found = re.match(CATASTROPHIC, "a" * 25 + "b")  # GET /regex blocks, below it: re.match
    await answer(send, bool(found))


def is_valid(text: str) -> bool:
    return bool(re.match(CATASTROPHIC, text))  # GET /regexes blocks for ever, below it: re.match


async def regexes(send: Send) -> None:
    await answer(send, is_valid("a" * 100 + "b"))


async def total(send: Send) -> None:
    await answer(send, sum(range(10**13)))  # GET /total blocks for ever


async def sort(send: Send) -> None:
    in_order = sorted(os.urandom(10_000_000))  # GET /sort blocks
    await answer(send, len(in_order))


async def dump(send: Send) -> None:
    text = json.dumps([0.5] * 4_000_000)  # GET /dump blocks, below it: json.dumps
    await answer(send, len(text))


async def factorial(send: Send) -> None:
    number = math.factorial(320_000)  # GET /factorial blocks
    await answer(send, number.bit_length())


async def last(send: Send) -> None:
    last_number = deque(itertools.count(), maxlen=1)  # GET /last blocks for ever
    await answer(send, list(last_number))


async def power(send: Send) -> None:
    rest = pow(3, 2**200_000 - 1, 2**200_000 - 3)  # GET /power blocks for ever
    await answer(send, rest.bit_length())


routes: dict[str, Handler] = {
    "/healthz": healthz,
    "/regex": regex,
    "/regexes": regexes,
    "/total": total,
    "/sort": sort,
    "/dump": dump,
    "/factorial": factorial,
    "/last": last,
    "/power": power,
}
app = make_app(routes)
