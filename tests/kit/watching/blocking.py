"""Calls that block an event loop, in a file of their own, so that their lines are known."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

LONG = "[" + "1," * 5_000_000 + "1]"


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def hold_the_gil() -> None:
    json.loads(LONG)


def spin_until(condition: Callable[[], bool], limit: float = 30.0) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end
