"""What to do about a culprit, in a line."""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal["call", "loop", "background", "pool", "threads", "gil", "machine"]
"""What sort of thing delays the probes."""
ADVICE: Final[dict[Kind, str]] = {
    "call": "This is a synchronous call: run it in a thread (`await asyncio.to_thread(...)`, or "
    "make the route a plain `def`), or use its async counterpart.",
    "loop": "This loop never yields to the event loop: add `await asyncio.sleep(0)` to each "
    "iteration, or run the work outside the request.",
    "background": "A background task with `async def` runs on the event loop: make it a plain "
    "`def`, and the framework runs it in a thread.",
    "pool": "The thread pool that all synchronous routes share is full: give the work a pool of "
    "its own.",
    "threads": "Threads that compute share the GIL with the event loop: run the work in processes.",
    "gil": "This is C code that holds the GIL, so a thread does not help: run the work in a "
    "process.",
    "machine": "The machine was too busy: stop other work on it, and try again.",
}
_EXPLAINED_BY: Final[dict[Kind, str]] = {
    "pool": "starved",
    "threads": "starved",
    "machine": "inconclusive",
}


def advice(kind: Kind) -> str:
    """Return what to do, in a line, and the command that says more."""
    return f"{ADVICE[kind]} More: asgi-liveness explain {_EXPLAINED_BY.get(kind, 'stalled')}"
