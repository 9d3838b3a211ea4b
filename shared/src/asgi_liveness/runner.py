"""Cases by targets by servers: start what is needed, judge each case, and report.

What a window showed is kept, so that several cases can look at it. Servers are kept between
cases that leave them healthy; the servers of one target start together, outside of any window.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from asgi_liveness import known
from asgi_liveness.contract import FEATURES, IDLE, Exchange, State, Window
from asgi_liveness.errors import LivenessError, RouteMissing, TargetError, UsageError
from asgi_liveness.serving import Server, ServerKind
from asgi_liveness.verdict import LATE_LIMIT, Answer, Seen, Verdict
from asgi_liveness.window import ask, watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType

    from asgi_liveness.cases import Case


@dataclass(frozen=True)
class Cell:
    """A case on a target and a server."""

    case: Case[Any]
    target: str
    server: ServerKind


@dataclass(frozen=True)
class Result:
    """The verdict on a cell, and why."""

    cell: Cell
    verdict: Verdict
    message: str = ""
    link: str = ""


@dataclass
class Clock:
    """Where the time of a run went, in seconds."""

    starts: float = 0.0
    windows: float = 0.0
    began: float = field(default_factory=time.monotonic)

    @contextlib.contextmanager
    def counting(self, part: str) -> Iterator[None]:
        """Add the time that the block takes to *part*."""
        began = time.monotonic()
        try:
            yield
        finally:
            setattr(self, part, getattr(self, part) + time.monotonic() - began)


class Bench:
    """One target on one server, and what was seen of it."""

    def __init__(
        self, target: str, kind: ServerKind, lacks: frozenset[str], clock: Clock
    ) -> None:
        self.target, self.kind = target, kind
        self.seen: dict[Window, Seen] = {}
        self.note: dict[str, Any] = {}
        self.start_seconds = 0.0
        self._lacks, self._clock = lacks, clock
        self._answers: dict[Exchange, Answer] = {}
        self._server: Server | None = None
        self._ready = False
        self._failure: TargetError | None = None

    def start(self) -> None:
        """Start the server and do not wait for it."""
        self._server, self._ready = Server(self.kind, self.target), False
        self._server.start()

    def end(self) -> None:
        """End the server, if there is one."""
        if self._server is not None:
            self._server.end()
            self._server = None

    async def ready(self) -> None:
        """Wait until a server answers, a fresh one if need be. Raises ``TargetError``."""
        if self._failure is not None:
            raise self._failure
        if self._ready:
            return
        with self._clock.counting("starts"):
            if self._server is None:
                self.start()
            assert self._server is not None
            try:
                self.start_seconds = await self._server.ready()
                await self._warm_up()
            except TargetError as failure:
                self._failure = failure
                raise
        self._ready = True
        self.note = self._server.note

    async def _warm_up(self) -> None:
        """Ask for every probed path once: a first answer is late where it imports and starts
        threads. Raises ``RouteMissing``."""
        assert self._server is not None
        for path in self._paths(IDLE):
            if (await ask(self._server, Exchange("GET", path))).status == 404:
                raise RouteMissing(self.target, "GET", path)

    def _paths(self, window: Window) -> tuple[str, ...]:
        return tuple(
            path for path in window.paths if not Exchange("GET", path).needs & self._lacks
        )

    async def judge(self, case: Case[Any]) -> tuple[Verdict, str]:
        """Judge one case, without regard to known differences."""
        if lacking := case.looks_at.needs & self._lacks:
            return Verdict.NOT_APPLICABLE, f"the target lacks {FEATURES[min(lacking)]}"
        try:
            control = await self._look(IDLE)
            evidence = await self._look(case.looks_at)
        except TargetError as failure:
            return Verdict.ERROR, str(failure)
        message = case.judge(evidence)
        late = max(seen.lateness for seen in (control, evidence) if isinstance(seen, Seen))
        if late > LATE_LIMIT and (message or control.state is not State.ALIVE):
            return Verdict.INCONCLUSIVE, (
                f"the machine was too busy: a probe was sent {late * 1000:.0f} ms late; try again"
            )
        if control.state is not State.ALIVE and case.looks_at != IDLE:
            return Verdict.INCONCLUSIVE, "its control does not hold: see LIVE-001"
        return (Verdict.FAILED, message) if message else (Verdict.PASSED, "")

    async def _look(self, at: Window | Exchange) -> Any:
        """Return what is seen there, from now or before. A fresh server has its own control."""
        if isinstance(at, Window):
            if at not in self.seen:
                await self._be_controlled(at)
                self.seen[at] = await self._watch(at)
            return self.seen[at]
        if at not in self._answers:
            await self.ready()
            assert self._server is not None
            with self._clock.counting("windows"):
                self._answers[at] = await ask(self._server, at)
        return self._answers[at]

    async def _be_controlled(self, window: Window) -> None:
        if self._server is None and window != IDLE and IDLE in self.seen:
            control = await self._watch(IDLE)
            if control.state is not State.ALIVE:
                self.seen[IDLE] = control

    async def _watch(self, window: Window) -> Seen:
        await self.ready()
        assert self._server is not None
        with self._clock.counting("windows"):
            seen = await watch(self._server, replace(window, paths=self._paths(window)))
        if not seen.recovered or seen.ended:
            self.end()
            self._ready = False
        return seen


class Runner:
    """Judges cells, the servers of one target at a time. Use it by ``with``; nothing is left.

    Raises ``UsageError`` where there is nothing to run.
    """

    def __init__(
        self,
        targets: Sequence[str],
        servers: Sequence[ServerKind],
        cases: Sequence[Case[Any]],
        differences: Sequence[known.Difference] = (),
        lacks: Iterable[str] = (),
    ) -> None:
        self.targets, self.servers, self.cases = targets, servers, cases
        self.clock = Clock()
        self._differences = differences
        self._lacks = frozenset(lacks)
        if strange := self._lacks - FEATURES.keys():
            features = ", ".join(FEATURES)
            raise UsageError(f"no feature is called {min(strange)!r}; there is: {features}")
        if not (targets and servers and cases):
            raise UsageError("there is nothing to run: name a target, a server and a case")
        self.benches: dict[tuple[str, str], Bench] = {}
        self._target: str | None = None

    def __enter__(self) -> Self:
        self._asyncio = asyncio.Runner()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
        for bench in self.benches.values():
            bench.end()

    def run(self, progress: Callable[[Result], None] = lambda result: None) -> list[Result]:
        """Judge every cell, and tell *progress* of each."""
        results = []
        for cell in self.cells:
            results.append(self.judge(cell))
            progress(results[-1])
        return results

    def judge(self, cell: Cell) -> Result:
        """Judge one cell. Raises ``LivenessError`` where no server can be started at all."""
        self.start(cell.target)
        bench = self.benches[cell.target, cell.server.name]
        verdict, message = self._asyncio.run(bench.judge(cell.case))
        return self._as_listed(Result(cell, verdict, message))

    def start(self, target: str) -> float:
        """Start *target* on its servers at once, if it is not the one that is running."""
        if self._target != target:
            self.end()
            self._target = target
            benches = [Bench(target, kind, self._lacks, self.clock) for kind in self.servers]
            self.benches |= {(target, bench.kind.name): bench for bench in benches}
            with self.clock.counting("starts"):
                for bench in benches:
                    bench.start()
            self._asyncio.run(_all_ready(benches))
        return max(self.benches[target, kind.name].start_seconds for kind in self.servers)

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
        if result.verdict is Verdict.FAILED:
            return replace(
                result, verdict=Verdict.DIFFERS, message=row.reason, link=row.link
            )
        if result.verdict is Verdict.PASSED:
            message = (
                f"{cell.case.name}: a difference is listed that does not hold: {row.reason}\n"
                f"  Take the row out of the list of known differences."
            )
            return replace(result, verdict=Verdict.FAILED, message=message)
        return result


async def _all_ready(benches: list[Bench]) -> None:
    """Wait for all, and leave it to the first judgement to say what was wrong."""
    results = await asyncio.gather(*(bench.ready() for bench in benches), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, LivenessError):
            raise result
