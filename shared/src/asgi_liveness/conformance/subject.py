"""One target on one server: what was seen of it, and the verdict on a case from that.

What a window showed is kept, so that several cases can look at it. The server is kept between
windows that leave it healthy; a fresh one gets a control of its own.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.conformance.contract import (
    FEATURES,
    IDLE,
    Exchange,
    State,
    Window,
)
from asgi_liveness.conformance.observation import LATE_LIMIT, Observation
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import (
    PROMISES,
    REMEDIES,
    Shutdown,
    ShutdownTimes,
)
from asgi_liveness.conformance.shutdown import watch_ends
from asgi_liveness.conformance.window import watch
from asgi_liveness.errors import RouteMissing, TargetError
from asgi_liveness.probing.request import fetch
from asgi_liveness.probing.response import lateness
from asgi_liveness.serving.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asgi_liveness.conformance.cases import Case
    from asgi_liveness.conformance.cases.case import Experiment, ExperimentResult
    from asgi_liveness.serving.servers import ServerKind


@dataclass
class Clock:
    """Where the time of a run went, in seconds."""

    starts: float = 0.0
    windows: float = 0.0
    ends: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @contextlib.contextmanager
    def counting(self, part: str) -> Iterator[None]:
        """Add the time that the block takes to *part*."""
        began = time.monotonic()
        try:
            yield
        finally:
            setattr(self, part, getattr(self, part) + time.monotonic() - began)


@dataclass(frozen=True)
class Judgement:
    """The verdict on a case on one target and server, why, and what was measured."""

    verdict: Outcome
    message: str = ""
    measured: dict[str, float | None] = field(default_factory=dict)


_RECORDED: Final = {promise.name for promise in PROMISES if not promise.judged}
_REMEDIES: Final = {remedy.name for remedy in REMEDIES}


class Subject:
    """One target on one server, and what was seen of it."""

    def __init__(self, target: str, kind: ServerKind, lacks: frozenset[str], clock: Clock) -> None:
        self.target, self.kind = target, kind
        self.note: dict[str, Any] = {}
        self._lacks, self._clock = lacks, clock
        self._results: dict[Experiment, tuple[ExperimentResult, Observation | None]] = {}
        """What was seen at each look, and the control of the server that it was seen on."""
        self._shutdowns: dict[Shutdown, ShutdownTimes | TargetError] = {}
        self._server: Server | None = None
        self._ready = False
        self._control: Observation | None = None
        self._failure: TargetError | None = None

    def start(self) -> None:
        """Start the server and do not wait for it."""
        server = Server(self.kind, self.target)
        server.start()
        self._server = server

    def end(self) -> None:
        """End the server, if there is one."""
        if self._server is not None:
            self._server.end()
            self._server, self._ready, self._control = None, False, None

    async def ready(self) -> Server:
        """Wait until a server answers, a fresh one if need be. Raises ``TargetError``."""
        if self._failure is not None:
            raise self._failure
        if self._server is None:
            self.start()
        assert self._server is not None
        if not self._ready:
            try:
                await self._server.ready()
                await self._warm_up(self._server)
            except TargetError as failure:
                self._failure = failure
                self.end()
                raise
            self._ready = True
            self.note = self._server.note
        return self._server

    async def _warm_up(self, server: Server) -> None:
        """Ask for every probed path once: a first answer imports modules and starts threads.

        Raises ``RouteMissing``.
        """
        for path in self._paths(IDLE):
            if (await fetch(server.url, "GET", path)).status == HTTPStatus.NOT_FOUND:
                raise RouteMissing(self.target, "GET", path)

    def _paths(self, window: Window) -> tuple[str, ...]:
        return tuple(path for path in window.paths if not Exchange("GET", path).needs & self._lacks)

    @property
    def seen(self) -> dict[Window, Observation]:
        """What the windows showed."""
        return {
            at: results
            for at, (results, _) in self._results.items()
            if isinstance(at, Window) and isinstance(results, Observation)
        }

    async def judge(self, case: Case) -> Judgement:
        """Judge one case, without regard to known differences."""
        if lacking := case.needs & self._lacks:
            return Judgement(Outcome.NOT_APPLICABLE, _lacks(min(lacking)))
        try:
            seen = [await self._run_experiment(at) for at in case.experiments]
        except TargetError as failure:
            return Judgement(Outcome.ERROR, str(failure))
        results = [one for one, _ in seen]
        controls = [control for _, control in seen if control]
        message = case.judge(*results)
        held = all(control.state is State.ALIVE for control in controls)
        observations = [one for one in [*controls, *results] if isinstance(one, Observation)]
        late = max((lateness(one.probes) for one in observations), default=0.0)
        if late > LATE_LIMIT and (message or not held):
            return Judgement(
                Outcome.INCONCLUSIVE,
                f"the machine was too busy: a probe was sent {late * 1000:.0f} ms late; try again",
            )
        if not held and case.experiments != (IDLE,):
            (control, *_) = (one for one in controls if one.state is not State.ALIVE)
            return Judgement(
                Outcome.INCONCLUSIVE,
                f"its control does not hold, see LIVE-001: at rest {control.total_answered} of "
                f"{len(control.probes)} probes were answered",
            )
        if message:
            return Judgement(Outcome.FAILED, message, case.measured(*results))
        return Judgement(
            Outcome.PASSED if case.promise not in _RECORDED else Outcome.RECORDED,
            measured=case.measured(*results),
        )

    async def _run_experiment(self, at: Experiment) -> tuple[ExperimentResult, Observation | None]:
        """Return what is seen there, from now or before, and the control that it was seen under."""
        if isinstance(at, Shutdown):
            await self.watch_shutdown(at)
            ended = self._shutdowns[at]
            if isinstance(ended, TargetError):
                raise ended
            return ended, None
        control = await self._controlled()
        if at not in self._results:
            server = await self.ready()
            if isinstance(at, Window):
                results: ExperimentResult = await self._watch(server, at)
            else:
                with self._clock.counting("windows"):
                    results = await fetch(server.url, at.method, at.path)
            self._results[at] = results, control
        return self._results[at]

    async def watch_shutdown(self, shutdown: Shutdown) -> None:
        """Let a server of its own live and end, unless that was seen before."""
        if shutdown not in self._shutdowns:
            try:
                self._shutdowns[shutdown] = await watch_ends(self.kind, self.target, shutdown)
            except TargetError as failure:
                self._shutdowns[shutdown] = failure

    async def _controlled(self) -> Observation:
        """Return the control of the server that runs, of a fresh one if need be."""
        with self._clock.counting("starts"):
            server = await self.ready()
        if self._control is None:
            self._control = await self._watch(server, IDLE)
            self._results.setdefault(IDLE, (self._control, self._control))
        return self._control

    async def _watch(self, server: Server, window: Window) -> Observation:
        try:
            with self._clock.counting("windows"):
                seen = await watch(server, replace(window, paths=self._paths(window)))
        except TargetError:
            self.end()
            raise
        if not seen.recovered or seen.ended:
            self.end()
        return seen


def _lacks(need: str) -> str:
    if need in _REMEDIES:
        return f"the target does not say that it has {need!r}"
    return f"the target lacks {FEATURES[need]}"
