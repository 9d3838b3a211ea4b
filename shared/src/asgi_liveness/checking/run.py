"""A check from its options to its report: start the app, probe it idle, then during each request.

The rule: each request gets a fresh app, so that no request is blamed for the one before it.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import asgi_liveness
from asgi_liveness.checking.again import again
from asgi_liveness.checking.call import Call, calls_of, headers_of, rejection
from asgi_liveness.checking.judge import Judge
from asgi_liveness.checking.named import package_of
from asgi_liveness.checking.openapi import plain_gets
from asgi_liveness.checking.probe_path import USUAL, choose_path
from asgi_liveness.checking.redaction import redaction_of
from asgi_liveness.checking.report import Probes, Report, Verdict, WindowReport
from asgi_liveness.checking.request import parse_path
from asgi_liveness.checking.served import Address, served
from asgi_liveness.checking.watch import INTERVAL, CheckObservation, CheckWindow, watch
from asgi_liveness.errors import LivenessError, TargetError, UsageError
from asgi_liveness.stalls.criteria import Criteria

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.served import Served

IDLE_LIMIT: Final = 2.0  # seconds that the idle window lasts at most
_SETTLE: Final = 0.5  # seconds at most that the last probes of a window wait for their responses


def run(
    options: Options,
    progress: Callable[[str], None] = lambda _: None,
    keep: Callable[[Report], object] = lambda _: None,
) -> Report:
    """Run the check that *options* describe; *progress* gets a few words before each step.

    Where the check ends early, *keep* gets a report of what was judged before that. Raises
    ``UsageError`` or ``TargetError`` where the check cannot run.
    """
    redaction, check = redaction_of(options), None
    try:
        check = _Check(options, progress)
        return redaction.report(asyncio.run(check.report()))
    except BaseException as error:
        ended = str(error) if isinstance(error, LivenessError) else "the check was interrupted"
        judged = check.report_so_far(ended) if check else None
        if judged:
            keep(redaction.report(judged))
        if not isinstance(error, LivenessError):
            raise
        redaction.hide_in(error)
        raise error from None  # the cause has a text of its own


class _Check:
    def __init__(self, options: Options, progress: Callable[[str], None]) -> None:
        self._options, self._progress = options, progress
        self._calls = calls_of(options)
        self._listed: list[Call] = []  # calls from the OpenAPI document that --during does not name
        self._judged: list[WindowReport] = []
        self._probe_path = parse_path(options.probe, "--probe") if options.probe else ""
        self._judge = Judge(Criteria(options.max_stall, package_of(options)))
        self._target: Served | None = None
        self._is_idle = False
        self._server, self._python = "", platform.python_version()

    async def report(self) -> Report:
        """Run every window and return the report. Leave no process behind."""
        try:
            return self._report(await self._routes())
        finally:
            self._end()

    def report_so_far(self, why: str) -> Report | None:
        """Return a report of the windows that were judged; None if there are none.

        *why* says why the others were not.
        """
        if not self._judged:
            return None
        known = {route.during for route in self._judged}
        left = [str(call) for call in self._calls if str(call) not in known]
        because = f"it was not judged: {why}"
        rows = [
            WindowReport(call, Verdict.INCONCLUSIVE, Probes(0, 0), None, None, 0.0, because=because)
            for call in left
        ]
        self._judged += rows
        return self._report([])

    def _report(self, untried: list[str]) -> Report:
        assert self._target is not None
        return Report(
            target=self._target.name,
            server=self._server,
            probe=f"GET {self._probe_path}",
            interval_s=INTERVAL,
            max_stall_s=self._options.max_stall,
            routes=tuple(self._judged),
            again=again(self._options),
            system={
                "python": self._python,
                "platform": platform.system(),
                "cores": os.cpu_count(),
                "asgi-liveness": asgi_liveness.__version__,
            },
            untried=tuple(untried),
        )

    async def _routes(self) -> list[str]:
        """Judge each window; return the routes that the check did not try."""
        options, routes = self._options, self._judged
        await self._start()
        untried = await self._read_document()
        idle = await self._watch(None, min(IDLE_LIMIT, options.duration))
        routes.append(self._judge.idle(idle))
        if isinstance(self._target, Address) and self._target.unused:
            routes[0] = replace(routes[0], notes=(*routes[0].notes, self._target.unused))
        for number, call in enumerate(self._calls):
            try:
                if number or idle.died:
                    await self._start()
            except TargetError:
                if not isinstance(self._target, Address):
                    raise
                left = ", ".join(map(str, self._calls[number:]))
                note = f"the server no longer responds; not tried: {left}"
                routes[-1] = replace(routes[-1], notes=(*routes[-1].notes, note))
                break
            observation = await self._watch(call, options.duration)
            rejected = rejection(call, observation)
            if rejected and call not in self._listed:
                raise UsageError(rejected)
            if rejected:
                untried.append(str(call))
            else:
                routes.append(self._judge.during(str(call), observation, idle))
        return untried

    async def _start(self) -> None:
        """Start the app afresh, and choose the path to probe."""
        self._end()
        self._progress("starting")
        self._target = served(self._options)
        self._target.start()
        try:
            await self._target.wait_until_ready(self._probe_path or USUAL[0])
        except TargetError as error:
            raise TargetError(f"{error}{self._blocked_at()}") from error
        self._probe_path = await choose_path(
            self._target.url, self._probe_path, required=bool(self._options.probe)
        )

    def _end(self) -> None:
        """End the app. An idle app may shut itself down first."""
        if self._target is not None:
            self._target.end(politely=self._is_idle)
        self._is_idle = False

    async def _watch(self, call: Call | None, seconds: float) -> CheckObservation:
        """Watch the app for one window, while *call* runs if there is one."""
        assert self._target is not None
        self._progress(str(call) if call else "idle")
        probe, settle = Call("GET", self._probe_path), min(_SETTLE, self._options.max_stall)
        window = CheckWindow(probe, call, seconds, settle, self._options.concurrency)
        observation = await watch(self._target, window)
        self._is_idle = not observation.first_is_open and not observation.silent
        self._server = self._server or _described(self._target, observation)
        self._python = next(
            (heartbeat.python for heartbeat in observation.heartbeats), self._python
        )
        return observation

    async def _read_document(self) -> list[str]:
        """Add the routes of the OpenAPI document with --openapi; without it, return them."""
        if self._calls and not self._options.openapi:
            return []
        assert self._target is not None
        paths = await plain_gets(self._target.url)
        if not self._options.openapi:
            return [f"GET {path}" for path in paths or []]
        if paths is None:
            raise UsageError(
                "--openapi was given, and the app has no OpenAPI document at /openapi.json; name "
                "its routes: --during 'GET /report'"
            )
        known = {(call.method, call.path) for call in self._calls}
        headers = headers_of(self._options)
        self._listed = [Call("GET", path, headers) for path in paths if ("GET", path) not in known]
        self._calls += self._listed
        return []

    def _blocked_at(self) -> str:
        """Return the line that blocks the event loop of an app that does not start, in words."""
        if self._target is None or self._target.board is None:
            return ""
        now = time.monotonic()
        silent = {
            (heartbeat.process, heartbeat.beat_at)
            for heartbeat in self._target.board.heartbeats()
            if heartbeat.silent(now) > self._options.max_stall
        }
        samples = self._target.board.samples()
        last = [sample for sample in samples if (sample.process, sample.began) in silent]
        frame = self._judge.line_of(last)
        return f"; its event loop is blocked at {frame}" if frame else ""


def _described(target: Served, observation: CheckObservation) -> str:
    """Return the server, its event loops, and the number of its workers."""
    if isinstance(target, Address) or not observation.heartbeats:
        return target.described
    loops = Counter(heartbeat.loop for heartbeat in observation.heartbeats)
    workers = len(observation.heartbeats)
    return f"{target.described}, {', '.join(loops)}, {workers} worker{'s' * (workers > 1)}"
