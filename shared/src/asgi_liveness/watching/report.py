"""The report of a watch, as data. Every other format is rendered from it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.decoded import Mismatch, decode
from asgi_liveness.encoded import as_data, encoded
from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_json
from asgi_liveness.foreign import every_text, plain
from asgi_liveness.stalls import quote

if TYPE_CHECKING:
    from pathlib import Path

    from asgi_liveness.stalls.culprit import Culprit
    from asgi_liveness.stalls.merged import MergedStack
    from asgi_liveness.watching.named_stall import NamedStall
    from asgi_liveness.watching.starvation import Starvation
    from asgi_liveness.watching.tally import Tally

SCHEMA: Final = 2
"""The number of the format of ``json`` and ``jsonl``. Schema 1 had no times and no stacks."""
_READ: Final = (1, SCHEMA)


@dataclass(frozen=True)
class CulpritRow:
    """All stalls at one culprit. Times in seconds."""

    culprit: Culprit | None
    """The line to blame; None where no sample showed one."""
    because: str
    """Why no line is known, or a word on the line."""
    stalls: int
    total_s: float
    longest_s: float
    requests: dict[str, int]
    """How many of the stalls were in each request, as ``GET /users/{id}``."""
    advice: str
    is_finding: bool
    """Whether the app is to blame, and not a busy machine."""
    last: tuple[tuple[float, ...], ...] = ()
    """When each of the last hundred stalls began, since the watch did, and how long it lasted."""
    stacks: tuple[MergedStack, ...] = ()
    """The samples of the longest stall."""

    @property
    def where(self) -> str:
        """The line to blame, or why none is known."""
        return quote.frame(self.culprit) if self.culprit else self.because

    @property
    def counted(self) -> str:
        """The number of the stalls and their seconds, in words."""
        times = f"{self.stalls} stall{'s' * (self.stalls != 1)}"
        return f"{times}, {self.total_s:.1f} s together, the longest {self.longest_s:.1f} s"


@dataclass(frozen=True)
class WatchReport:
    """The report of a whole watch. Times in seconds."""

    command: str
    """The program that was run, without its arguments, which may hold a secret."""
    max_stall_s: float
    watched_s: float
    processes: int
    """How many processes had an event loop."""
    culprits: tuple[CulpritRow, ...]
    """That with the most seconds first."""
    starved: tuple[Starvation, ...]
    """The pools of threads that were full for the longest."""
    late_p50_s: float | None
    """By how much a beat of an event loop was late, by the median; None without any beat."""
    late_p99_s: float | None
    notes: tuple[str, ...] = ()
    system: dict[str, str | int | None] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def stalls(self) -> int:
        """The number of all stalls."""
        return sum(row.stalls for row in self.culprits)

    @property
    def silent_s(self) -> float:
        """The seconds of all stalls."""
        return sum(row.total_s for row in self.culprits)

    @property
    def verdict(self) -> str:
        """``stalled``, ``starved`` or ``live``."""
        if any(row.is_finding for row in self.culprits):
            return "stalled"
        return "starved" if self.starved else "live"

    @property
    def exit_code(self) -> int:
        """0 live, 1 a finding."""
        return 0 if self.verdict == "live" else 1

    def to_json(self) -> str:
        """Return the report as JSON, one key a line."""
        first = {"schema": self.schema, "verdict": self.verdict, "kind": "watch"}
        return encoded({**first, **as_data(self)})

    @classmethod
    def load(cls, path: Path) -> WatchReport:
        """Read the JSON report in *path*. Raises ``UsageError`` for any other file."""
        return cls.of_json(read_json(path), path)

    @classmethod
    def of_json(cls, data: Any, path: Path) -> WatchReport:
        """Return the report that was written as *data*; *path* names it in the ``UsageError``."""
        # Imported late: the report of a watch is made without them.
        from asgi_liveness.serving.records import Frame  # noqa: PLC0415
        from asgi_liveness.stalls.culprit import Culprit  # noqa: PLC0415
        from asgi_liveness.stalls.merged import MergedStack  # noqa: PLC0415
        from asgi_liveness.watching.starvation import Starvation  # noqa: PLC0415

        try:
            given = {name: data[name] for name in data.keys() - {"verdict", "kind"}}
            kinds = (Culprit, Frame, MergedStack, Starvation)
            found, cause = decode(cls, given, {kind.__name__: kind for kind in kinds}), None
        except (AttributeError, TypeError, Mismatch) as error:
            found, cause = None, error
        if found is None or data.get("kind") != "watch" or not _fits(found):
            raise UsageError(
                f"{path} is not a report of schema {SCHEMA}; "
                "make one with `asgi-liveness watch --report`"
            ) from cause
        return shown(replace(found, schema=SCHEMA))


def _fits(report: WatchReport) -> bool:
    """Whether the schema is known, and each of the last stalls has a beginning and a length."""
    last = (stall for row in report.culprits for stall in row.last)
    return report.schema in _READ and all(len(stall) == 2 for stall in last)  # noqa: PLR2004 (both)


def rows_of(tally: Tally, began: float) -> tuple[CulpritRow, ...]:
    """Return the rows of a tally; the watch *began* at this time of the wall clock."""
    return tuple(
        CulpritRow(
            culprit=row.culprit,
            because=row.because,
            stalls=row.stalls,
            total_s=round(row.total, 3),
            longest_s=round(row.longest, 3),
            requests={name: times for name, times in row.requests.items() if name},
            advice=row.advice,
            is_finding=row.is_finding,
            last=tuple((round(at - began, 3), round(seconds, 3)) for at, seconds in row.last),
            stacks=row.stacks,
        )
        for row in tally.ordered
    )


def shown(report: WatchReport) -> WatchReport:
    """Return *report* with each text as a terminal can show it."""
    found: WatchReport = every_text(report, lambda text, _: plain(text))
    return found


def line_of(event: NamedStall | Starvation) -> str:
    """Return one event as a line of JSON."""
    plainly = every_text(event, lambda text, _: plain(text))
    kind = "starved" if hasattr(event, "pool") else "stalled"
    found = as_data(plainly)
    for name in ("group", "stacks"):  # how the watch counts; and more than a line should hold
        found.pop(name, None)
    return json.dumps({"schema": SCHEMA, "kind": kind, **found}) + "\n"
