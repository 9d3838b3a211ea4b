"""Draws lanes of probes as SVG, for the page and for pictures in files. Pure.

The rule: across, a unit is a millisecond. A probe that was answered in time stands upright at the
moment it was due. A late one leans, from when it was due, below, to its answer, above. One that
was not answered is a dot. Every wait stands in the path, so that the page can say it.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.page.scale import duration

if TYPE_CHECKING:
    from asgi_liveness.page.model import Lane, Lanes
    from asgi_liveness.page.timeline import Timeline

HEIGHT: Final = 44
"""Units from the top of a lane to its bottom."""
_STEPS_LOW: Final = 12  # units from the top: steps stand above this line
_ANSWERED: Final = 18  # units from the top: where probes are answered
_DUE: Final = 38  # units from the top: where they are due
_LATE: Final = 200
"""Milliseconds that a probe may wait where the report names no limit: those of ``check``."""
_MOST_PROBES: Final = 2000
"""Probes of a lane that are drawn: two for each pixel of a wide screen."""
_MOST_SAID: Final = 3  # stalls; the others are counted
_MOST_TIME: Final = 10**12  # milliseconds: no window takes 30 years


class DrawnProbe(NamedTuple):
    """A probe as it is drawn. Times in milliseconds."""

    due: int
    wait: int | None
    kind: str
    """``ok``, ``late`` or ``no``: the class of its path."""
    row: int
    """Its number in the timeline."""


def span(lanes: Lanes) -> int:
    """Return the length of the scale that the lanes share, in milliseconds."""
    return max((_length(row.timeline) for row in lanes.rows if row.timeline), default=1)


def _length(timeline: Timeline) -> int:
    return min(max(1, timeline.length), _MOST_TIME)


def probes(timeline: Timeline) -> list[DrawnProbe]:
    """Return the probes to draw: first those answered in time, then late ones, then the others."""
    length, limit = _length(timeline), timeline.limit or _LATE
    every = -(-len(timeline.due) // _MOST_PROBES)
    found = []
    for row, (moment, wait) in enumerate(zip(timeline.due, timeline.waits, strict=False)):
        if row % max(1, every):
            continue
        due = min(max(0, moment), length)
        kind = "no" if wait is None else "late" if wait > limit else "ok"
        found.append(
            DrawnProbe(due, None if wait is None else min(max(0, wait), length - due), kind, row)
        )
    return sorted(found, key=lambda probe: ("ok", "late", "no").index(probe.kind))


def track(timeline: Timeline) -> str:
    """Return the paths of a lane: the window, its stalls, the steps of the loop, the probes."""
    paths = [f'<path class="window" d="M0 {_DUE}h{_length(timeline)}"/>']
    if timeline.stalls:
        bands = [_band(stall, _length(timeline)) for stall in timeline.stalls]
        paths.append(f'<path class="stall" d="{"".join(bands)}"/>')
    if any(timeline.steps) and timeline.interval > 0:
        paths.append(f'<path class="steps" d="{_steps(timeline)}"/>')
    for kind, rows in groupby(probes(timeline), key=lambda probe: probe.kind):
        paths.append(f'<path class="{kind}" d="{_moves(list(rows))}"/>')
    return "".join(paths)


def _band(stall: tuple[int, ...], length: int) -> str:
    began, ended = (min(max(0, moment), length) for moment in (stall[0], stall[-1]))
    return f"M{began} 0h{ended - began}v{HEIGHT}h{began - ended}z"


def _steps(timeline: Timeline) -> str:
    """Return the steps as an outline; neighbours of one height are one line."""
    most = max(timeline.steps)
    heights = [
        round(max(0, row) / most * (_STEPS_LOW - 2)) for row in timeline.steps[:_MOST_PROBES]
    ]
    moves, now = [f"M0 {_STEPS_LOW}"], 0
    for height, rows in groupby(heights):
        moves.append(f"v{now - height}h{len(list(rows)) * timeline.interval}")
        now = height
    return f"{''.join(moves)}v{now}z"


def _moves(rows: list[DrawnProbe]) -> str:
    """Return probes as one path of relative moves, each from the end of the last."""
    x, y, moves = 0, 0, []
    up = _DUE - _ANSWERED
    for probe in rows:
        if probe.wait is None:
            line = "h0"
        elif probe.kind == "late":
            line = f"l{probe.wait}-{up}"
        else:
            line = f"v-{up}m{probe.wait} 0"  # the second move draws nothing: it keeps the wait
        moves.append(f"m{probe.due - x} {_DUE - y}{line}")
        x = probe.due + (probe.wait or 0)
        y = _DUE if probe.wait is None else _ANSWERED
    return "".join(moves)


def view_box(length: int) -> str:
    """Return the part of the plane that a lane of *length* milliseconds shows, with a margin."""
    margin = max(1, length // 80)
    return f"-{margin} 0 {length + 2 * margin} {HEIGHT}"


def said(lane: Lane) -> str:
    """Return what a lane shows, in words."""
    parts = [f"{lane.label}: {lane.word}", lane.note]
    timeline = lane.timeline
    if timeline is None:
        parts.append("the report has no timeline of it")
    else:
        rows = probes(timeline)
        late = [row.wait or 0 for row in rows if row.kind == "late"]
        missed = [row.due for row in rows if row.kind == "no"]
        parts.append(
            f"{timeline.answered} of {len(timeline.due)} probes in {duration(timeline.length)}"
        )
        if late:
            parts.append(f"{len(late)} late, by up to {duration(max(late))}")
        if missed:
            between = f"from {duration(missed[0])} to {duration(missed[-1])}"
            parts.append(f"{len(missed)} not answered, due {between}")
        parts += [
            f"a stall from {duration(stall[0])} to {duration(stall[-1])}"
            for stall in timeline.stalls[:_MOST_SAID]
        ]
        if len(timeline.stalls) > _MOST_SAID:
            parts.append(f"{len(timeline.stalls)} stalls in all")
        if len(rows) < len(timeline.due):
            parts.append(f"{len(rows)} of {len(timeline.due)} probes are drawn")
    return "; ".join(part for part in parts if part)
