"""The results of a run as data. Every other format is rendered from its JSON."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.handlers import HandlerRow, handlers_of
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.decoded import Mismatch, decode
from asgi_liveness.encoded import encoded
from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_json
from asgi_liveness.foreign import every_text, plain_lines
from asgi_liveness.page.timeline import Timeline

if TYPE_CHECKING:
    from pathlib import Path

    from asgi_liveness.conformance.runner import Runner

SCHEMA: Final = 3
_READ: Final = (2, SCHEMA)
"""Schema 2 had no timelines and no handlers."""


@dataclass(frozen=True)
class TargetRow:
    """A target, and the distribution of its app's class (None if it has none)."""

    target: str
    name: str | None
    version: str | None


@dataclass(frozen=True)
class CellRow:
    """The outcome of one case on one target and server."""

    case: str
    slug: str
    target: str
    server: str
    verdict: str
    message: str
    link: str
    promise: str
    remedy: str
    measured: dict[str, float | None]
    """Figures by name: a ratio, or seconds (null: never). The case's docstring explains them."""


@dataclass(frozen=True)
class WindowRow:
    """The observation of one window. Waits are in seconds."""

    window: str
    target: str
    server: str
    must_be: str
    state: str
    answered: int
    due: int
    longest_wait: float
    steps: int
    beats: int
    timeline: Timeline | None = None
    """Each probe, and the steps of the loops; None in a report that is older."""


@dataclass(frozen=True)
class ConformanceReport:
    """All results of a run."""

    schema: int
    contract: int
    python: str
    platform: dict[str, Any]
    versions: dict[str, str]
    """The versions of all distributions in the environment."""
    targets: tuple[TargetRow, ...]
    servers: tuple[str, ...]
    cells: tuple[CellRow, ...]
    windows: tuple[WindowRow, ...]
    seconds: dict[str, float]
    """Wall time: ``starts``, ``windows``, ``ends``, ``rest``."""
    handlers: tuple[HandlerRow, ...] = ()
    """The source of each target's handlers, at the time of the run."""

    @classmethod
    def of(cls, runner: Runner) -> ConformanceReport:
        """Return a report of the cells that *runner* has judged so far."""
        clock = runner.clock
        found = cls(
            schema=SCHEMA,
            contract=contract.VERSION,
            python=platform.python_version(),
            platform={
                "system": platform.system(),
                "machine": platform.machine(),
                "cores": os.cpu_count(),
            },
            versions=_versions(),
            targets=tuple(_target_row(target, runner) for target in runner.targets),
            servers=tuple(kind.name for kind in runner.servers),
            cells=tuple(
                CellRow(
                    case=result.cell.case.id,
                    slug=result.cell.case.slug,
                    target=result.cell.target,
                    server=result.cell.server.name,
                    verdict=result.outcome,
                    message=result.message,
                    link=result.link,
                    promise=result.cell.case.promise,
                    remedy=result.cell.case.remedy,
                    measured=result.measured,
                )
                for result in runner.results
            ),
            windows=tuple(
                WindowRow(
                    window=window.title,
                    target=target,
                    server=server,
                    must_be=window.must_be,
                    state=observation.state,
                    answered=observation.total_answered,
                    due=len(observation.probes),
                    longest_wait=round(observation.longest_wait, 4),
                    steps=observation.steps,
                    beats=observation.beats,
                    timeline=observation.timeline,
                )
                for (target, server), subject in runner.subjects.items()
                for window, observation in subject.observations.items()
            ),
            seconds={
                "starts": round(clock.starts, 2),
                "windows": round(clock.windows, 2),
                "ends": round(clock.ends, 2),
                "rest": round(
                    time.monotonic() - clock.began - clock.starts - clock.windows - clock.ends, 2
                ),
            },
            handlers=tuple(row for target in runner.targets for row in handlers_of(target)),
        )
        return _shown(found)

    @property
    def titles(self) -> dict[str, str]:
        """The name of each target in a table: its framework, if no other target has the same."""
        names = Counter(row.name for row in self.targets)
        return {
            row.target: row.name if row.name and names[row.name] == 1 else row.target
            for row in self.targets
        }

    @property
    def verdicts(self) -> Counter[str]:
        """The number of cells by outcome."""
        return Counter(cell.verdict for cell in self.cells)

    @property
    def exit_code(self) -> int:
        """0 as it should be, 1 a failure, 2 an error or no cell, 3 inconclusive."""
        verdicts = self.verdicts
        if verdicts[Outcome.FAILED]:
            return 1
        if verdicts[Outcome.ERROR] or not self.cells:
            return 2
        return 3 if verdicts[Outcome.INCONCLUSIVE] else 0

    def to_json(self) -> str:
        """Return the report as JSON, one key a line."""
        return encoded(self)

    @classmethod
    def load(cls, path: Path) -> ConformanceReport:
        """Read a report from JSON. Raises ``UsageError`` if *path* holds no report."""
        return cls.of_json(read_json(path), path)

    @classmethod
    def of_json(cls, data: Any, path: Path) -> ConformanceReport:
        """Return the report that was written as *data*; *path* names it in the ``UsageError``."""
        try:
            found, cause = decode(cls, data, {"Timeline": Timeline}), None
        except Mismatch as error:
            found, cause = None, error
        if found is None or not _fits(found):
            raise UsageError(
                f"{path} is not a report of schema {SCHEMA}; "
                "make one with `asgi-liveness run --report`"
            ) from cause
        return _shown(replace(found, schema=SCHEMA))


def _shown(report: ConformanceReport) -> ConformanceReport:
    """Return *report* with each text as a terminal can show it."""
    found: ConformanceReport = every_text(report, lambda text, _: plain_lines(text))
    return found


def _fits(report: ConformanceReport) -> bool:
    """Whether the schema is this one, and each row has its target, its server and a known word."""
    targets, servers = {row.target for row in report.targets}, {*report.servers}
    places = [(row.target, row.server) for row in report.cells]
    places += [(row.target, row.server) for row in report.windows]
    return (
        report.schema in _READ
        and {"system", "cores"} <= report.platform.keys()
        and all(target in targets and server in servers for target, server in places)
        and all(row.verdict in {*Outcome} for row in report.cells)
        and all(row.state in {*contract.State} for row in report.windows)
        and all(row.timeline.is_whole for row in report.windows if row.timeline)
        and all(row.target in targets for row in report.handlers)
    )


def _target_row(target: str, runner: Runner) -> TargetRow:
    notes = [subject.note for (name, _), subject in runner.subjects.items() if name == target]
    app: dict[str, Any] = next(
        (note["app"] for note in notes if isinstance(note.get("app"), dict)), {}
    )
    name, version = (app.get(key) for key in ("name", "version"))
    return TargetRow(target, name and str(name), version and str(version))


def _versions() -> dict[str, str]:
    found = {dist.name.lower(): dist.version for dist in importlib.metadata.distributions()}
    return dict(sorted(found.items()))
