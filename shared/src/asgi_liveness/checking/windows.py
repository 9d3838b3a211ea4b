"""The windows of a check: the idle one, and one for each request, each with its verdict.

The rule: what another copy of the app can have caused is no finding. It is watched again, alone,
and so is what the machine was too busy for; but never a request that may change data, which runs
alone at once.
"""

from __future__ import annotations

import asyncio
import platform
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.disturbed import may_be_disturbed, waits
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
_IDLE: Final = -1  # in the place of a call's number


class Windows:
    """The windows of one check, on the apps that it starts."""

    def __init__(self, options: Options, judge: Judge, apps: Apps, progress: Step) -> None:
        self._options, self._judge, self._apps = options, judge, apps
        self._progress = progress
        self._calls: Sequence[Call] = ()
        self._idle: CheckObservation | None = None
        self._first: asyncio.Task[Watched | None] | None = None
        """The window of the first call, where it runs at the same time as the idle one."""
        self._first_runs = False
        """Whether the app of that window has started well."""
        self._alone = True
        """Whether no other copy ran since the app that is watched was started."""
        self.app: CheckedApp | None = None
        """The app that was watched last. It runs until the next window."""
        self.server, self.python = "", platform.python_version()

    def prepare(self, calls: Sequence[Call]) -> None:
        """Let the app of the first call start, whose window may run while the app is idle."""
        if calls and calls[0].is_safe:
            self._apps.prepare()

    async def idle(self, app: CheckedApp, calls: Sequence[Call]) -> Judged:
        """Watch the idle *app*, and at the same time the first call if its app was prepared."""
        self.app, self._calls, self._alone = app, calls, not self._apps.is_next_prepared
        self._progress("idle", 0.0)
        if not self._alone:
            self._first = asyncio.create_task(self._watch_first())
        seconds = self._options.duration
        if calls:  # a stall must show in the idle window as well
            seconds = min(max(IDLE_LIMIT, 2 * self._options.max_stall), seconds)
        self._idle = await self._observe(app, None, seconds)
        judge, alone = self._judge.idle, self._alone
        judged = await self._judged(self._idle, _IDLE, seconds, judge, alone=alone)
        self._idle = judged[0]
        return judged

    async def start(self, number: int) -> None:
        """Start the app of a call, unless its window runs already. Raises ``LivenessError``."""
        if self._first and self._first_runs:
            return
        await self.end()
        self.app = await self._app_of(number)

    async def during(self, number: int) -> Judged:
        """Watch the app that was started for a call, and judge it."""
        assert self.app
        assert self._idle
        first, idle_app = self._first, self.app
        watched = await first if first else None
        self._first = None
        self.app, observation = watched or await self._watch(self.app, number)
        call, seconds, alone = self._calls[number], self._options.duration, self._is_alone
        if first and waits(observation, self._judge.criteria) and not _ended(self._idle):
            # Perhaps it waits for the idle app, which is free for the call now.
            self._apps.retire(self.app)
            await self._apps.retired()
            self.app, self._alone = idle_app, True
            observation = await self._observe(idle_app, call, seconds)
            alone = waits(observation, self._judge.criteria)
        elif first:
            self._apps.retire(idle_app)
        judge = partial(self._judge.during, str(call), idle=self._idle)
        return await self._judged(observation, number, seconds, judge, alone=alone)

    @property
    def _is_alone(self) -> bool:
        return self._alone and not (self._first or self._apps.is_next_prepared)

    async def end(self) -> None:
        """End the window of the first call, if it runs while the app is idle."""
        first, self._first = self._first, None
        if first:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)

    async def _watch_first(self) -> Watched | None:
        """Watch the prepared app during the first call; return None if it did not start well."""
        app = await self._apps.prepared()
        self._first_runs = app is not None
        return await self._watch(app, 0) if app else None

    async def _watch(self, app: CheckedApp, number: int) -> Watched:
        """Watch *app* during a call; the app of the next call starts meanwhile."""
        call, following = self._calls[number], self._calls[number + 1 : number + 2]
        # Not while the idle app runs as well: two copies are enough.
        if following and not self._first and call.is_safe and following[0].is_safe:
            self._apps.prepare()
        self._progress(str(call), self._done(number))
        return app, await self._observe(app, call, self._options.duration)

    async def _observe(
        self, app: CheckedApp, call: Call | None, seconds: float
    ) -> CheckObservation:
        observation = await app.watch(call, seconds, self._is_certain)
        self.server, self.python = app.server or self.server, app.python
        return observation

    async def _app_of(self, number: int) -> CheckedApp:
        """Return an app for a call: for the first one the idle app, else a fresh one.

        Raises ``LivenessError``.
        """
        assert self.app
        assert self._idle
        if not (number or _ended(self._idle)):
            return self.app
        self._apps.retire(self.app)
        self._progress("starting", self._done(number))
        app = await self._apps.prepared()
        await self._apps.retired()  # no window runs while another app shuts itself down
        self._alone = app is None
        return app or await self._apps.start()

    def _done(self, number: int) -> float:
        """Return the part of the check that is done before a call, from 0 to 1."""
        return (number + 1) / (len(self._calls) + 1)

    def _is_certain(self, observation: CheckObservation, left: float) -> bool:
        """Whether to close a window: what may still come changes nothing, or nothing counts."""
        if self._idle is None or self._options.no_early:
            return False
        if not self._is_alone and waits(observation, self._judge.criteria):
            return True
        return self._judge.is_certain(observation, self._idle, left)

    async def _judged(
        self,
        observation: CheckObservation,
        number: int,
        seconds: float,
        judge: Callable[[CheckObservation], WindowReport],
        *,
        alone: bool,
    ) -> Judged:
        """Judge an observation, and watch again what it does not decide.

        *alone*: no other copy of the app can have disturbed what was observed.
        """
        route = judge(observation)
        call = None if number == _IDLE else self._calls[number]
        if call and not call.is_safe:
            return observation, route
        if not alone and may_be_disturbed(observation, route, self._judge.criteria):
            observation = await self._observe_again(call, number, seconds)
            route = judge(observation)
        for pause in _PAUSES:
            if route.advice != _TOO_BUSY:
                break
            await asyncio.sleep(pause)
            observation = await self._observe_again(call, number, seconds)
            route = judge(observation)
            route = replace(route, notes=(*route.notes, _REPEATED))
        return observation, route

    async def _observe_again(
        self, call: Call | None, number: int, seconds: float
    ) -> CheckObservation:
        """Watch once more, alone."""
        if self._first:
            await asyncio.wait({self._first})
        self._progress("starting", self._done(number))
        self.app, self._alone = await self._apps.start(), True
        self._progress(str(call or "idle"), self._done(number))
        return await self._observe(self.app, call, seconds)


def _ended(observation: CheckObservation) -> bool:
    return bool(observation.died or observation.exited)
