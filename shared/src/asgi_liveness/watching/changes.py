"""What changed from one watch to another, line by line and pool by pool. Pure.

The rule: a watch sees what people do while it runs. A line that blocks now and did not before is
worse, since the app has one more. A line that is not there any more is gone, and not better: nobody
may have requested it. A watch that saw no event loop shows nothing. How often a line blocks depends
on the requests, so counts are shown and not compared.

The rule of the noise: each watch records by how much the beats of the event loops were late in the
rest of the time. The longest stall of a line has changed if it differs by more than the 99th
percentile of these in either watch. Of two machines, and without any beat, no time is compared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.changes import Change, ChangeKind, Comparison, judged
from asgi_liveness.stalls import quote
from asgi_liveness.watching.report import CulpritRow
from asgi_liveness.watching.starvation import Starvation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asgi_liveness.watching.report import WatchReport

_FINDING: Final = "blocks"
_NONE: Final = "not seen"
_EXCUSED: Final = "stalls, and the app is not to blame"
ORDER: Final = (_FINDING, _NONE)
"""A line that blocks is worse than none; a stall that the app is not to blame for is neither."""

_Place = tuple[str, str, str]
"""A file, a function and its line of source; or why no line is known."""


class _Found(NamedTuple):
    """A line that blocked, or a pool that was full."""

    subject: str
    word: str
    counted: str
    seconds: float
    detail: str


def compare(old: WatchReport, new: WatchReport) -> Comparison:
    """Return what changed from the watch *old* to the watch *new*."""
    before, after = _found(old), _found(new)
    noise = _noise(old, new)
    changes = list[Change]()
    for place in [*after, *(place for place in before if place not in after)]:
        earlier, later = before.get(place), after.get(place)
        if later is None and earlier is not None:
            kind = ChangeKind.GONE if new.processes else ChangeKind.UNSURE
            changes.append(Change(earlier.subject, earlier.counted, "", kind, earlier.detail))
        elif earlier is None and later is not None:
            kind = _kind_of_new(later) if old.processes else ChangeKind.UNSURE
            changes.append(Change(later.subject, "", later.counted, kind, later.detail))
        elif earlier and later:
            changes += _changed(earlier, later, noise)
    notes = (*_notes(old, new), *_noise_note(noise))
    return Comparison(tuple(changes), len(before.keys() & after.keys()), "line", notes)


def _kind_of_new(found: _Found) -> ChangeKind:
    is_worse = judged(_NONE, found.word, ORDER) is ChangeKind.WORSE
    return ChangeKind.WORSE if is_worse else ChangeKind.NEW


def _changed(before: _Found, after: _Found, noise: float | None) -> Iterator[Change]:
    counted = (before.counted, after.counted)
    if kind := judged(before.word, after.word, ORDER):
        yield Change(after.subject, *counted, kind, f"{before.word}, then {after.word}")
    elif noise is not None and abs(after.seconds - before.seconds) > noise:
        yield Change(after.subject, *counted, ChangeKind.CHANGED, after.detail)


def _found(report: WatchReport) -> dict[_Place, _Found]:
    """Return the lines and the pools of a watch, one for each place."""
    rows = dict[_Place, CulpritRow]()
    for row in report.culprits:
        place = _place(row)
        rows[place] = _together(rows[place], row) if place in rows else row
    pools = dict[_Place, Starvation]()
    for pool in report.starved:
        place = (pool.pool, pool.where.rpartition(":")[0], "pool")
        if place not in pools or pool.seconds > pools[place].seconds:
            pools[place] = pool
    found = {place: _of_row(row) for place, row in rows.items()}
    return found | {place: _of_pool(pool) for place, pool in pools.items()}


def _place(row: CulpritRow) -> _Place:
    """Return the culprit, whose line may have moved with the lines above it."""
    if row.culprit is None:
        return ("", "", row.because)
    return (row.culprit.file, row.culprit.function, row.culprit.source or str(row.culprit.line))


def _together(one: CulpritRow, other: CulpritRow) -> CulpritRow:
    return replace(
        one,
        stalls=one.stalls + other.stalls,
        total_s=one.total_s + other.total_s,
        longest_s=max(one.longest_s, other.longest_s),
        requests={**other.requests, **one.requests},
        is_finding=one.is_finding or other.is_finding,
    )


def _of_row(row: CulpritRow) -> _Found:
    stalls = f"{row.stalls} stall{'s' * (row.stalls != 1)}"
    parts = (row.culprit.source if row.culprit else "", ", ".join(row.requests))
    return _Found(
        quote.frame(row.culprit) if row.culprit else f"({row.because})",
        _FINDING if row.is_finding else _EXCUSED,
        f"{stalls}, the longest {row.longest_s:.1f} s",
        row.longest_s,
        " in ".join(part for part in parts if part),
    )


def _of_pool(pool: Starvation) -> _Found:
    full = f"full for {pool.seconds:.1f} s"
    threads = f"{pool.there} of {pool.threads} threads"
    return _Found(f"{pool.pool} at {pool.where}", _FINDING, full, pool.seconds, threads)


def _noise(old: WatchReport, new: WatchReport) -> float | None:
    """Return the seconds by which beats are late without a stall; None if that is not known."""
    if old.late_p99_s is None or new.late_p99_s is None or not _is_one_machine(old, new):
        return None
    return max(old.late_p99_s, new.late_p99_s)


def _is_one_machine(old: WatchReport, new: WatchReport) -> bool:
    return all(old.system.get(name) == new.system.get(name) for name in ("platform", "cores"))


def _notes(old: WatchReport, new: WatchReport) -> Iterator[str]:
    """Yield what else differs between the watches."""
    pairs = (
        (old.command, new.command),
        (_limit(old), _limit(new)),
        (_processes(old), _processes(new)),
    )
    yield from (f"{a}, then {b}" for a, b in pairs if a != b)
    yield f"watched for {old.watched_s:.0f} s, then for {new.watched_s:.0f} s"


def _processes(report: WatchReport) -> str:
    return f"{report.processes} process{'es' * (report.processes != 1)} with an event loop"


def _limit(report: WatchReport) -> str:
    return f"limit {report.max_stall_s * 1000:g} ms"


def _noise_note(noise: float | None) -> Iterator[str]:
    if noise is None:
        yield "no beats of both, on one machine, show the noise: no time was compared"
    else:
        yield f"times count as changed by more than {noise * 1000:.0f} ms"
