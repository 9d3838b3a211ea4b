"""The app that a check watches: started afresh, watched for a window, and ended."""

from __future__ import annotations

import asyncio
import platform
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.call import Call
from asgi_liveness.checking.probe_path import USUAL
from asgi_liveness.checking.served import Address, served
from asgi_liveness.checking.session import Session
from asgi_liveness.checking.starting import answers_before_it_freezes, path_to_probe, settle
from asgi_liveness.checking.watch import CheckWindow, watch
from asgi_liveness.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.checking.judge import Judge
    from asgi_liveness.checking.observation import CheckObservation
    from asgi_liveness.checking.options import Options
    from asgi_liveness.checking.redaction import Redaction
    from asgi_liveness.checking.served import Served

_SETTLE: Final = 0.5  # seconds at most that the last probes of a window wait for their responses


class CheckedApp:
    """One start of the app that *options* name. Raises ``UsageError`` for a bad name."""

    def __init__(
        self, options: Options, judge: Judge, redaction: Redaction, probe_path: str = ""
    ) -> None:
        self._options, self._judge, self._redaction = options, judge, redaction
        self.probe_path = probe_path
        """The path to probe; "" until it is chosen."""
        self.session = Session(options)
        self.target: Served = served(options)
        self.server, self.python = "", platform.python_version()
        self.answered = False
        """Whether it sent its first response before it froze."""
        self._is_idle = False

    @property
    def log(self) -> str:
        """What the server wrote on standard error; "" for a server that runs elsewhere."""
        return "" if isinstance(self.target, Address) else self.target.log()

    async def start(self) -> None:
        """Start the app, and choose the path to probe. Raises ``LivenessError``."""
        target = self.target
        starting = asyncio.create_task(asyncio.to_thread(target.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait({starting})  # so that `end` finds what the thread starts
            raise
        try:
            self.answered = await answers_before_it_freezes(target, self.probe_path or USUAL[0])
        except TargetError as error:
            raise TargetError(f"{error}{blocked_at(target, self._judge)}") from error
        if not self.answered:
            self.probe_path = self.probe_path or USUAL[0]
            return
        self.probe_path = await path_to_probe(target, self.probe_path, self._options)
        try:
            await self.session.open(target.url)
        finally:
            self._redaction.add(self.session.secret_headers, self.session.secret_bodies)
        await settle(target, self._options.max_stall)

    def end(self) -> None:
        """End the app; a second call does nothing. An idle app may shut itself down first."""
        self.target.end(politely=self._is_idle)
        self._is_idle = False

    async def watch(
        self,
        call: Call | None,
        seconds: float,
        certain: Callable[[CheckObservation, float], bool] = lambda *_: False,
    ) -> CheckObservation:
        """Watch the app for one window, while *call* runs if there is one."""
        probe, wait = Call("GET", self.probe_path), min(_SETTLE, self._options.max_stall)
        if call:
            call = replace(call, headers=self.session.joined(call.headers))
        window = CheckWindow(probe, call, seconds, wait, self._options.concurrency)
        observation = await watch(self.target, window, self._judge.undecided, certain)
        self._is_idle = not observation.first_is_open and not observation.silent
        self.server = self.server or described(self.target, observation)
        self.python = next((each.python for each in observation.heartbeats), self.python)
        return observation


def described(target: Served, observation: CheckObservation) -> str:
    """Return the server, its event loops, and the number of its workers."""
    if isinstance(target, Address) or not observation.heartbeats:
        return target.described
    loops = Counter(heartbeat.loop for heartbeat in observation.heartbeats)
    workers = len(observation.heartbeats)
    return f"{target.described}, {', '.join(loops)}, {workers} worker{'s' * (workers > 1)}"


def blocked_at(target: Served, judge: Judge) -> str:
    """Return the line that blocks the event loop of an app that does not start, in words."""
    if target.board is None:
        return ""
    now = time.monotonic()
    silent = {
        (heartbeat.process, heartbeat.beat_at)
        for heartbeat in target.board.heartbeats()
        if heartbeat.silent(now) > judge.criteria.max_stall
    }
    samples = target.board.samples()
    last = [sample for sample in samples if (sample.process, sample.began) in silent]
    frame = judge.line_of(last)
    return f"; its event loop is blocked at {frame}" if frame else ""
