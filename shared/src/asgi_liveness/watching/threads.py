"""A pool of threads that is full, as far as stacks from outside can tell. Pure.

The rule: nobody outside sees the queue of a pool. It counts as full if as many of its threads work
as it has by default, and none is idle.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final

from asgi_liveness.serving.records import Pool, ThreadStack
from asgi_liveness.stalls import quote, stack
from asgi_liveness.stalls.pools import full_pools, is_of_pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.stalls.pools import FullPool
    from asgi_liveness.stalls.spy import SpiedThread

_ANYIO: Final = 40
"""Threads that AnyIO has by default (``anyio.to_thread.current_default_thread_limiter``)."""
_EXECUTOR: Final = min(32, (os.cpu_count() or 1) + 4)
"""Threads that ``ThreadPoolExecutor`` has by default on this machine."""


def full_pool(dumps: Sequence[Sequence[SpiedThread]], process: int, package: str) -> str:
    """Return a sentence about a pool that is full in the first sample and in the last, or ""."""
    first, last = (_full(dumps[at], process, package) for at in (0, -1))
    if first is None or last is None or first.name != last.name:
        return ""
    frame, count = Counter(last.frames).most_common(1)[0]
    return (
        f"the pool of threads is full ({last.name}): {last.threads} threads work, {count} of them "
        f"at {quote.frame(frame)}; what needs a thread waits"
    )


def _full(threads: Sequence[SpiedThread], process: int, package: str) -> FullPool | None:
    known = [
        ThreadStack(process, stack.runs_a_loop(each.stack), each.stack, _pool(each))
        for each in threads
    ]
    for pool in full_pools(known, (), package):
        if pool.threads >= (_ANYIO if pool.is_shared else _EXECUTOR):
            return pool
    return None


def _pool(thread: SpiedThread) -> Pool | None:
    """Return the pool of an executor's thread, by its name; AnyIO's threads have none."""
    is_of_executor = is_of_pool(thread.stack) and "_" in thread.name
    return Pool(thread.name.rpartition("_")[0], 0, 1) if is_of_executor else None
