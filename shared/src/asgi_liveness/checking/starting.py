"""The start of a target: its first response, the path to probe, and the end of what it does then.

The rule: an app that freezes first is watched all the same. Its board shows the event loop.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.probe_path import choose_path

if TYPE_CHECKING:
    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.served import Served

PATIENCE: Final = 5.0
"""Seconds for which an event loop that serves may be silent, before the check goes on without a
response."""
_QUIET: Final = 0.1  # seconds without a stall, after which the app is idle
_POLL: Final = 0.02  # seconds between two reads of the board


async def answers_before_it_freezes(target: Served, path: str) -> bool:
    """Wait for the first response of *path*; return False if *target* freezes before it.

    Raises ``TargetError`` as ``wait_until_ready`` does.
    """
    ready = asyncio.create_task(target.wait_until_ready(path))
    try:
        while not ready.done() and silence(target) < PATIENCE:
            await asyncio.wait({ready}, timeout=_POLL)
        if ready.done():
            await ready
        return ready.done()
    finally:
        ready.cancel()
        await asyncio.wait({ready})


async def path_to_probe(target: Served, path: str, options: Options) -> str:
    """Return the path to probe: *path*, or a usual one. Raises ``UsageError`` where none responds.

    A path that does not respond because the event loop stalls is right.
    """
    stalls = partial(has_stalled, target, time.monotonic(), options.max_stall)
    return await choose_path(target.url, path, required=bool(options.probe), stalls=stalls)


async def settle(target: Served, max_stall: float) -> None:
    """Wait until the app has done what the first requests made it do, for ``PATIENCE`` at most."""
    began = quiet = time.monotonic()
    while (now := time.monotonic()) - quiet < _QUIET and now - began < PATIENCE:
        if silence(target) > max_stall:
            quiet = now
        await asyncio.sleep(_POLL)


def has_stalled(target: Served, since: float, max_stall: float) -> bool:
    """Whether the event loop that serves has been silent for too long *since* a moment."""
    ended = any(end.ended > since for end in target.board.ends()) if target.board else False
    return ended or silence(target) > max_stall


def silence(target: Served) -> float:
    """Return for how many seconds an event loop that serves has been silent."""
    beats = target.board.heartbeats() if target.board else []
    now = time.monotonic()
    return max((beat.silent(now) for beat in beats if beat.ports), default=0.0)
