"""The open-loop schedule: requests leave when they are due, whether or not others were answered.

The rule: a freeze cannot hide itself by holding the prober up, since nothing here waits for a
response. A wait counts from when a request was due.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def due_times(count: int, interval: float, began: float | None = None) -> Iterator[float]:
    """Yield *count* moments of the monotonic clock, *interval* seconds apart.

    The first is *began*, or now.
    """
    began = time.monotonic() if began is None else began
    for number in range(count):
        yield began + number * interval


async def wait_until(due: float) -> None:
    """Wait until a moment of the monotonic clock; a caller that is late goes on at once."""
    await asyncio.sleep(due - time.monotonic())
