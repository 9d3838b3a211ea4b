"""Cases by targets by servers: start what is needed and judge each cell.

A verdict is compared with the known differences. The servers of one target start together,
outside of any window.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Self

from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import Shutdown, lacking
from asgi_liveness.conformance.subject import Clock, Subject
from asgi_liveness.errors import LivenessError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.conformance.cases import Case
    from asgi_liveness.conformance.known import Difference
    from asgi_liveness.serving.servers import ServerKind


SHUTDOWNS_AT_ONCE: Final = 8
"""Servers whose end is watched together: most of that time is waiting."""


@dataclass(frozen=True)
class Cell:
    """A case on a target and a server."""

    case: Case
    target: str
    server: ServerKind


@dataclass(frozen=True)
class Result:
    """The verdict on a cell, and why."""

    cell: Cell
    verdict: Outcome
    message: str = ""
    link: str = ""
    measured: dict[str, float | None] = field(default_factory=dict)


class Runner:
    """Judges cells, the servers of one target at a time. Use it by ``with``; nothing is left.

    Raises ``UsageError`` where there is nothing to run.
    """

    def __init__(
        self,
        targets: Sequence[str],
        servers: Sequence[ServerKind],
        cases: Sequence[Case],
        differences: Sequence[Difference] = (),
        lacks: frozenset[str] = lacking(),
    ) -> None:
        self.targets = list(dict.fromkeys(targets))
        self.servers, self.cases = servers, cases
        self.clock = Clock()
        self._differences = differences
        self._lacks = lacks
        if not (targets and all(targets) and servers and cases):
            raise UsageError("there is nothing to run: name a target, a server and a case")
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
        """What there is to judge, in the order that needs the fewest starts."""
        return [
            Cell(case, target, server)
            for target in self.targets
            for server in self.servers
            for case in self.cases
        ]

    def end(self) -> None:
        """End the servers that run."""
        for subject in self.subjects.values():
            subject.end()

    def judge(self, cell: Cell) -> Result:
        """Judge one cell. Raises ``LivenessError`` where no server can be started at all."""
        self.start(cell.target)
        subject = self.subjects[cell.target, cell.server.name]
        if cell.case.ends_servers:
            with self.clock.counting("ends"):
                self._asyncio.run(self._watch_shutdowns(cell.target))
        found = self._asyncio.run(subject.judge(cell.case))
        result = self._as_listed(
            Result(cell, found.verdict, found.message, measured=found.measured)
        )
        self.results.append(result)
        return result

    def start(self, target: str) -> None:
        """Start *target* on all servers at once, if it is not the one that is running."""
        if self._target != target:
            self.end()
            self._target = target
            subjects = [Subject(target, kind, self._lacks, self.clock) for kind in self.servers]
            self.subjects |= {(target, subject.kind.name): subject for subject in subjects}
            with self.clock.counting("starts"):
                for subject in subjects:
                    subject.start()
                self._asyncio.run(_all_ready(subjects))

    async def _watch_shutdowns(self, target: str) -> None:
        """Watch all ends of the target's servers that are to be judged, if it was not done yet."""
        together = asyncio.Semaphore(SHUTDOWNS_AT_ONCE)

        async def watch(subject: Subject, shutdown: Shutdown) -> None:
            async with together:
                await subject.watch_shutdown(shutdown)

        experiments = [
            at for case in self.cases if not case.needs & self._lacks for at in case.experiments
        ]
        shutdowns = dict.fromkeys(at for at in experiments if isinstance(at, Shutdown))
        subjects = [self.subjects[target, kind.name] for kind in self.servers]
        await asyncio.gather(
            *(watch(subject, shutdown) for subject in subjects for shutdown in shutdowns)
        )

    def _as_listed(self, result: Result) -> Result:
        """Compare a verdict with the known differences."""
        cell = result.cell
        row = next(
            (
                row
                for row in self._differences
                if row.covers(cell.case.id, cell.target, cell.server.name)
            ),
            None,
        )
        if row is None:
            return result
        if result.verdict is Outcome.FAILED:
            return replace(result, verdict=Outcome.DIFFERS, message=row.reason, link=row.link)
        if result.verdict in (Outcome.PASSED, Outcome.RECORDED):
            message = (
                f"{cell.case.name}: a difference is listed that does not hold: {row.reason}\n"
                f"  Take the row out of the list of known differences."
            )
            return replace(result, verdict=Outcome.FAILED, message=message)
        return result


async def _all_ready(subjects: list[Subject]) -> None:
    """Wait for all, and leave it to the first judgement to say what was wrong."""
    results = await asyncio.gather(
        *(subject.ready() for subject in subjects), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, LivenessError):
            raise result
