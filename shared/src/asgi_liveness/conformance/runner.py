"""Cases by targets by servers: start the servers, judge each cell, apply the known differences.

The servers of one target start together, outside of any window. What waits, waits together:
windows of different servers run side by side, and all endings of all targets too. A window whose
times are compared with another's runs alone, and so does one of many processes: it needs all cores.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Self

from asgi_liveness.conformance.cell import Cell, Result
from asgi_liveness.conformance.clock import Clock
from asgi_liveness.conformance.contract import State, Window
from asgi_liveness.conformance.endings import Handover, Shutdown
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.places import Places
from asgi_liveness.conformance.promises import NEEDS_WORKER, REMEDIES, lacking
from asgi_liveness.conformance.subject import Subject
from asgi_liveness.errors import LivenessError, UsageError
from asgi_liveness.foreign import plain_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from asgi_liveness.conformance.cases import Case
    from asgi_liveness.conformance.known import Difference
    from asgi_liveness.serving.servers import ServerKind


_CORES: Final = os.cpu_count() or 1
_MOST: Final = 1000  # characters of one line of a message, which may quote the app
_PROCESSES: Final = {remedy.name for remedy in REMEDIES if remedy.processes}
_SILENT: Final = {State.FROZEN, State.STARVED}


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
        self.subjects = {
            (target, kind.name): Subject(target, kind, lacks, worker)
            for target in self.targets
            for kind in servers
        }
        self.on_judged: Callable[[Result], None] = lambda _: None
        """Called with each result, as soon as it is known."""
        self._together: Collection[Cell] = ()
        self._judged: dict[Cell, Result] = {}
        self._target: str | None = None

    def __enter__(self) -> Self:
        self._asyncio = asyncio.Runner()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._asyncio.close()  # waits for the threads that start servers
        finally:
            self.end()

    @property
    def cells(self) -> list[Cell]:
        """The cells to judge, in the order that needs the fewest starts of servers."""
        return [
            Cell(case, target, server)
            for target in self.targets
            for server in self.servers
            for case in self.cases
        ]

    @property
    def results(self) -> list[Result]:
        """The results so far, in the order of the cells."""
        return [self._judged[cell] for cell in self.cells if cell in self._judged]

    def end(self) -> None:
        """End the running servers."""
        for subject in self.subjects.values():
            subject.end()

    def start(self, target: str) -> None:
        """Start *target* on all servers at once, unless it already runs."""
        if self._target != target:
            self.end()
            self._target = target
            subjects = [self.subjects[target, kind.name] for kind in self.servers]
            with self.clock.counting("starts"):
                for subject in subjects:
                    subject.start()
                self._asyncio.run(_all_ready(subjects))

    def judge_together(self, cells: Iterable[Cell]) -> None:
        """Let ``judge`` judge one of these cells together with the others, as far as possible."""
        self._together = tuple(cells)

    def judge(self, cell: Cell) -> Result:
        """Judge one cell. Raises ``LivenessError`` if no server can start at all."""
        if cell not in self._judged:
            cells = [cell, *(other for other in self._together if other not in self._judged)]
            if cell.case.ends_servers:
                endings = [row for row in cells if row.case.ends_servers]
                with self.clock.counting("ends"):
                    self._asyncio.run(self._judge_endings(dict.fromkeys(endings)))
            else:
                self.start(cell.target)
                windows = [
                    row for row in cells if row.target == cell.target and not row.case.ends_servers
                ]
                with self.clock.counting("windows"):
                    self._asyncio.run(self._judge_windows(dict.fromkeys(windows)))
        return self._judged[cell]

    async def _judge_windows(self, cells: Collection[Cell]) -> None:
        """Judge cells of one target, the LIVE cases first: a frozen app's others show nothing."""
        alone = {
            window
            for cell in cells
            for window in cell.case.experiments
            if isinstance(window, Window) and (cell.case.compares_times or _needs_all_cores(window))
        }
        live = [cell for cell in cells if cell.case.promise == "live"]
        for part in (live, [cell for cell in cells if cell not in live]):
            one_by_one = [cell for cell in part if alone.intersection(cell.case.experiments)]
            for cell in one_by_one:
                await self._judge(cell)
            await self._judge_together([cell for cell in part if cell not in one_by_one])

    async def _judge_together(self, cells: Collection[Cell]) -> None:
        """Judge as many cells at a time as there are cores, and those of one server in order."""
        places = asyncio.Semaphore(_CORES)

        async def judge_row(row: list[Cell]) -> None:
            for cell in row:
                async with places:
                    await self._judge(cell)

        rows = [[cell for cell in cells if cell.server == kind] for kind in self.servers]
        await asyncio.gather(*map(judge_row, rows))

    async def _judge_endings(self, cells: Collection[Cell]) -> None:
        """Watch all endings that the cells need at the same time, and judge the cells."""
        places = Places()
        endings = dict.fromkeys(
            (self.subjects[cell.target, cell.server.name], experiment)
            for cell in cells
            if not (cell.case.needs & self._lacks or self._frozen_by(cell))
            for experiment in cell.case.experiments
            if isinstance(experiment, Shutdown | Handover)
        )
        # Those that take longest come first.
        order = sorted(endings, key=lambda pair: isinstance(pair[1], Shutdown))
        await asyncio.gather(*(subject.watch_ending(ending, places) for subject, ending in order))
        for cell in cells:
            await self._judge(cell)

    async def _judge(self, cell: Cell) -> None:
        subject = self.subjects[cell.target, cell.server.name]
        if (frozen := self._frozen_by(cell)) and not self._difference(cell):
            result = Result(cell, Outcome.INCONCLUSIVE, frozen)
        else:
            judgement = await subject.judge(cell.case)
            result = self._apply_differences(
                Result(
                    cell,
                    judgement.outcome,
                    plain_lines(judgement.message, _MOST),
                    measured=judgement.measured,
                )
            )
        self._judged[cell] = result
        self.on_judged(result)

    def _frozen_by(self, cell: Cell) -> str:
        """Return why the cell shows nothing: the loop of its remedy froze the app in its LIVE case.

        So one mistake is one failure. Empty if no LIVE case of the remedy failed so.
        """
        observations = self.subjects[cell.target, cell.server.name].observations
        for result in self._judged.values():
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


def _needs_all_cores(window: Window) -> bool:
    """Whether many loops run in processes of their own: those in one process share one GIL."""
    return window.at_once and window.remedy in _PROCESSES


async def _all_ready(subjects: list[Subject]) -> None:
    """Wait for all servers; the first judgement reports a server that did not start."""
    results = await asyncio.gather(
        *(subject.ready() for subject in subjects), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, LivenessError):
            raise result
