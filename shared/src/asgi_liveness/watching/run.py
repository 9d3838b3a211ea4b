"""A watch from its command to its exit code: print each stall while it blocks, and sum up.

The rule: nothing that a watch does ends, delays or changes the command.
"""

from __future__ import annotations

import asyncio
import math
import os
import platform
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asgi_liveness
from asgi_liveness.serving.foreground import Foreground
from asgi_liveness.serving.living import reap_orphans, threads_of
from asgi_liveness.stalls import quote
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.watching.account import Account
from asgi_liveness.watching.named_stall import NamedStall, named
from asgi_liveness.watching.numbers import Numbers
from asgi_liveness.watching.observer import Observer
from asgi_liveness.watching.report import WatchReport, rows_of, shown
from asgi_liveness.watching.signals import OURS, RESUMED, Signals
from asgi_liveness.watching.starvation import FullPools, Starvation

if TYPE_CHECKING:
    from asgi_liveness.stalls.stalls import Stall
    from asgi_liveness.watching.parts import Screen, Watched, WatchOptions

_TICK: Final = 0.1  # seconds between two looks at the board
_SECOND: Final = 1.0  # seconds between two requests for stacks, and two clearings
_FROZEN: Final = 3.0  # seconds after an interrupt, from which a frozen command is said to be so
_GRACE: Final = 1.0  # seconds that further processes may take to end after the command's own
_THREADS: Final = 2  # of a process without pools: the event loop's, and the watcher's
_MOST_STARVED: Final = 20  # pools that a report lists
_SIGNALLED: Final = 128  # what shells add to the number of the signal that ended a command
_NO_LOOP: Final = (
    "No event loop was seen in any process of the command. Is it a Python server that runs an ASGI "
    "app? What leaves out the environment (python -I, -E or -S, sudo) leaves out the watch as well."
)


def run(
    options: WatchOptions, screen: Screen, numbers: Numbers | None = None
) -> tuple[int, WatchReport]:
    """Watch a command to its end; return its exit code and the report.

    Raises ``TargetError`` if the command cannot be started.
    """
    how = {"names_requests": options.names_requests, "goes_on": options.goes_on}
    with Foreground(options.command, options.max_stall, **how) as command:
        return watch(command, options, screen, numbers)


def watch(
    watched: Watched, options: WatchOptions, screen: Screen, numbers: Numbers | None = None
) -> tuple[int, WatchReport]:
    """Watch to the end of what is watched; return its exit code and the report."""
    return asyncio.run(_Watch(options, watched, screen, numbers or Numbers()).run())


class _Watch:
    def __init__(
        self, options: WatchOptions, watched: Watched, screen: Screen, numbers: Numbers
    ) -> None:
        self._options, self._watched = options, watched
        self._screen, self._numbers = screen, numbers
        self._observer = Observer(watched.board, Criteria(options.max_stall, options.package))
        self._account = Account(options.max_stall, self._named)
        self._pools = FullPools(options.package)
        self._starved: list[Starvation] = []
        self._began = time.monotonic()
        self._requested, self._request = 0.0, 0
        self._processes: set[int] = set()
        self._count, self._has_served = 0, False
        self._interrupted, self._is_warned, self._is_forced = math.inf, False, False

    async def run(self) -> tuple[int, WatchReport]:
        """Watch until the command ends; return its exit code as a shell does, and the report."""
        loop = asyncio.get_running_loop()
        Signals(lambda number, sent: loop.call_soon_threadsafe(self._came, number, sent)).begin()
        sampling = asyncio.create_task(self._observer.sampler.sample())
        cleared = self._began
        while self._watched.exit_code is None and not self._is_forced:
            await asyncio.sleep(_TICK)
            self._look()
            if time.monotonic() - cleared > _SECOND:
                cleared = time.monotonic()
                self._look_at_pools()
                self._observer.forget(self._account.first_began)
                reap_orphans(self._watched.own)
        self._look(is_end=True)
        sampling.cancel()
        await self._end()
        code = self._watched.exit_code or 0
        return (code if code >= 0 else _SIGNALLED - code), self._report()

    def _look(self, *, is_end: bool = False) -> None:
        """Count beats and stalls, and tell of them."""
        now = time.monotonic()
        self._numbers.beats(self._observer.heartbeats())
        sampler = self._observer.sampler
        processes = {each.process for each in sampler.heartbeats()}
        if sampler.has_served and not self._has_served:  # those before were of a master
            self._has_served, self._count, self._processes = True, 0, set()
        # One that stops its event loop may run it again: it counts until it has ended.
        self._count += len(processes - self._processes)
        self._processes = (self._processes | processes) - sampler.ended
        stalls, ended = self._observer.stalls(), self._observer.sampler.ended
        found = self._account.look(stalls, now, ended=ended, is_end=is_end)
        for stall, times, is_due in found:
            if not stall.goes_on:
                self._numbers.stalled(_label(stall))
            if is_due or not stall.goes_on:
                self._screen.stalled(stall, times, is_due=is_due)
        if now - self._interrupted > _FROZEN and self._account.first_began and not self._is_warned:
            self._is_warned = True
            self._screen.said(
                "the event loop is blocked, so the command may never end; Ctrl+C again kills it"
            )

    def _named(self, stall: Stall) -> NamedStall:
        board = self._watched.board
        # The stacks of all threads show a deadlock, if they were read during the stall.
        threads = board.threads(self._request) if self._requested > stall.began else []
        found = named(
            stall,
            self._options.package,
            at=time.time() - (time.monotonic() - stall.began),
            threads=[each for each in threads if each.process == stall.process],
            refused=self._observer.sampler.refused,
        )
        return found if self._options.names_requests else replace(found, request="")

    def _look_at_pools(self) -> None:
        """Read what pools of threads do, and ask for it again."""
        board = self._watched.board
        if self._request:
            stalled = self._account.stalled
            threads, tasks = board.threads(self._request), board.tasks(self._request)
            for each in self._pools.answered(threads, tasks, stalled, time.time()):
                self._keep(each)
                self._screen.starved(each)
        self._request = 0
        if any(threads_of(process) > _THREADS for process in self._processes):
            self._request, self._requested = board.request_threads(), time.monotonic()

    def _keep(self, starvation: Starvation) -> None:
        if not starvation.goes_on:
            longest = sorted([*self._starved, starvation], key=lambda each: -each.seconds)
            self._starved = longest[:_MOST_STARVED]

    def _came(self, number: int, is_sent: bool) -> None:
        """Do what a signal asks for; one that was sent to us alone goes to the command."""
        if number == OURS:
            self._screen.summed_up(self._report())
        elif number == RESUMED:
            self._observer.resumed()
        elif self._is_warned and number == signal.SIGINT:
            self._is_forced = True
        else:
            self._interrupted = min(self._interrupted, time.monotonic())
            self._watched.interrupted()
            if is_sent:
                self._watched.signal(number)

    async def _end(self) -> None:
        """Wait a moment for the other processes of the command, and end them."""
        for each in self._pools.end(time.time()):
            self._keep(replace(each, goes_on=False))
        until = time.monotonic() + _GRACE
        while self._watched.others() and time.monotonic() < until and not self._is_forced:  # noqa: ASYNC110 (nothing tells of the end of a process)
            await asyncio.sleep(_TICK)
        left = len(self._watched.others())
        if left and not (self._is_forced or self._options.goes_on):
            self._screen.said(
                f"{left} other process{'es' * (left != 1)} of the command still ran, and ended "
                f"now; --keep lets them go on"
            )
        self._watched.end()

    def _report(self) -> WatchReport:
        watched = time.monotonic() - self._began
        report = WatchReport(
            command=Path(self._options.command[0]).name,
            max_stall_s=self._options.max_stall,
            watched_s=watched,
            processes=self._count,
            culprits=rows_of(self._account.so_far, time.time() - watched),
            starved=tuple(self._starved),
            late_p50_s=self._numbers.quantile(0.5, self._options.max_stall),
            late_p99_s=self._numbers.quantile(0.99, self._options.max_stall),
            notes=() if self._count else (_NO_LOOP,),
            system={
                "python": platform.python_version(),
                "platform": platform.system(),
                "cores": os.cpu_count(),
                "asgi-liveness": asgi_liveness.__version__,
            },
        )
        return shown(report)


def _label(stall: NamedStall) -> str:
    """Return the line of a stall, as the label of a number."""
    return f"{quote.module(stall.culprit)}:{stall.culprit.line}" if stall.culprit else ""
