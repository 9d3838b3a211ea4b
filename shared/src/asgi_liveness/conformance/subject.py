"""One target on one server: run experiments on it, keep their results, and judge cases by them.

Several cases share the result of an experiment. A server serves all windows that leave it
healthy.

The rule: every server gets a control of its own, the idle window, before anything else. Servers
start and end in threads, since the windows of other servers may run meanwhile.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.conformance.busy import too_busy
from asgi_liveness.conformance.contract import FEATURES, IDLE, Exchange, State, Window
from asgi_liveness.conformance.endings import (
    Ending,
    Handed,
    Handover,
    Shutdown,
    ShutdownTimes,
)
from asgi_liveness.conformance.handover import hand_over
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.conformance.outcome import Judgement, Outcome
from asgi_liveness.conformance.places import Places
from asgi_liveness.conformance.promises import NEEDS_WORKER, PROMISES, REMEDIES
from asgi_liveness.conformance.shutdown import watch_shutdown
from asgi_liveness.conformance.window import watch
from asgi_liveness.errors import RouteMissing, TargetError
from asgi_liveness.probing.request import fetch
from asgi_liveness.serving.server import Server

if TYPE_CHECKING:
    from asgi_liveness.conformance.cases import Case
    from asgi_liveness.conformance.cases.case import Experiment, ExperimentResult
    from asgi_liveness.serving.servers import ServerKind


_PAUSES: Final = (1.0, 4.0)
"""Seconds before a case is measured again that the machine was too busy for."""
_RECORDED: Final = {promise.name for promise in PROMISES if not promise.judged}
_REMEDIES: Final = {remedy.name for remedy in REMEDIES}


class Subject:
    """One target on one server, with the results of its experiments."""

    def __init__(
        self,
        target: str,
        kind: ServerKind,
        lacks: frozenset[str],
        worker: tuple[str, ...] = (),
    ) -> None:
        self.target, self.kind = target, kind
        self.note: dict[str, Any] = {}
        self._lacks, self._worker = lacks, worker
        self._results: dict[Experiment, tuple[ExperimentResult, Observation | None]] = {}
        """The result of each experiment, and the control of the server that it ran on."""
        self._endings: dict[Ending, ShutdownTimes | Handed | TargetError] = {}
        self._server: Server | None = None
        self._ready = False
        self._control: Observation | None = None
        self._failure: TargetError | None = None

    def start(self) -> None:
        """Start the server without waiting for it."""
        server = Server(self.kind, self.target)
        server.start()
        self._server = server

    def end(self) -> None:
        """End the server, if there is one."""
        if self._server is not None:
            self._server.end()
            self._server, self._ready, self._control = None, False, None

    async def ready(self) -> Server:
        """Return a server that answers; start a server if none runs. Raises ``TargetError``."""
        if self._failure is not None:
            raise self._failure
        if self._server is None:
            await asyncio.to_thread(self.start)
        assert self._server is not None
        if not self._ready:
            try:
                await self._server.ready()
                await self._warm_up(self._server)
            except TargetError as failure:
                self._failure = failure
                await asyncio.to_thread(self.end)
                raise
            self._ready = True
            self.note = self._server.note
        return self._server

    async def _warm_up(self, server: Server) -> None:
        """Fetch every probed path once: the first response imports modules and starts threads.

        Raises ``RouteMissing`` if such a path responds with 404.
        """
        for path in self._paths(IDLE):
            if (await fetch(server.url, "GET", path)).status == HTTPStatus.NOT_FOUND:
                raise RouteMissing(self.target, "GET", path)

    def _paths(self, window: Window) -> tuple[str, ...]:
        return tuple(path for path in window.paths if not Exchange("GET", path).needs & self._lacks)

    @property
    def observations(self) -> dict[Window, Observation]:
        """The observations of the windows so far."""
        return {
            experiment: result
            for experiment, (result, _) in self._results.items()
            if isinstance(experiment, Window) and isinstance(result, Observation)
        }

    async def judge(self, case: Case) -> Judgement:
        """Judge one case, without the known differences.

        Measure again what the machine was too busy for, at most twice; never what failed.
        """
        judgement = first = await self._judge(case)
        for pause in _PAUSES:
            if not judgement.busy:
                break
            await asyncio.sleep(pause)
            await self._forget(case)
            judgement = await self._judge(case)
        if first.busy and not judgement.message:
            again = f"the machine was too busy at first ({first.busy}), so this was measured again"
            return replace(judgement, message=again)
        return judgement

    async def _forget(self, case: Case) -> None:
        """Forget the results of a case, and its server with the control."""
        await asyncio.to_thread(self.end)
        for experiment in (*case.experiments, IDLE):
            self._results.pop(experiment, None)

    async def _judge(self, case: Case) -> Judgement:
        """Judge one case by its results."""
        if lacking := case.needs & self._lacks:
            return Judgement(Outcome.NOT_APPLICABLE, _lacks(min(lacking)))
        try:
            pairs = [await self._run_experiment(experiment) for experiment in case.experiments]
        except TargetError as failure:
            return Judgement(Outcome.ERROR, str(failure))
        results = [result for result, _ in pairs]
        controls = [control for _, control in pairs if control]
        message = case.judge(*results)
        failed_controls = [control for control in controls if control.state is not State.ALIVE]
        observations = [row for row in [*controls, *results] if isinstance(row, Observation)]
        busy = too_busy(observations, compares_times=case.compares_times)
        if busy and (message or failed_controls):
            return Judgement(
                Outcome.INCONCLUSIVE,
                f"the machine was too busy: {busy}; stop other work, and run this again",
                busy=busy,
            )
        if failed_controls and case.experiments != (IDLE,):
            control = failed_controls[0]
            return Judgement(
                Outcome.INCONCLUSIVE,
                f"the idle app answered only {control.total_answered} of {len(control.probes)} "
                "probes; see `asgi-liveness explain LIVE-001`",
            )
        if message:
            return Judgement(Outcome.FAILED, message, case.measured(*results))
        return Judgement(
            Outcome.PASSED if case.promise not in _RECORDED else Outcome.RECORDED,
            measured=case.measured(*results),
        )

    async def _run_experiment(
        self, experiment: Experiment
    ) -> tuple[ExperimentResult, Observation | None]:
        """Return the result of an experiment, and its control; run it unless it ran before."""
        if isinstance(experiment, Shutdown | Handover):
            await self.watch_ending(experiment)
            found = self._endings[self._same_as(experiment)]
            if isinstance(found, TargetError):
                raise found
            return found, None
        control = await self._controlled()
        if experiment not in self._results:
            server = await self.ready()
            if isinstance(experiment, Window):
                result: ExperimentResult = await self._watch(server, experiment)
            else:
                result = await fetch(server.url, experiment.method, experiment.requested)
            self._results[experiment] = result, control
        return self._results[experiment]

    async def watch_ending(self, ending: Ending, places: Places | None = None) -> None:
        """Start a server of its own and watch how it ends, unless that happened before."""
        ending = self._same_as(ending)
        if ending in self._endings:
            return
        places = places or Places()
        try:
            where, worker = (self.kind, self.target), self._worker
            if isinstance(ending, Handover):
                self._endings[ending] = await hand_over(*where, ending, worker, places)
            else:
                needed = worker if NEEDS_WORKER in ending.needs else ()
                self._endings[ending] = await watch_shutdown(*where, ending, needed, places)
        except TargetError as failure:
            self._endings[ending] = failure

    def _same_as(self, ending: Ending) -> Ending:
        """Return the ending to watch: of a server without recommended settings there is one."""
        if isinstance(ending, Shutdown) and not self.kind.recommended:
            return replace(ending, recommended=True)
        return ending

    async def _controlled(self) -> Observation:
        """Return the control of the running server; start a server and observe it if necessary."""
        server = await self.ready()
        if self._control is None:
            self._control = await self._watch(server, IDLE)
            self._results.setdefault(IDLE, (self._control, self._control))
        return self._control

    async def _watch(self, server: Server, window: Window) -> Observation:
        try:
            if NEEDS_WORKER in window.needs:
                await asyncio.to_thread(server.start_worker, self._worker)
            idle_wait = self._control.longest_wait if self._control else 0.0
            probed = replace(window, paths=self._paths(window))
            observation = await watch(server, probed, idle_wait)
        except TargetError:
            await asyncio.to_thread(self.end)
            raise
        if not observation.recovered or observation.ended:
            await asyncio.to_thread(self.end)
        return observation


def _lacks(need: str) -> str:
    if need in _REMEDIES:
        return f"the target does not declare the remedy {need!r}"
    return f"the target lacks {FEATURES[need]}"
