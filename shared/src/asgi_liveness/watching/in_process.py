"""The watcher of the event loop that runs ``watch_loop``: log records and numbers of its stalls.

The rule: nothing of it disturbs the app. No failure of a callback, of a handler of the log or of
the numbers leaves the watcher's thread, and when the context ends, the thread has ended.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
import traceback
from collections import deque
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.errors import UsageError
from asgi_liveness.foreign import plain
from asgi_liveness.inside.injected import layout
from asgi_liveness.inside.injected.pulse import SECOND, Pulse
from asgi_liveness.inside.injected.serves import serves_of
from asgi_liveness.inside.injected.watcher import Watcher
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.watching.exported import exported
from asgi_liveness.watching.loop_stall import loop_stall
from asgi_liveness.watching.memory import Memory
from asgi_liveness.watching.open_stalls import OpenStalls

if TYPE_CHECKING:
    import threading
    from collections.abc import AsyncIterator, Callable

    from asgi_liveness.stalls.stalls import Stall
    from asgi_liveness.watching.exported import Exported
    from asgi_liveness.watching.loop_stall import LoopStall

LOGGER: Final = logging.getLogger("asgi_liveness")
STARTS: Final = 5.0
"""Seconds in which a loop may begin to serve. What blocks it before that is the app's start, which
is no stall; so stalls wait so long for their report where the loop does not serve."""
_END_LIMIT: Final = 2.0
"""Seconds that the end of the context waits for ``on_stall`` to return."""
LEAST: Final = 0.01
"""Seconds of the shortest limit. The watcher wakes four times in it."""
_MOSTLY: Final = 0.5
_SOME: Final = 0.1
"""The part of a time for which C code runs at least, also on a busy machine."""
_MOST_BEATS: Final = 2**16  # that wait for the watcher's thread
_MOST_GAPS: Final = 50
HELD: Final = "C code held the GIL, so that the watcher could not run"
STOOD: Final = "the whole process stood still"


class LoopWatcher(Watcher):
    """The watcher of one event loop; it reports each stall once, in its own thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_stall: Callable[[LoopStall], object] | None,
        criteria: Criteria,
        numbers: Exported | None,
        *,
        named: bool,
    ) -> None:
        self._loop, self._on_stall, self._criteria = loop, on_stall, criteria
        self._numbers = numbers
        self._memory, self._open = Memory(), OpenStalls(criteria)
        self._late_by: deque[int] = deque(maxlen=_MOST_BEATS)
        self._gaps: deque[tuple[int, int, int]] = deque(maxlen=_MOST_GAPS)
        self._held_back: list[tuple[Stall, datetime]] = []
        self._failed: set[str] = set()
        self._began = self._ran_at = time.monotonic_ns()
        self._used = time.process_time_ns()
        super().__init__(self._memory, criteria.max_stall, named=named)

    def _new_pulse(self) -> Pulse:
        slot = self._memory.take()
        if self._numbers is None:
            return Pulse(self._memory.words, slot, self._period, self._late)
        return _CountedPulse(self._memory.words, slot, self._period, self._late, self._late_by)

    def _watch(self) -> None:
        super()._watch()
        self._look_around(time.monotonic_ns())  # what has ended since the last round
        self._guarded("the watcher", self._report, ends=True)

    def _look_around(self, now: int) -> None:
        self._note_gap(now)
        super()._look_around(now)
        if self._late_by or self._held_back or self._memory.has_lines:
            self._note_gap(time.monotonic_ns())
            self._guarded("the watcher", self._report)
            self._ran_at = time.monotonic_ns()

    def _note_gap(self, now: int) -> None:
        """Note for how long this thread did not run, and for how long the process did meanwhile."""
        used = time.process_time_ns()
        if now - self._ran_at > self._limit // 2:
            self._gaps.append((self._ran_at, now, used - self._used))
        self._ran_at, self._used = now, used

    def _report(self, *, ends: bool = False) -> None:
        """Report the stalls that can be, and count the beats since the last round."""
        while self._late_by and self._numbers is not None:
            self._guarded("the metrics", self._numbers.beat, self._late_by.popleft() / SECOND)
        for slot, line in self._memory.lines():
            # A pass of the garbage collector is of the whole process, and so of the only slot.
            heartbeat = self._memory.heartbeat(slot or layout.HEADER)
            if (stall := self._open.take(line, heartbeat)) is not None:
                ago = timedelta(seconds=time.monotonic() - stall.began)
                self._held_back.append((stall, datetime.now(UTC) - ago))
        serves = serves_of(self._loop)
        if not (serves or ends or time.monotonic_ns() > self._began + STARTS * SECOND):
            return
        while self._held_back:
            stall, when = self._held_back.pop(0)
            # A request may have waited on the socket: then its stall begins before the server.
            if serves is None or stall.began + stall.length > serves.since / SECOND:
                blind, package = self._blind(stall), self._criteria.package
                self._tell(loop_stall(stall, when, package, blind, named=self._named))

    def _tell(self, stall: LoopStall) -> None:
        self._guarded("the log", log, stall)
        if self._numbers is not None:
            self._guarded("the metrics", self._numbers.stalled, stall.where)
        if self._on_stall is not None:
            self._guarded("on_stall", self._on_stall, stall)

    def _guarded(self, name: str, call: Callable[..., object], *args: Any, **named: Any) -> None:
        """Call, and log only the first failure of each *name*."""
        try:
            call(*args, **named)
        except BaseException as error:  # noqa: BLE001 (see the rule)
            if name not in self._failed:
                self._failed.add(name)
                self._guarded("the log", LOGGER.error, "%s", _failure(name, error))

    def _blind(self, stall: Stall) -> str:
        """Return why the watcher did not run for most of a *stall*; "" if it did."""
        began, length = int(stall.began * SECOND), int(stall.length * SECOND)
        within = [gap for gap in self._gaps if gap[1] > began and gap[0] < began + length]
        passed = sum(until - since for since, until, _ in within)
        if passed < _MOSTLY * length:
            return ""
        return HELD if sum(used for _, _, used in within) > _SOME * passed else STOOD


class _CountedPulse(Pulse):
    """A heartbeat whose lateness other code counts, in the watcher's thread."""

    def __init__(
        self, words: memoryview, slot: int, beat_period: float, late: int, late_by: deque[int]
    ) -> None:
        super().__init__(words, slot, beat_period, late)
        self._late_by = late_by

    def _count(self, late_by: int) -> None:
        self._late_by.append(late_by)


def log(stall: LoopStall) -> None:
    """Log a stall: the message for people, and its fields for programs."""
    fields = {
        "stall_seconds": round(stall.seconds, 3),
        "stall_began": stall.when.isoformat(timespec="milliseconds"),
        "stall_goes_on": stall.goes_on,
        "stall_file": stall.file,
        "stall_line": stall.line,
        "stall_function": stall.function,
        "stall_source": stall.source,
        "stall_request": stall.request,
        "stall_advice": stall.advice,
        "stall_unknown": stall.unknown,
    }
    LOGGER.warning("%s", stall, extra=fields)


def _failure(name: str, error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    text = f"{name} raised {type(error).__name__}: {error}{where}; further errors are not logged"
    return plain(text)


def watched_loop(
    on_stall: Callable[[LoopStall], object] | None,
    max_stall: float,
    package: str,
    *,
    requests: bool,
    metrics: str | None,
) -> AbstractAsyncContextManager[None]:
    """Return the context in which its event loop is watched; see ``asgi_liveness.watch_loop``."""
    given: object = max_stall
    if not (isinstance(given, int | float) and LEAST <= given < math.inf):
        raise UsageError(f"max_stall {max_stall!r:.40}: give seconds from {LEAST} on, such as 0.2")
    numbers = exported(metrics) if metrics else None
    return _watched(on_stall, Criteria(max_stall, package), numbers, named=requests)


@asynccontextmanager
async def _watched(
    on_stall: Callable[[LoopStall], object] | None,
    criteria: Criteria,
    numbers: Exported | None,
    *,
    named: bool,
) -> AsyncIterator[None]:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise UsageError(
            "watch_loop: no event loop of asyncio runs here, and it knows no other"
        ) from None
    attributes = getattr(loop, "__dict__", {})
    has_own = "create_server" in attributes
    watcher = LoopWatcher(loop, on_stall, criteria, numbers, named=named)
    watcher.attach(loop)
    try:
        yield
    finally:
        try:
            await asyncio.sleep(
                layout.period(criteria.max_stall)
            )  # a last beat ends the stall that ran until now
        finally:
            watcher.detach()
            watcher.end()
            if not has_own:
                attributes.pop("create_server", None)
            await _ended(watcher.thread)


async def _ended(thread: threading.Thread) -> None:
    """Wait for the end of a thread, for a while. It may call the loop, which therefore runs."""
    until = time.monotonic() + _END_LIMIT
    while thread.is_alive() and time.monotonic() < until:  # noqa: ASYNC110 (a thread sets no event)
        await asyncio.sleep(0.001)
