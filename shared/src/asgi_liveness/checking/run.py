"""A check from its options to its report: start the app, probe it idle, then during each request.

The rule: each request gets a fresh app, so that no request is blamed for the one before it.
"""

from __future__ import annotations

import asyncio
import os
import platform
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asgi_liveness
from asgi_liveness.checking.again import again
from asgi_liveness.checking.call import Call, calls_of, headers_of
from asgi_liveness.checking.checked_app import CheckedApp
from asgi_liveness.checking.hints import (
    all_refused,
    better_probe,
    not_checked,
    not_tried,
    of_live,
)
from asgi_liveness.checking.judge import Judge
from asgi_liveness.checking.named import package_of
from asgi_liveness.checking.openapi import PATHS, read_document
from asgi_liveness.checking.planned import WEBSOCKETS, planned, retry
from asgi_liveness.checking.redaction import redaction_of
from asgi_liveness.checking.refusal import LACKS_LIBRARY, refusal
from asgi_liveness.checking.report import Report, Verdict, WindowReport
from asgi_liveness.checking.served import Address
from asgi_liveness.checking.watch import INTERVAL
from asgi_liveness.errors import LivenessError, UsageError
from asgi_liveness.stalls.advice import Kind, advice
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.stalls import stalls

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.checking.checked_app import Step
    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.redaction import Redaction
    from asgi_liveness.checking.untried import Untried
    from asgi_liveness.checking.watch import CheckObservation

IDLE_LIMIT: Final = 2.0  # seconds that the idle window lasts at most, if requests follow
_NO_FINDING: Final = (Verdict.LIVE, Verdict.INCONCLUSIVE)
_NOT_FOUND: Final = 404
_TOO_BUSY: Final = advice(Kind.MACHINE)
_PAUSES: Final = (0.5, 2.0)
"""Seconds before a window is repeated that the machine was too busy for."""


def run(
    options: Options,
    progress: Step = lambda *_: None,
    keep: Callable[[Report], object] = lambda _: None,
) -> Report:
    """Run the check that *options* describe.

    *progress* gets a few words before each step, and a whole line before ``--openapi`` calls.
    Where the check ends early, *keep* gets a report of what was judged before that. Raises
    ``UsageError`` or ``TargetError`` where the check cannot run.
    """
    redaction, check = redaction_of(options), None
    try:
        check = _Check(options, progress, redaction)
        return redaction.report(asyncio.run(check.report()))
    except BaseException as error:
        if check and (judged := check.report_so_far(error)):
            keep(redaction.report(judged))
        if not isinstance(error, LivenessError):
            raise
        redaction.hide_in(error)
        raise error from None  # the cause has a text of its own


class _Check:
    def __init__(self, options: Options, progress: Step, redaction: Redaction) -> None:
        self._options, self._progress = options, progress
        self._calls = calls_of(options)
        self._headers = headers_of(options.headers)
        self._listed: list[Call] = []  # calls from the OpenAPI document that --during does not name
        self._judged: list[WindowReport] = []
        self._untried: list[Untried] = []
        self._notes: list[str] = []
        self._health = ""
        self._learned = False  # whether a window of a refused request showed a stall
        self._folder = Path(options.app_dir or ".").absolute()
        self._judge = Judge(Criteria(options.max_stall, package_of(options)), self._folder)
        self._app = CheckedApp(options, self._judge, progress, redaction)

    async def report(self) -> Report:
        """Run every window and return the report. Leave no process behind."""
        try:
            await self._judge_all()
            return self._report()
        finally:
            self._app.end()

    def report_so_far(self, error: BaseException) -> Report | None:
        """Return a report of what was judged before *error*; None if that is nothing to show."""
        known = [route for route in self._judged if route.verdict is not Verdict.NOT_CHECKED]
        found = [route for route in known if route.during or route.verdict is not Verdict.LIVE]
        if not (found if isinstance(error, LivenessError) else known):
            return None
        why = str(error) if isinstance(error, LivenessError) else "the check was interrupted"
        names = {route.during for route in self._judged}
        left = [str(call) for call in self._calls if str(call) not in names]
        self._judged += [not_tried(call, why) for call in left]
        return self._report()

    def _report(self) -> Report:
        app = self._app
        return Report(
            target=app.target.name,
            server=app.server,
            probe=f"GET {app.probe_path}",
            interval_s=INTERVAL,
            max_stall_s=self._options.max_stall,
            routes=tuple(self._judged),
            again=again(self._options),
            system={
                "python": app.python,
                "platform": platform.system(),
                "cores": os.cpu_count(),
                "asgi-liveness": asgi_liveness.__version__,
            },
            untried=tuple(self._untried),
            notes=tuple(self._notes),
        )

    async def _judge_all(self) -> None:
        """Judge every window. Raises ``UsageError`` if the report would say nothing."""
        await self._app.start()
        await self._read_document()
        seconds = self._options.duration
        routes, refused = self._judged, list[WindowReport]()
        idle, route = await self._window(
            None, self._idle_seconds if self._calls else seconds, self._judge.idle
        )
        routes.append(route)
        self._note_probe(idle)
        target = self._app.target
        if isinstance(target, Address) and target.unused:
            self._notes.append(target.unused)
        for number, call in enumerate(self._calls):
            self._app.done = (number + 1) / (len(self._calls) + 1)
            try:
                if number or idle.died or idle.exited:
                    await self._app.start()
            except LivenessError as error:
                routes += [not_tried(str(each), error) for each in self._calls[number:]]
                break
            judge = partial(self._judge.during, str(call), idle=idle)
            observation, route = await self._window(call, seconds, judge)
            why = self._refusal(call, observation) if route.verdict in _NO_FINDING else ""
            if not why:
                package = self._judge.criteria.package
                hints = of_live(call, self._options.concurrency, self._folder, package)
                live = route.verdict is Verdict.LIVE
                routes.append(replace(route, notes=(*route.notes, *(hints if live else ()))))
                continue
            refused.append(not_checked(route, why))
            if call in self._listed and not self._stalled(observation):
                self._untried.append(retry(self._options, call, refused[-1].because))
            else:
                routes.append(refused[-1])
            self._learned |= self._stalled(observation)
        judged = [route for route in routes if route.verdict is not Verdict.NOT_CHECKED]
        found = self._learned or judged[1:] or judged[0].verdict not in _NO_FINDING
        if refused and not found:
            raise UsageError(all_refused(refused))

    async def _window(
        self,
        call: Call | None,
        seconds: float,
        judge: Callable[[CheckObservation], WindowReport],
    ) -> tuple[CheckObservation, WindowReport]:
        """Watch a window and judge it, and repeat it if the machine was too busy.

        A call that may change data is never repeated.
        """
        observation = await self._app.watch(call, seconds)
        route = judge(observation)
        for pause in _PAUSES:
            if route.advice != _TOO_BUSY or (call and not call.is_safe):
                break
            await asyncio.sleep(pause)
            await self._app.start()
            observation = await self._app.watch(call, seconds)
            route = judge(observation)
            note = "the machine was too busy to judge the first window, so it was repeated"
            route = replace(route, notes=(*route.notes, note))
        return observation, route

    @property
    def _idle_seconds(self) -> float:
        """The length of an idle window before requests, in which a stall must show as well."""
        return min(max(IDLE_LIMIT, 2 * self._options.max_stall), self._options.duration)

    def _stalled(self, observation: CheckObservation) -> bool:
        """Whether the event loop stalled at a known line, cold or warm."""
        return any(stall.frame for stall in stalls(observation, self._judge.criteria))

    def _refusal(self, call: Call, observation: CheckObservation) -> str:
        return refusal(call, observation, lacks_library=LACKS_LIBRARY in self._app.log)

    def _note_probe(self, idle: CheckObservation) -> None:
        """Say that a 404 is an answer, where the app has none of the usual paths."""
        statuses = {probe.response.status for probe in idle.probes if probe.response}
        if self._options.probe is None and statuses == {_NOT_FOUND}:
            self._notes.append(better_probe(self._app.probe_path, self._health))

    async def _read_document(self) -> None:
        """Add the calls of the OpenAPI document with --openapi, and list its other routes."""
        if self._calls and not self._options.openapi:
            return
        headers = self._app.session.joined(self._headers)
        document = await read_document(self._app.target.url, headers)
        if document is None:
            if self._options.openapi:
                raise UsageError(
                    f"--openapi was given, and the app has no OpenAPI document at "
                    f"{', '.join(PATHS)}; name its routes: --during 'GET /report'"
                )
            return
        plan = planned(self._options, document, self._calls)
        self._listed, self._untried, self._health = plan.calls, plan.untried, plan.health
        self._calls += self._listed
        if self._options.openapi:
            self._notes.append(WEBSOCKETS)
            self._progress(f"{plan.announcement}\n", 0.0)
