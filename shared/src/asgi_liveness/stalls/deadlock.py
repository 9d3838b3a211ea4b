"""Whether the event loop waits for what no thread of its process can bring about.

The rule: a deadlock has not ended, its loop's thread did not run, and every thread of the process
waits without a limit, for work or for another thread. A thread that runs, sleeps, or looks after
another process or another event loop may still end the wait. It reads no file but sources.
"""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls import pools, source, stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.serving.records import Frame, ThreadStack
    from asgi_liveness.stalls.line import Line
    from asgi_liveness.stalls.stalls import Stall

_RAN: Final = 0.1
"""The part of a stall for which a thread that only waits runs at most."""
_RESULT: Final = "/concurrent/futures/_base.py"
_THREADING: Final = "/threading.py"
_WAITS: Final = (_THREADING, "/queue.py", _RESULT)
_RUNS: Final = ("run", "_bootstrap", "_bootstrap_inner")
"""The functions of ``threading`` below a thread's own work, which may be C code."""
_LIMIT: Final = "timeout"
"""The word in the line of ``threading`` that waits for a limited time."""


def is_deadlock(line: Line, stall: Stall, threads: Sequence[ThreadStack]) -> bool:
    """Whether a stall is a deadlock. *threads* are all of its process, read late in the stall."""
    return (
        stall.goes_on
        and (stall.ran is None or stall.ran < _RAN)
        and bool(threads)
        and _waits(line.frames)
        and all(_is_stuck(thread.stack) for thread in threads)
    )


def waits_for_result(frames: Sequence[Frame]) -> bool:
    """Whether the innermost function outside of ``threading`` is that of a future's result."""
    outer = list(dropwhile(lambda frame: frame.file.endswith(_THREADING), frames))
    return bool(outer) and outer[0].file.endswith(_RESULT)


def _is_stuck(frames: Sequence[Frame]) -> bool:
    """Whether a thread has no work or waits for another thread, and can end no other's wait."""
    has_no_work = pools.is_of_pool(frames) and pools.is_idle(frames)
    return has_no_work or _waits(frames) or _looks_round(frames)


def _waits(frames: Sequence[Frame]) -> bool:
    """Whether a thread waits for another thread, without a limit."""
    return _waits_at_all(frames) and not _is_limited(frames)


def _looks_round(frames: Sequence[Frame]) -> bool:
    """Whether a library's thread waits until it looks round again, for its own work.

    In a stack of Python's library alone it may be a ``Timer``, which then calls any function.
    """
    own = any(stack.is_own(frame.file) for frame in frames)
    library = any(stack.installed(frame.file) for frame in frames)
    return library and not own and _waits_at_all(frames)


def _waits_at_all(frames: Sequence[Frame]) -> bool:
    if not frames:
        return False
    top = frames[0]
    if top.file.endswith(_WAITS):
        return top.function not in _RUNS
    return source.takes_lock(top)


def _is_limited(frames: Sequence[Frame]) -> bool:
    """Whether a wait ends by itself; its innermost line says so, or the call of it."""
    if frames[0].function == "wait":
        return _LIMIT in source.line_of(frames[0].file, frames[0].line)
    callers = (frame for frame in frames if not frame.file.endswith(_WAITS))
    caller = next(callers, None)
    return caller is not None and source.waits_with_limit(caller)
