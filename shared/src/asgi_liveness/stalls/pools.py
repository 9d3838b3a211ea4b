"""Pools of threads: AnyIO's, asyncio's default executor, an app's own. Each is full for itself.

The rule: a pool is full if work waits for it. Idle threads of other pools prove nothing. Pure.
"""

from __future__ import annotations

from collections import defaultdict
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
_ACQUIRES: Final = ("acquire_on_behalf_of", "acquire")
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
    waited_for = not tasks or any(map(_waits_for_anyio, tasks))
    found = []
    for (_, name, _), members in pools.items():
        busy = [thread.stack for thread in members if not is_idle(thread.stack)]
        queued = any(thread.pool and thread.pool.queued for thread in members)
        # AnyIO keeps idle threads of limiters that are not full.
        if busy and (queued and len(busy) == len(members) if name else waited_for):
            frames = tuple(frame_of(frames, package) for frames in busy)
            found.append(FullPool(_name(name), len(busy), frames, not name))
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
    return any(frame.file.endswith(_ANYIO) and frame.function in _ACQUIRES for frame in task.stack)


def _name(name: str) -> str:
    if not name:
        return "AnyIO's"
    return "asyncio's default" if name in _DEFAULT else repr(name)
