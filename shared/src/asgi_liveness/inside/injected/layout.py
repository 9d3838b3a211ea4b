"""The words of the board: what a watched process writes, and where. No import from the kit."""

from __future__ import annotations

BOARD_VARIABLE = "ASGI_LIVENESS_BOARD"
LIMIT_VARIABLE = "ASGI_LIVENESS_MAX_STALL"

LOOPS = 256
"""Event loops that the board has slots for."""
WORD = 8  # bytes
TAKEN, REQUESTS = range(2)  # the header: slots taken, requests of the runner for all stacks
HEADER = 2
SLOT = 10
PROCESS, THREAD, STATE, BEAT_AT, WATCHER_RAN_AT = range(5)
PERIOD, KIND, PYTHON, PORTS, SERVES_SINCE = range(5, SLOT)
"""The words of a slot; times in ns. ``PORTS`` has four, on which the loop serves."""
PORT_BITS = 16
SIZE = (HEADER + LOOPS * SLOT) * WORD
STOPPED, RUNS, FAILED = range(3)
"""The states of a loop. ``FAILED``: an exception ended it."""
KINDS = ("asyncio", "uvloop", "another event loop")


def period(max_stall: float) -> float:
    """Return the seconds from one beat to the next for *max_stall*; the watcher wakes as often."""
    return min(max(max_stall / 4, 0.001), 0.01)
