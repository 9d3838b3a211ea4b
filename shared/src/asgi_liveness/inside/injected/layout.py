"""The words of the board: what a watched process writes, and where. No import from the kit."""

from __future__ import annotations

BOARD_VARIABLE = "ASGI_LIVENESS_BOARD"
LIMIT_VARIABLE = "ASGI_LIVENESS_MAX_STALL"
NAMES_VARIABLE = "ASGI_LIVENESS_NAMES_REQUESTS"
"""Set where samples name the request; see ``request``."""

LOOPS = 256
"""Event loops that the board has slots for. A full board gives away those of ended processes."""
WORD = 8  # bytes
TAKEN, REQUESTS = range(2)  # the header: slots taken, requests of the runner for all stacks
HEADER = 2
EDGES = (
    *(1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000, 100_000_000),
    *(200_000_000, 500_000_000, 1_000_000_000, 2_000_000_000, 5_000_000_000, 10_000_000_000),
)
"""The upper edges, in ns, of the buckets that count how late beats were; the last has none."""
PROCESS, THREAD, STATE, BEAT_AT, WATCHER_RAN_AT = range(5)
PERIOD, KIND, PYTHON, PORTS, SERVES_SINCE, PASS_SINCE, LATE_BY, LATE = range(5, 13)
"""The words of a slot; times in ns. ``PORTS`` has four, on which the loop serves. ``PASS_SINCE`` is
when the pass of the garbage collector began that goes on, in the first slot of a process; else 0.
``LATE_BY`` is the sum of how late all beats were, and with ``LATE`` their buckets begin."""
SLOT = LATE + len(EDGES) + 1
PORT_BITS = 16
SIZE = (HEADER + LOOPS * SLOT) * WORD
STOPPED, RUNS, FAILED = range(3)
"""The states of a loop. ``FAILED``: an exception ended it."""
KINDS = ("asyncio", "uvloop", "another event loop")


def period(max_stall: float) -> float:
    """Return the seconds from one beat to the next for *max_stall*; the watcher wakes as often."""
    return min(max(max_stall / 4, 0.001), 0.01)
