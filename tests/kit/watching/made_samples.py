"""Samples of a process, made by hand."""

from __future__ import annotations

from typing import Any

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.spy import SpiedThread
from asgi_liveness.watching.sampled import Sampled
from tests.kit.checking.windows import INSTALLED, LOOP, SELECTING, WORKER

PROCESS, THREAD = 7, 8
SERVER = (
    Frame(f"{INSTALLED}/fastapi/routing.py", 215, "run_endpoint_function"),
    Frame(f"{INSTALLED}/starlette/routing.py", 73, "app"),
    Frame(f"{INSTALLED}/uvicorn/protocols/http/h11_impl.py", 403, "run_asgi"),
    *LOOP,
)
"""The frames below a handler."""

Dump = tuple[SpiedThread, ...]


def loop(*frames: Frame, holds_gil: bool = True) -> SpiedThread:
    """The event loop's thread, in a callback."""
    return SpiedThread(PROCESS, holds_gil, (*frames, *SERVER))


def waiting() -> SpiedThread:
    """The event loop's thread, waiting for events."""
    return SpiedThread(PROCESS, False, SELECTING)


def worker(*frames: Frame, number: int = 0, holds_gil: bool = False) -> SpiedThread:
    """A thread of asyncio's executor."""
    stack = (*frames, *WORKER)
    return SpiedThread(THREAD + number, holds_gil, stack, name=f"asyncio_{number}")


def sampled(*dumps: Dump, took: bool | None = False, **changes: Any) -> Sampled:
    """What was seen of a process, in the order of its samples."""
    because = "" if took is not None else "nobody knows"
    fields = {"process": PROCESS, "seconds": 1.0, "because": because, **changes}
    return Sampled(dumps=dumps, took=took, **fields)
