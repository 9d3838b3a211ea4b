"""Pools of threads: AnyIO's, asyncio's default executor, an app's own. Each is full for itself.

The rule: a pool is full if work waits for it. Idle threads of other pools prove nothing. AnyIO has
one pool, and an app may limit its own part of it. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import takewhile
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.stalls import source, stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from asgi_liveness.serving.records import Frame, TaskStack, ThreadStack

_ANYIO: Final = "/anyio/_backends/_asyncio.py"
_EXECUTOR: Final = "/concurrent/futures/thread.py"
_WAITS: Final = ("/queue.py", "/threading.py")
_DEFAULT: Final = ("asyncio", "uvloop")
"""The names that event loops give to their default executor."""
_ACQUIRES: Final = ("acquire_on_behalf_of", "acquire", "__aenter__")
_ITS_LIMITER: Final = "a CapacityLimiter of the app"
_LIMITER: Final = "limiter"
"""The keyword with which code names a limiter of its own for a thread of AnyIO."""
_CALLS: Final = "context.run("
"""The source of the line at which a thread of AnyIO runs its work."""


class FullPool(NamedTuple):
    """A pool whose threads are all busy while work waits."""

    name: str
    threads: int
    frames: tuple[Frame, ...]
    """Where the threads are, a frame each."""
    is_shared: bool
    """It is AnyIO's, which all synchronous routes share."""


def full_pools(
    threads: Iterable[ThreadStack], tasks: Sequence[TaskStack], package: str
) -> list[FullPool]:
    """Return the pools that are full, the largest first."""
    pools: dict[tuple[int, str, int], list[ThreadStack]] = defaultdict(list)
    for thread in threads:
        if thread.pool is not None:
            pools[thread.process, thread.pool.name, thread.pool.number].append(thread)
        elif not thread.is_loop and _anyio_frame(thread.stack) is not None:
            pools[thread.process, "", 0].append(thread)
    waiting = [task for task in tasks if _waits_for_anyio(task)]
    waited_for = bool(waiting) or not tasks
    is_limited = bool(waiting) and all(map(_has_own_limiter, waiting))
    found = []
    for (_, name, _), members in pools.items():
        busy = [thread.stack for thread in members if not is_idle(thread.stack)]
        queued = any(thread.pool and thread.pool.queued for thread in members)
        # AnyIO keeps idle threads of limiters that are not full.
        if busy and (queued and len(busy) == len(members) if name else waited_for):
            frames = tuple(frame_of(frames, package) for frames in busy)
            is_shared = not name and not is_limited
            shown = _name(name) if name or is_shared else _ITS_LIMITER
            found.append(FullPool(shown, len(busy), frames, is_shared))
    return sorted(found, key=lambda pool: -pool.threads)


def is_of_pool(frames: Sequence[Frame]) -> bool:
    """Whether a thread is of an executor, or of AnyIO."""
    executors = any(frame.file.endswith(_EXECUTOR) for frame in frames)
    return executors or _anyio_frame(frames) is not None


def is_idle(frames: Sequence[Frame]) -> bool:
    """Whether a thread waits for work: a pool's thread without any, or one with no other code."""
    if any(frame.file.endswith(_EXECUTOR) for frame in frames):
        return not any(
            frame.file.endswith(_EXECUTOR) and frame.function == "run" for frame in frames
        )
    at = _anyio_frame(frames)
    if at is not None:
        waits = all(frame.file.endswith(_WAITS) for frame in frames[:at])
        calls = _CALLS in source.line_of(frames[at].file, frames[at].line)
        return waits and not calls
    return all(stack.is_standard(frame.file) for frame in frames)


def works(frames: Sequence[Frame]) -> bool:
    """Whether a thread runs, and does not wait for another thread or for work."""
    return bool(frames) and not frames[0].file.endswith((*_WAITS, _ANYIO, _EXECUTOR))


def frame_of(frames: Sequence[Frame], package: str) -> Frame:
    """Return where a thread is: in the app's code if it is there, else in any."""
    blamed = stack.blamed(frames, package)
    return frames[blamed[-1]] if blamed else frames[0]


def _anyio_frame(frames: Sequence[Frame]) -> int | None:
    return next(
        (
            at
            for at, frame in enumerate(frames)
            if frame.file.endswith(_ANYIO) and frame.function == "run"
        ),
        None,
    )


def _waits_for_anyio(task: TaskStack) -> bool:
    """Whether a task waits for a thread of AnyIO, and not for a limiter alone."""
    inner = [frame.function for frame in _in_anyio(task)]
    waits = any(function in _ACQUIRES for function in inner)
    is_whole = len(inner) == len(task.stack)
    return waits and (is_whole or any(function not in _ACQUIRES for function in inner))


def _has_own_limiter(task: TaskStack) -> bool:
    """Whether the code that waits for a thread of AnyIO gives it a limiter of its own."""
    inner = _in_anyio(task)
    caller = task.stack[task.stack.index(inner[-1]) + 1 :][:1] if inner else ()
    return any(source.gives_keyword(frame, _LIMITER) for frame in caller)


def _in_anyio(task: TaskStack) -> list[Frame]:
    """Return the frames of AnyIO that a task awaits; what they await is Python's own."""
    inner = takewhile(lambda frame: _is_anyio(frame) or stack.is_standard(frame.file), task.stack)
    return [frame for frame in inner if _is_anyio(frame)]


def _is_anyio(frame: Frame) -> bool:
    return stack.installed(frame.file) == "anyio"


def _name(name: str) -> str:
    if not name:
        return "AnyIO's"
    return "asyncio's default" if name in _DEFAULT else repr(name)
