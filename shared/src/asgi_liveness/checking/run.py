"""A check from its options to its report: start the app, probe it idle, then during each request.

The rule: each request gets a fresh app, so that no request is blamed for the one before it. The app
of the first request is watched at the same time as the idle one, where two can run.
"""

from __future__ import annotations

import asyncio
import os
import platform
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asgi_liveness
from asgi_liveness.checking.again import again
from asgi_liveness.checking.apps import Apps
from asgi_liveness.checking.call import Call, calls_of, headers_of
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
from asgi_liveness.checking.windows import Windows
from asgi_liveness.errors import LivenessError, UsageError
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.stalls import stalls

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.checking.checked_app import CheckedApp
    from asgi_liveness.checking.observation import CheckObservation
    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.redaction import Redaction
    from asgi_liveness.checking.untried import Untried
    from asgi_liveness.checking.windows import Step

_NO_FINDING: Final = (Verdict.LIVE, Verdict.INCONCLUSIVE)
_NOT_FOUND: Final = 404


def run(
    options: Options,
    progress: Step = lambda *_: None,
    keep: Callable[[Report], object] = lambda _: None,
) -> Report:
    """Run the check that *options* describe.

    *progress* gets a few words before each step, and a whole line before ``--openapi`` calls.
    *keep* gets the report as soon as it is known, while the apps end, or a report of what was
    judged where the check is cut short. Raises ``UsageError`` or ``TargetError`` where the check
    cannot run.
    """
    redaction, check, kept = redaction_of(options), None, list[Report]()

    def keep_once(report: Report) -> None:
        if not kept:
            kept.append(redaction.report(report))
            keep(kept[0])

    try:
        check = _Check(options, progress, redaction)
        asyncio.run(check.report(keep_once))
        return kept[0]
    except BaseException as error:
        if check and (judged := check.report_so_far(error)):
            keep_once(judged)
        if not isinstance(error, LivenessError):
            raise
        redaction.hide_in(error)
        raise error from None  # the cause has a text of its own
    finally:
        if check:
            check.end()


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
        self._apps = Apps(options, self._judge, redaction)
        self._windows = Windows(options, self._judge, self._apps, progress)

    async def report(self, keep: Callable[[Report], None]) -> None:
        """Run every window, hand out the report, and end every app."""
        try:
            await self._judge_all()
            keep(self._report())
        finally:
            await self._windows.end()
            await self._apps.end_all()

    def end(self) -> None:
        """Leave no process behind, however the check ended."""
        self._apps.end()

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
        app = self._windows.app
        assert app
        return Report(
            target=app.target.name,
            server=self._windows.server,
            probe=f"GET {app.probe_path}",
            interval_s=INTERVAL,
            max_stall_s=self._options.max_stall,
            routes=tuple(self._judged),
            again=again(self._options),
            system={
                "python": self._windows.python,
                "platform": platform.system(),
                "cores": os.cpu_count(),
                "asgi-liveness": asgi_liveness.__version__,
            },
            untried=tuple(self._untried),
            notes=tuple(self._notes),
        )

    async def _judge_all(self) -> None:
        """Judge every window. Raises ``UsageError`` if the report would say nothing."""
        routes, refused, windows = self._judged, list[WindowReport](), self._windows
        self._progress("starting", 0.0)
        windows.prepare(self._calls)
        app = await self._apps.start_first()
        await self._read_document(app)
        windows.prepare(self._calls)
        idle, route = await windows.idle(app, self._calls)
        routes.append(route)
        self._note_probe(idle, app.probe_path)
        if isinstance(app.target, Address) and app.target.unused:
            self._notes.append(app.target.unused)
        for number, call in enumerate(self._calls):
            try:
                await windows.start(number)
            except LivenessError as error:
                routes += [not_tried(str(each), error) for each in self._calls[number:]]
                break
            observation, route = await windows.during(number)
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

    def _stalled(self, observation: CheckObservation) -> bool:
        """Whether the event loop stalled at a known line, cold or warm."""
        return any(stall.frame for stall in stalls(observation, self._judge.criteria))

    def _refusal(self, call: Call, observation: CheckObservation) -> str:
        log = self._windows.app.log if self._windows.app else ""
        return refusal(call, observation, lacks_library=LACKS_LIBRARY in log)

    def _note_probe(self, idle: CheckObservation, probe_path: str) -> None:
        """Say that a 404 is an answer, where the app has none of the usual paths."""
        statuses = {probe.response.status for probe in idle.probes if probe.response}
        if self._options.probe is None and statuses == {_NOT_FOUND}:
            self._notes.append(better_probe(probe_path, self._health))

    async def _read_document(self, app: CheckedApp) -> None:
        """Add the calls of the OpenAPI document with --openapi, and list its other routes."""
        if self._calls and not self._options.openapi:
            return
        document = await read_document(app.target.url, app.session.joined(self._headers))
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
