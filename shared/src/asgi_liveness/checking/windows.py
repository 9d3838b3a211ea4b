"""The windows of a check: the idle one, and one for each request, each with its verdict.

The rule: windows overlap only where two apps can run at a time, and a window that the machine was
too busy for is repeated alone.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from asgi_liveness.stalls.advice import Kind, advice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asgi_liveness.checking.apps import Apps
    from asgi_liveness.checking.call import Call
    from asgi_liveness.checking.checked_app import CheckedApp
    from asgi_liveness.checking.judge import Judge
    from asgi_liveness.checking.observation import CheckObservation
    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.report import WindowReport

    Step = Callable[[str, float], None]
    """Gets a few words before each step, and the part of the work that is done, from 0 to 1."""
    Judged = tuple[CheckObservation, WindowReport]
    Watched = tuple[CheckedApp, CheckObservation]

IDLE_LIMIT: Final = 2.0  # seconds that the idle window lasts at most, if requests follow
_TOO_BUSY: Final = advice(Kind.MACHINE)
_PAUSES: Final = (0.5, 2.0)
"""Seconds before a window is repeated that the machine was too busy for."""
_REPEATED: Final = "the machine was too busy to judge the first window, so it was repeated"


class Windows:
    """The windows of one check, on the apps that it starts."""

    def __init__(self, options: Options, judge: Judge, apps: Apps, progress: Step) -> None:
        self._options, self._judge, self._apps = options, judge, apps
        self._progress = progress
        self._calls: Sequence[Call] = ()
        self._idle: CheckObservation | None = None
        self._first: asyncio.Task[Watched | None] | None = None
        self._is_first_running = False
        """Whether the app of the first call started well while the idle one ran."""
        self.app: CheckedApp | None = None
        """The app that was watched last. It runs until the next window."""

    async def idle(self, app: CheckedApp, calls: Sequence[Call]) -> Judged:
        """Watch the idle *app*, and at the same time the first call if its app was prepared."""
        self.app, self._calls = app, calls
        self._progress("idle", 0.0)
        if self._apps.is_next_prepared:
            self._first = asyncio.create_task(self._watch_first())
        seconds = self._options.duration
        if calls:  # a stall must show in the idle window as well
            seconds = min(max(IDLE_LIMIT, 2 * self._options.max_stall), seconds)
        self._idle = await app.watch(None, seconds)
        judged = await self._judged(self._idle, -1, seconds, self._judge.idle)
        self._idle = judged[0]
        if self._is_first_running:
            self._apps.retire(self.app)
            self._prepare_after(0)
        return judged

    async def start(self, number: int) -> None:
        """Start the app of a call that was not watched yet. Raises ``LivenessError``."""
        if self._first:
            await asyncio.wait({self._first})
            if self._first.exception() or self._first.result():
                return
            self._first = None
        self.app = await self._next_app(number)

    async def during(self, number: int) -> Judged:
        """Watch the app that was started for a call, and judge it."""
        assert self.app
        assert self._idle
        watched = await self._first if self._first else None
        self._first = None
        self.app, observation = watched or await self._watch(self.app, number)
        judge = partial(self._judge.during, str(self._calls[number]), idle=self._idle)
        return await self._judged(observation, number, self._options.duration, judge)

    async def end(self) -> None:
        """End the window of the first call, if it runs."""
        if self._first:
            self._first.cancel()
            await asyncio.wait({self._first})

    async def _watch_first(self) -> Watched | None:
        """Watch the prepared app during the first call; return None if it did not start well."""
        app = await self._apps.prepared()
        self._is_first_running = app is not None
        return await self._watch(app, 0) if app else None

    async def _watch(self, app: CheckedApp, number: int) -> Watched:
        """Watch *app* during a call; the app of the next call starts meanwhile."""
        if not self._first:  # else the idle app runs as well
            self._prepare_after(number)
        call = self._calls[number]
        self._progress(str(call), self._done(number))
        return app, await app.watch(call, self._options.duration, self._is_certain)

    def _prepare_after(self, number: int) -> None:
        """Let the app of the call after this one start."""
        if number + 1 < len(self._calls):
            self._apps.prepare()

    async def _next_app(self, number: int) -> CheckedApp:
        """Return a fresh app, for the first call the idle one. Raises ``LivenessError``."""
        assert self.app
        assert self._idle
        if not (number or self._idle.died or self._idle.exited):
            return self.app
        self._apps.retire(self.app)
        self._progress("starting", self._done(number))
        return await self._apps.prepared() or await self._apps.start()

    def _done(self, number: int) -> float:
        """Return the part of the check that is done before a call, from 0 to 1."""
        return (number + 1) / (len(self._calls) + 1)

    def _is_certain(self, observation: CheckObservation, left: float) -> bool:
        if self._idle is None or self._options.no_early:
            return False
        return self._judge.is_certain(observation, self._idle, left)

    async def _judged(
        self,
        observation: CheckObservation,
        number: int,
        seconds: float,
        judge: Callable[[CheckObservation], WindowReport],
    ) -> Judged:
        """Judge the observation of a call, or of the idle app (-1).

        Watch again if the machine was too busy, but never a call that may change data.
        """
        call, route = self._calls[number] if number >= 0 else None, judge(observation)
        for pause in _PAUSES:
            if route.advice != _TOO_BUSY or (call and not call.is_safe):
                break
            if self._first:
                await asyncio.wait({self._first})
            await asyncio.sleep(pause)
            self._progress("starting", self._done(number))
            self.app = await self._apps.start()
            self._progress(str(call or "idle"), self._done(number))
            observation = await self.app.watch(call, seconds)
            route = judge(observation)
            route = replace(route, notes=(*route.notes, _REPEATED))
        return observation, route
