"""A check from its options to its report: start, probe at rest, then each request on its own.

The rule: each request finds a fresh app, for what the last one left behind is not its doing.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import httpx

import asgi_liveness
from asgi_liveness.checking.again import again, without_secrets
from asgi_liveness.checking.judge import Judge
from asgi_liveness.checking.named import package_of
from asgi_liveness.checking.openapi import plain_gets
from asgi_liveness.checking.report import Report
from asgi_liveness.checking.request import parse_header, parse_path, parse_request
from asgi_liveness.checking.served import Address, served
from asgi_liveness.checking.watch import INTERVAL, Call, CheckObservation, CheckWindow, watch
from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.probing.client import open_client
from asgi_liveness.stalls.criteria import Criteria

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.report import WindowReport
    from asgi_liveness.checking.served import Served

IDLE: Final = 2.0
"""Seconds for which the app is watched at rest, at the most."""
PROBED: Final = ("/healthz", "/health", "/livez", "/")
"""What is probed if nobody says: the first of them that is there."""
_PATIENCE: Final = 5.0  # seconds for a first answer of what is to be probed
_SETTLE: Final = 0.5  # seconds for the last answers of a window, at the most
_NOT_FOUND: Final = 404
_MOVED: Final = (301, 307, 308)
_NOT_TAKEN: Final = (404, 405, 422)


def run(options: Options, tell: Callable[[str], None] = lambda _: None) -> Report:
    """Check what *options* ask for; *tell* hears in a few words what goes on.

    Raises ``UsageError`` and ``TargetError`` where it could not be run.
    """
    return asyncio.run(_Check(options, tell).report())


class _Check:
    def __init__(self, options: Options, tell: Callable[[str], None]) -> None:
        self._options, self._tell = options, tell
        headers = [parse_header(text) for text in options.headers]
        if _is_json(options.body) and "content-type" not in {name.lower() for name, _ in headers}:
            headers.append(("Content-Type", "application/json"))
        self._headers = tuple(headers)
        self._calls = [
            Call(*parse_request(text), self._headers, options.body) for text in options.during
        ]
        self._listed: list[Call] = []  # of its OpenAPI document, and not asked for by name
        path = options.probe and parse_path(options.probe, "--probe")
        self._probe = Call("GET", path) if path else None
        self._judge = Judge(Criteria(options.max_stall, package_of(options)))
        self._target: Served | None = None
        self._at_rest = False
        self._server, self._python = "", platform.python_version()

    async def report(self) -> Report:
        """Run it all. Nothing is left running."""
        try:
            routes, untried = await self._routes()
            assert self._target is not None
            return Report(
                target=self._target.name,
                server=self._server,
                probe=str(self._probe),
                interval_s=INTERVAL,
                max_stall_s=self._options.max_stall,
                routes=tuple(routes),
                again=again(self._options),
                system={
                    "python": self._python,
                    "platform": platform.system(),
                    "cores": os.cpu_count(),
                    "asgi-liveness": asgi_liveness.__version__,
                },
                untried=tuple(untried),
            )
        finally:
            self._end()

    async def _routes(self) -> tuple[list[WindowReport], list[str]]:
        options = self._options
        await self._start()
        untried = await self._more_calls()
        idle = await self._watch(None, min(IDLE, options.duration))
        routes = [self._judge.idle(idle)]
        for number, call in enumerate(self._calls):
            try:
                if number or idle.died:
                    await self._start()
            except TargetError:
                if not isinstance(self._target, Address):
                    raise
                left = ", ".join(map(str, self._calls[number:]))
                note = f"the server gives no answer any more; not tried: {left}"
                routes[-1] = replace(routes[-1], notes=(*routes[-1].notes, note))
                break
            observation = await self._watch(call, options.duration)
            not_done = _not_done(call, observation)
            if not_done and call not in self._listed:
                raise UsageError(not_done)
            if not_done:
                untried.append(str(call))
            else:
                routes.append(self._judge.during(str(call), observation, idle))
        return [self._shown(route) for route in routes], untried

    def _shown(self, route: WindowReport) -> WindowReport:
        """Return the route without secrets: an app may have logged them as it died."""
        return replace(route, because=without_secrets(route.because, self._options))

    async def _start(self) -> None:
        """Start the app afresh, and find out what can be probed."""
        self._end()
        self._tell("starting")
        self._target = served(self._options)
        self._target.start()
        try:
            await self._target.answers(self._probe.path if self._probe else PROBED[0])
        except TargetError as error:
            raise TargetError(f"{error}{self._blocked_at()}") from error
        self._probe = await self._probed(self._target)

    def _end(self) -> None:
        """End the app; let it shut itself down, if it is known to have nothing under way."""
        if self._target is not None:
            self._target.end(politely=self._at_rest)
        self._at_rest = False

    async def _watch(self, call: Call | None, seconds: float) -> CheckObservation:
        assert self._target is not None
        assert self._probe is not None
        self._tell(str(call) if call else "idle")
        settle = min(_SETTLE, self._options.max_stall)
        window = CheckWindow(self._probe, call, seconds, settle, self._options.concurrency)
        observation = await watch(self._target, window)
        self._at_rest = not observation.first_is_open and not observation.silent
        self._server = self._server or _described(self._target, observation)
        self._python = next(
            (heartbeat.python for heartbeat in observation.heartbeats), self._python
        )
        return observation

    async def _probed(self, target: Served) -> Call:
        """Return what is probed, once it has answered. Raises ``UsageError`` if nothing can be."""
        paths = [self._probe.path] if self._probe else PROBED
        found = await asyncio.gather(*(_status(target, path) for path in paths))
        statuses = dict(zip(paths, found, strict=True))
        answered = [path for path, status in statuses.items() if status is not None]
        if not answered:
            raise UsageError(
                f"{' and '.join(paths)} gave no answer within {_PATIENCE:g} s at rest; name a path "
                f"that answers at once: --probe /healthz"
            )
        if self._options.probe and statuses[self._options.probe] == _NOT_FOUND:
            raise UsageError(
                f"--probe {self._options.probe} answered 404; name a path that is there, or none: "
                f"then any answer is a sign of life"
            )
        there = [path for path in answered if statuses[path] != _NOT_FOUND]
        return Call("GET", [*there, *answered][0])

    async def _more_calls(self) -> list[str]:
        """Return the routes that could be run as well; or add them, if that is asked for."""
        if self._calls and not self._options.openapi:
            return []
        assert self._target is not None
        found = await plain_gets(self._target)
        if not self._options.openapi:
            return [f"GET {path}" for path in found or []]
        if found is None:
            raise UsageError(
                "--openapi was given, and the app has no OpenAPI document at /openapi.json; name "
                "its routes: --during 'GET /report'"
            )
        known = {(call.method, call.path) for call in self._calls}
        new = [path for path in found if ("GET", path) not in known]
        self._listed = [Call("GET", path, self._headers) for path in new]
        self._calls += self._listed
        return []

    def _blocked_at(self) -> str:
        """Say where a start is stuck, if its event loop is."""
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


async def _status(target: Served, path: str) -> int | None:
    """Return what a path answers, or None if it does not in time."""
    async with open_client(target.url) as client:
        try:
            return (await asyncio.wait_for(client.get(path), _PATIENCE)).status_code
        except (TimeoutError, httpx.HTTPError):
            return None


def _is_json(body: bytes) -> bool:
    """Whether a body is the JSON that most frameworks take only if it is called that."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _not_done(call: Call, observation: CheckObservation) -> str:
    """Say why a call did not do what it is to do; "" if it did, or did not answer."""
    response = observation.calls[0].response if observation.calls else None
    if response is not None and response.status in _MOVED:
        return (
            f"{call} answered {response.status}: its route is {response.location or 'elsewhere'}; "
            f"name that with --during"
        )
    if response is not None and response.status in _NOT_TAKEN:
        return (
            f"{call} answered {response.status} and did no work; give it the path, the query, -H "
            f"and -d that it needs"
        )
    return ""


def _described(target: Served, observation: CheckObservation) -> str:
    """Say which server it is, its event loop, and its workers."""
    if isinstance(target, Address) or not observation.heartbeats:
        return target.described
    loops = Counter(heartbeat.loop for heartbeat in observation.heartbeats)
    workers = len(observation.heartbeats)
    return f"{target.described}, {', '.join(loops)}, {workers} worker{'s' * (workers > 1)}"
