"""Cases by targets by servers: start the servers, judge each cell, apply the known differences.

The servers of one target start together, outside of any window.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Self

from asgi_liveness.conformance.clock import Clock
from asgi_liveness.conformance.contract import State
from asgi_liveness.conformance.endings import Ending, Handover, Shutdown
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import NEEDS_WORKER, lacking
from asgi_liveness.conformance.subject import Subject
from asgi_liveness.errors import LivenessError, UsageError
from asgi_liveness.foreign import plain_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.conformance.cases import Case
    from asgi_liveness.conformance.known import Difference
    from asgi_liveness.serving.servers import ServerKind


SHUTDOWNS_AT_ONCE: Final = 8
"""The number of shutdowns that are timed in parallel; most of their time is waiting."""
HANDOVERS_AT_ONCE: Final = 2
"""The number of handovers in parallel: their loops run for seconds, a processor each."""
_MOST: Final = 1000  # characters of one line of a message, which may quote the app


_SILENT: Final = {State.FROZEN, State.STARVED}


@dataclass(frozen=True)
class Cell:
    """A case on a target and a server."""

    case: Case
    target: str
    server: ServerKind


@dataclass(frozen=True)
class Result:
    """The outcome of a cell, and the reason."""

    cell: Cell
    outcome: Outcome
    message: str = ""
    link: str = ""
    measured: dict[str, float | None] = field(default_factory=dict)


class Runner:
    """The judge of cells, with the servers of one target at a time; ``with`` ends them.

    Raises ``UsageError`` without a target, a server or a case.
    """

    def __init__(  # noqa: PLR0913 (each is a choice of its own, and has a default)
        self,
        targets: Sequence[str],
        servers: Sequence[ServerKind],
        cases: Sequence[Case],
        differences: Sequence[Difference] = (),
        *,
        lacks: frozenset[str] = lacking(),
        worker: tuple[str, ...] = (),
    ) -> None:
        self.targets = list(dict.fromkeys(targets))
        self.servers, self.cases = servers, cases
        self.clock = Clock()
        self._differences = differences
        self._lacks, self._worker = lacks, worker
        if not (targets and all(targets) and servers and cases):
            raise UsageError("there is nothing to run: name at least one target, server and case")
        if NEEDS_WORKER not in lacks and not worker:
            raise UsageError(
                f"the jobs of {NEEDS_WORKER!r} need a worker; name its command: "
                f"--worker 'python -m asgi_liveness.queued'"
            )
        self.subjects: dict[tuple[str, str], Subject] = {}
        self.results: list[Result] = []
        self._target: str | None = None

    def __enter__(self) -> Self:
        self._asyncio = asyncio.Runner()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._asyncio.close()

    @property
    def cells(self) -> list[Cell]:
        """The cells to judge, in the order that needs the fewest starts of servers."""
        return [
            Cell(case, target, server)
            for target in self.targets
            for server in self.servers
            for case in self.cases
        ]

    def end(self) -> None:
        """End the running servers."""
        for subject in self.subjects.values():
            subject.end()

    def judge(self, cell: Cell) -> Result:
        """Judge one cell. Raises ``LivenessError`` if no server can start at all."""
        self.start(cell.target)
        subject = self.subjects[cell.target, cell.server.name]
        if (frozen := self._frozen_by(cell)) and not self._difference(cell):
            self.results.append(Result(cell, Outcome.INCONCLUSIVE, frozen))
            return self.results[-1]
        if cell.case.ends_servers:
            with self.clock.counting("ends"):
                self._asyncio.run(self._watch_endings(cell.target))
        judgement = self._asyncio.run(subject.judge(cell.case))
        result = self._apply_differences(
            Result(
                cell,
                judgement.outcome,
                plain_lines(judgement.message, _MOST),
                measured=judgement.measured,
            )
        )
        self.results.append(result)
        return result

    def start(self, target: str) -> None:
        """Start *target* on all servers at once, unless it already runs."""
        if self._target != target:
            self.end()
            self._target = target
            subjects = [
                Subject(target, kind, self._lacks, self.clock, self._worker)
                for kind in self.servers
            ]
            self.subjects |= {(target, subject.kind.name): subject for subject in subjects}
            with self.clock.counting("starts"):
                for subject in subjects:
                    subject.start()
                self._asyncio.run(_all_ready(subjects))

    async def _watch_endings(self, target: str) -> None:
        """Watch all endings of the target that its cases need, unless that happened before."""
        shutdowns = asyncio.Semaphore(SHUTDOWNS_AT_ONCE)
        handovers = asyncio.Semaphore(HANDOVERS_AT_ONCE)

        async def watch(subject: Subject, ending: Ending) -> None:
            async with handovers if isinstance(ending, Handover) else shutdowns:
                await subject.watch_ending(ending)

        experiments = [
            experiment
            for case in self.cases
            if not case.needs & self._lacks
            for experiment in case.experiments
        ]
        endings = dict.fromkeys(row for row in experiments if isinstance(row, Shutdown | Handover))
        subjects = [self.subjects[target, kind.name] for kind in self.servers]
        await asyncio.gather(
            *(watch(subject, ending) for subject in subjects for ending in endings)
        )

    def _frozen_by(self, cell: Cell) -> str:
        """Return why the cell shows nothing: the loop of its remedy froze the app in its LIVE case.

        So one mistake is one failure. Empty if no LIVE case of the remedy failed so.
        """
        observations = self.subjects[cell.target, cell.server.name].observations
        for result in self.results:
            case, alive_of = result.cell.case, ("live", cell.case.remedy)
            its_own = (result.cell.target, result.cell.server) == (cell.target, cell.server)
            if its_own and (case.promise, case.remedy) == alive_of != ("live", ""):
                states = {
                    observations[row].state for row in case.experiments if row in observations
                }
                if result.outcome in (Outcome.FAILED, Outcome.DIFFERS) and states & _SILENT:
                    return (
                        f"the loop of /{case.remedy} froze the app in {case.id}, so this case "
                        f"shows nothing; mend that first: asgi-liveness explain {case.id}"
                    )
        return ""

    def _difference(self, cell: Cell) -> Difference | None:
        """Return the row of the known differences that covers the cell, if any."""
        where = (cell.case.id, cell.target, cell.server.name)
        return next((row for row in self._differences if row.covers(*where)), None)

    def _apply_differences(self, result: Result) -> Result:
        """Return the result after a comparison with the known differences."""
        cell, row = result.cell, self._difference(result.cell)
        if row is None:
            return result
        if result.outcome is Outcome.FAILED:
            return replace(result, outcome=Outcome.DIFFERS, message=row.reason, link=row.link)
        if result.outcome in (Outcome.PASSED, Outcome.RECORDED):
            message = (
                f"{cell.case.name}: the case passed, although a known difference lists it: "
                f"{row.reason}\n  Remove the row from the file of known differences."
            )
            return replace(result, outcome=Outcome.FAILED, message=message)
        return result


async def _all_ready(subjects: list[Subject]) -> None:
    """Wait for all servers; the first judgement reports a server that did not start."""
    results = await asyncio.gather(
        *(subject.ready() for subject in subjects), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, LivenessError):
            raise result
