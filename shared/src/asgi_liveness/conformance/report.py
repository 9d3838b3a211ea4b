"""What a run found, as data. It is written as JSON first; all else is rendered from it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import time
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from asgi_liveness.conformance.runner import Runner

SCHEMA: Final = 2


@dataclass(frozen=True)
class TargetRow:
    """A target, and what its app is made of (None where it is not a distribution's class)."""

    target: str
    name: str | None
    version: str | None


@dataclass(frozen=True)
class CellRow:
    """The verdict on one case, target and server."""

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
    """A ratio, or seconds by what they are to (null: never); see the case's docstring."""


@dataclass(frozen=True)
class WindowRow:
    """What one window showed. Waits in seconds."""

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


@dataclass(frozen=True)
class ConformanceReport:
    """Everything that a run found."""

    schema: int
    contract: int
    python: str
    platform: dict[str, Any]
    versions: dict[str, str]
    """Every distribution in the environment."""
    targets: tuple[TargetRow, ...]
    servers: tuple[str, ...]
    cells: tuple[CellRow, ...]
    windows: tuple[WindowRow, ...]
    seconds: dict[str, float]
    """Wall time: ``starts``, ``windows``, ``ends``, ``rest``."""

    @classmethod
    def of(cls, runner: Runner) -> ConformanceReport:
        """ConformanceReport what *runner* has judged so far."""
        clock = runner.clock
        return cls(
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
                    verdict=result.verdict,
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
                    state=seen.state,
                    answered=seen.total_answered,
                    due=len(seen.probes),
                    longest_wait=round(seen.longest_wait, 4),
                    steps=seen.steps,
                    beats=seen.beats,
                )
                for (target, server), subject in runner.subjects.items()
                for window, seen in subject.seen.items()
            ),
            seconds={
                "starts": round(clock.starts, 2),
                "windows": round(clock.windows, 2),
                "ends": round(clock.ends, 2),
                "rest": round(
                    time.monotonic() - clock.began - clock.starts - clock.windows - clock.ends, 2
                ),
            },
        )

    @property
    def titles(self) -> dict[str, str]:
        """What to call each target in a table: its framework where that tells it from others."""
        names = Counter(row.name for row in self.targets)
        return {
            row.target: row.name if row.name and names[row.name] == 1 else row.target
            for row in self.targets
        }

    @property
    def verdicts(self) -> Counter[str]:
        """How many cells have each verdict."""
        return Counter(cell.verdict for cell in self.cells)

    @property
    def exit_code(self) -> int:
        """0 as it should be, 1 a failure, 2 it could not be run, 3 inconclusive."""
        verdicts = self.verdicts
        if verdicts[Outcome.FAILED]:
            return 1
        if verdicts[Outcome.ERROR] or not self.cells:
            return 2
        return 3 if verdicts[Outcome.INCONCLUSIVE] else 0

    def to_json(self) -> str:
        """Return the report as JSON, one key a line."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def load(cls, path: Path) -> ConformanceReport:
        """Read a report from JSON. Raises ``UsageError`` where *path* holds none."""
        data = read_json(path)
        problem = UsageError(f"{path} is no report of schema {SCHEMA}; make one with --report")
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise problem
        rows = {"targets": TargetRow, "cells": CellRow, "windows": WindowRow}
        try:
            for key, kind in rows.items():
                data[key] = tuple(kind(**row) for row in data[key])
            return cls(**{**data, "servers": tuple(data["servers"])})
        except (KeyError, TypeError) as error:
            raise problem from error


def _target_row(target: str, runner: Runner) -> TargetRow:
    notes = [subject.note for (name, _), subject in runner.subjects.items() if name == target]
    app: dict[str, str | None] = next((note["app"] for note in notes if note), {})
    return TargetRow(target, app.get("name"), app.get("version"))


def _versions() -> dict[str, str]:
    found = {dist.name.lower(): dist.version for dist in importlib.metadata.distributions()}
    return dict(sorted(found.items()))
