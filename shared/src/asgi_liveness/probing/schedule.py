"""The open-loop schedule: requests leave when they are due, whether or not others were answered.

The rule: a stall cannot hide by delaying the prober, because the schedule never waits for a
response. Latency counts from the moment when a request was due.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def due_times(count: int, interval: float, began: float | None = None) -> Iterator[float]:
    """Yield *count* moments of the monotonic clock, *interval* seconds apart.

    The first moment is *began*, or now.
    """
    began = time.monotonic() if began is None else began
    for number in range(count):
        yield began + number * interval


async def wait_until(due: float) -> None:
    """Wait until *due* on the monotonic clock; return at once if that has passed."""
    await asyncio.sleep(due - time.monotonic())
