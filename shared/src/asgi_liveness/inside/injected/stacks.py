"""Stacks of threads and of tasks, and what threads have used: frames, names and counts only.

The rule: no value of a variable is read. A greenlet and a suspended task are not on the stack of
their thread, so their frames come from the task.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    Entry = tuple[str, int, str]
    """File, line and function of a frame."""

_MOST_FRAMES = 200
_MOST_TASKS = 500
"""Tasks to walk. More would keep the GIL from the event loop for too long."""
_FRAMES_OF = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED_BY = ("cr_await", "gi_yieldfrom", "ag_await")
_HIDING = ("async_generator_asend", "async_generator_athrow", "anext_awaitable")
"""The awaitables of an async generator, which have no attribute for the generator."""


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from running while frames are read.

    Up to Python 3.11 it may run while the interpreter makes a frame's object, and run code of the
    app: the frames that the interpreter is just looking at may be gone then, and it crashes.
    """
    pauses = sys.version_info < (3, 12) and gc.isenabled()
    if pauses:
        gc.disable()
    try:
        yield
    finally:
        if pauses:
            gc.enable()


def of_thread(ident: int) -> list[FrameType]:
    """Return the frames of a thread, the innermost first."""
    return list(callers(sys._current_frames().get(ident)))


def below_greenlet(task: asyncio.Task[Any], frames: list[FrameType]) -> list[FrameType]:
    """Return the frames of the thread in which *task* started a greenlet, whose *frames* these are.

    Empty if *frames* are no greenlet's. To find them takes some 30 ms for a million objects.
    """
    module, first = sys.modules.get("greenlet"), _first(task.get_coro(), _FRAMES_OF)
    if module is None or first is None or first in frames:
        return []
    kind = module.greenlet
    for one in gc.get_objects():
        if type(one) is kind and one.gr_frame is not None:
            found = list(callers(one.gr_frame))
            if first in found:
                return found
    return []


def entries(frames: list[FrameType]) -> list[Entry]:
    """Return file, line and function of frames, without functions that are just being entered.

    Some Pythons release the GIL there and not in the function's lines, so that too many samples
    would show them.
    """
    while len(frames) > 1 and _is_entered(frames[0]):
        frames = frames[1:]
    return [_entry(frame) for frame in frames[:_MOST_FRAMES]]


def of_tasks(loops: list[asyncio.AbstractEventLoop]) -> list[tuple[int, list[Entry]]]:
    """Return the stacks of the tasks of *loops*, and how many tasks have each."""
    found: Counter[tuple[Entry, ...]] = Counter()
    for loop in loops:
        with contextlib.suppress(RuntimeError):  # tasks came and went while they were listed
            for task in list(asyncio.all_tasks(loop))[:_MOST_TASKS]:
                found[tuple(_of_task(task))] += 1
    return [(count, list(stack)) for stack, count in found.items() if stack]


def pools() -> dict[int, tuple[str, int, int]]:
    """Return for each thread of an executor its pool's name and number, and the work that waits."""
    module = sys.modules.get("concurrent.futures.thread")
    queues = dict(getattr(module, "_threads_queues", {}))
    numbers = {id(queue): number for number, queue in enumerate(queues.values())}
    return {
        thread.ident: (thread.name.rpartition("_")[0], numbers[id(queue)], queue.qsize())
        for thread, queue in queues.items()
        if thread.ident is not None
    }


def of_threads(loops: set[int]) -> list[dict[str, object]]:
    """Return the stacks of all threads but this one; *loops* are the threads of event loops."""
    own, executors = threading.get_ident(), pools()
    return [
        {
            "loop": ident in loops,
            "pool": executors.get(ident),
            "frames": [_entry(each) for each in callers(frame)][:_MOST_FRAMES],
        }
        for ident, frame in sys._current_frames().items()
        if ident != own
    ]


class Spent(NamedTuple):
    """How a thread has spent its time; zeros where the system does not count."""

    ran: int = 0
    """The ns for which it has run."""
    queued: int = 0
    """The ns for which it has waited for a processor, but for a wait that goes on."""
    slices: int = 0
    """How often it got a processor."""
    ready: bool = False
    """Whether it runs, or waits for a processor."""


def spent(process: int, thread: int) -> Spent:
    """Return how a thread has spent its time."""
    folder = f"/proc/{process}/task/{thread}"
    try:
        with open(f"{folder}/schedstat", "rb") as file:
            ran, queued, slices = map(int, file.read().split())
        with open(f"{folder}/stat", "rb") as file:
            state = file.read().rpartition(b") ")[2][:1]
    except (OSError, ValueError):
        return Spent()
    return Spent(ran, queued, slices, state == b"R")


def _of_task(task: asyncio.Task[Any]) -> list[Entry]:
    """Return the stack of a task and of the task that it awaits, the innermost frame first."""
    held: list[FrameType] = []
    waiting: object = task
    while isinstance(waiting, asyncio.Task) and len(held) < _MOST_FRAMES:
        held += _suspended(waiting.get_coro())
        waiting = getattr(waiting, "_fut_waiter", None)
    return [_entry(frame) for frame in held[::-1]]


def _suspended(awaited: object) -> Iterator[FrameType]:
    """Yield the frames of a coroutine and of what it awaits, the outermost first."""
    for _ in range(_MOST_FRAMES):
        if type(awaited).__name__ in _HIDING:
            awaited = next(filter(_has_frame, gc.get_referents(awaited)), None)
        frame = _first(awaited, _FRAMES_OF)
        if frame is not None:
            yield frame
        awaited = _first(awaited, _AWAITED_BY)
        if awaited is None:
            return


def _first(awaited: object, names: tuple[str, ...]) -> Any:
    return next((getattr(awaited, name) for name in names if hasattr(awaited, name)), None)


def _has_frame(one: object) -> bool:
    return any(hasattr(one, name) for name in _FRAMES_OF)


def callers(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and its callers."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_entered(frame: FrameType) -> bool:
    first, lines = frame.f_code.co_firstlineno, frame.f_code.co_lines()
    return frame.f_lineno == first and any(line not in (None, first) for _, _, line in lines)


def _entry(frame: FrameType) -> Entry:
    return frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
