"""What changed from one conformance run to another, case by case on each target and server. Pure.

The rule of the noise: figures depend on the machine, and each run records how far. A run measures
each promise on several subjects. A figure has changed if the later one is larger or smaller than
the earlier one by a larger factor than the subjects of either run are apart, in the case of that
promise where they are furthest apart (without the one subject that is furthest from the others).
A wait's ratio (*gil*) is no more exact than its control: here the factor between the waits of the
idle windows counts, too. Seconds must also differ by more than an idle app ever kept a probe
waiting. A figure of fewer than five subjects, or of two machines, is not compared: no run recorded
its noise. ``never`` is no figure, so a change from or to it is always one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from asgi_liveness.changes import Change, ChangeKind, Comparison, judged
from asgi_liveness.conformance import contract, promises
from asgi_liveness.conformance.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from asgi_liveness.conformance.report import CellRow, ConformanceReport

ORDER: Final = (Outcome.FAILED, Outcome.DIFFERS, Outcome.PASSED)
"""The outcomes that can be compared, the worst first. The others judge nothing: an error says that
the case could not be set up, which may be the app's fault or that of a busy machine."""
_ENOUGH: Final = 5  # subjects that show how far figures are apart, without the furthest
_DIGIT: Final = 1e-4  # the last digit that a report has of a figure
_COUNTS: Final = ("loops",)
"""Figures that say how much was started, and measure nothing."""
_IDLE: Final = (contract.IDLE.title, promises.GIL_CONTROL.title)
_VERSIONS: Final = ("uvicorn", "uvloop", "hypercorn")  # what the outcomes depend on

_Key = tuple[str, str, str]
"""A case, a target and a server."""


def compare(old: ConformanceReport, new: ConformanceReport) -> Comparison:
    """Return what changed from the run *old* to the run *new*."""
    before, after = _cells(old), _cells(new)
    titles = {**old.titles, **new.titles}
    factors, floor = _noise(old, new)
    changes = []
    for key in [*after, *(key for key in before if key not in after)]:
        cell = after.get(key) or before[key]
        subject = f"{cell.case} {cell.slug} on {titles[cell.target]}, {cell.server}"
        if key not in before:
            changes.append(Change(subject, "", cell.verdict, ChangeKind.NEW, cell.message))
        elif key not in after:
            changes.append(Change(subject, cell.verdict, "", ChangeKind.GONE, cell.message))
        elif kind := judged(before[key].verdict, cell.verdict, ORDER):
            detail = cell.message or before[key].message
            changes.append(Change(subject, before[key].verdict, cell.verdict, kind, detail))
        else:
            changes += _figures(subject, before[key], cell, factors, floor)
    notes = (*_notes(old, new), *_noise_note(factors, floor, old, new))
    return Comparison(tuple(changes), len(before.keys() & after.keys()), "cell", notes)


def _cells(report: ConformanceReport) -> dict[_Key, CellRow]:
    """Return the cells that the run could judge; a case that does not apply is as not there."""
    return {
        (cell.case, cell.target, cell.server): cell
        for cell in report.cells
        if cell.verdict != Outcome.NOT_APPLICABLE
    }


def _figures(
    subject: str, before: CellRow, after: CellRow, factors: dict[str, float], floor: float
) -> Iterator[Change]:
    """Yield each figure that differs by more than the noise."""
    for name, new in after.measured.items():
        if name in _COUNTS or name not in before.measured:
            continue
        old = before.measured[name]
        if old is None or new is None:
            differs = old is not new
        else:
            factor = factors.get(f"{after.promise} {name}", math.inf)
            differs = abs(_log(new) - _log(old)) > factor
            differs = differs and (name == "ratio" or abs(new - old) > floor)
        if differs:
            was, became = (f"{name} {_shown(name, figure)}" for figure in (old, new))
            yield Change(subject, was, became, ChangeKind.CHANGED)


def _noise(old: ConformanceReport, new: ConformanceReport) -> tuple[dict[str, float], float]:
    """Return the logarithm of each figure's factor, by promise and name, and the idle seconds."""
    if not _is_one_machine(old, new):
        return {}, math.inf
    factors = dict[str, float]()
    idle = [_idle_waits(report) for report in (old, new)]
    for report in (old, new):
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        for cell in _cells(report).values():
            for name, figure in cell.measured.items():
                if name not in _COUNTS and figure is not None:
                    found[cell.case, f"{cell.promise} {name}"].append(_log(figure))
        for (_, name), figures in found.items():
            if len(figures) >= _ENOUGH:
                factors[name] = max(factors.get(name, 0.0), _spread(figures))
    for name in factors:
        if name.startswith("gil "):
            spreads = [max(logs) - min(logs) for waits in idle if (logs := [*map(_log, waits)])]
            factors[name] = max(factors[name], *spreads, 0.0)
    return factors, max((wait for waits in idle for wait in waits), default=math.inf)


def _spread(figures: Sequence[float]) -> float:
    """Return how far figures are apart, without the one that is furthest from the others."""
    ordered = sorted(figures)
    return min(ordered[-2] - ordered[0], ordered[-1] - ordered[1])


def _idle_waits(report: ConformanceReport) -> list[float]:
    return [row.longest_wait for row in report.windows if row.window in _IDLE]


def _log(figure: float) -> float:
    return math.log(max(figure, _DIGIT))


def _shown(name: str, figure: float | None) -> str:
    if figure is None:
        return "never"
    return f"{figure:.2f}" if name == "ratio" else f"{figure:.2f} s"


def _is_one_machine(old: ConformanceReport, new: ConformanceReport) -> bool:
    names = ("system", "machine", "cores")
    return all(old.platform.get(name) == new.platform.get(name) for name in names)


def _notes(old: ConformanceReport, new: ConformanceReport) -> Iterator[str]:
    """Yield what else differs between the runs."""
    if old.contract != new.contract:
        yield f"contract {old.contract}, then {new.contract}: a case may judge something else"
    if old.python != new.python:
        yield f"Python {old.python}, then {new.python}"
    versions = [dict(report.versions) for report in (old, new)]
    for report, found in zip((old, new), versions, strict=True):
        found |= {row.name: row.version or "" for row in report.targets if row.name}
    named = {row.name for row in (*old.targets, *new.targets) if row.name}
    for name in (*_VERSIONS, *sorted(named)):
        before, after = (found.get(name) for found in versions)
        if before and after and before != after:
            yield f"{name} {before}, then {after}"


def _noise_note(
    factors: dict[str, float], floor: float, old: ConformanceReport, new: ConformanceReport
) -> Iterator[str]:
    if not _is_one_machine(old, new):
        yield "the runs are of different machines, so no figure was compared"
        return
    if not all(any(cell.measured for cell in report.cells) for report in (old, new)):
        return
    if not factors:
        yield f"fewer than {_ENOUGH} subjects show the noise, so only never was compared"
        return
    listed = ", ".join(f"{name} x{math.exp(log):.1f}" for name, log in sorted(factors.items()))
    seconds = f", and seconds by more than {floor:.3f}" if math.isfinite(floor) else ""
    yield f"figures count as changed by more than a factor: {listed}{seconds}"
