"""Wait until a condition holds: the one poll of the tests, with a limit.

The rule: the limit judges nothing. It only ends a test that would wait forever.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

LIMIT: Final = 60.0  # seconds: only a test that fails waits so long, so the longest one serves all
POLL: Final = 0.01  # seconds

T = TypeVar("T")


def until(condition: Callable[[], T], limit: float = LIMIT) -> T:
    """Poll *condition* until it is true and return its value; fail after *limit* seconds."""
    for value in _values(condition, limit):
        if value:
            return value
        time.sleep(POLL)
    raise AssertionError(_late(limit))


async def until_async(condition: Callable[[], T], limit: float = LIMIT) -> T:
    """Do what ``until`` does, and let the test's own event loop run meanwhile."""
    for value in _values(condition, limit):
        if value:
            return value
        await asyncio.sleep(POLL)
    raise AssertionError(_late(limit))


def _values(condition: Callable[[], T], limit: float) -> Iterator[T]:
    """Yield what *condition* returns, at least once, for *limit* seconds."""
    end = time.monotonic() + limit
    yield condition()
    while time.monotonic() < end:
        yield condition()


def _late(limit: float) -> str:
    return f"the condition did not hold within {limit:g} s"
