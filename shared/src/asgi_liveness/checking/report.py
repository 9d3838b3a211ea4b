"""The report of a check, as data. Every other format is rendered from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.checking.untried import Untried
from asgi_liveness.decoded import Mismatch, decode
from asgi_liveness.encoded import as_data, encoded
from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_json
from asgi_liveness.foreign import MOST, cut, every_text, plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asgi_liveness.page.timeline import Timeline
    from asgi_liveness.stalls.culprit import Culprit
    from asgi_liveness.stalls.merged import MergedStack

SCHEMA: Final = 3
_READ: Final = (1, 2, SCHEMA)
"""Schema 1 had no notes on the whole check, and a text for each route that was not tried; 2 had no
timelines, no stacks, and no lines around a culprit."""
_WHOLE: Final = ("target", "probe", "during", "again", "strip")
"""The texts that are never cut: the user's own, and one that has a mark for each probe."""


class Verdict(StrEnum):
    """The verdict on a window, the worst first; ``asgi-liveness explain`` explains each."""

    DIED = "died"
    """The app, or one of its workers, ended in the window."""
    STALLED = "stalled"
    """The event loop was inside one callback for longer than the limit."""
    STARVED = "starved"
    """The event loop runs, and the probe waits for a thread of a full pool, or for the GIL."""
    IDLE_STALLED = "idle stalled"
    """The event loop stalls while no request runs."""
    NOT_CHECKED = "not checked"
    """The app refused the request, so that the window shows nothing of it."""
    INCONCLUSIVE = "inconclusive"
    """Responses were late, and no code of the app is to blame."""
    LIVE = "live"
    """The probes were answered and the event loop ran."""


@dataclass(frozen=True)
class Probes:
    """How many probes were due in a window, and how many were answered in it."""

    due: int
    answered: int


@dataclass(frozen=True)
class WindowReport:
    """One window: its request, and what it showed. Times in seconds."""

    during: str | None
    """The request, as ``GET /report``; None in the idle window."""
    verdict: Verdict
    probes: Probes
    longest_stall_s: float | None
    """The longest stall; None where nothing watches the event loop (of a server that the check did
    not start)."""
    idle_stall_s: float | None
    """The longest stall of the idle window."""
    longest_silence_s: float
    """The longest time in which a probe waited and no probe was answered."""
    culprit: Culprit | None = None
    advice: str = ""
    """What to do, in a line; empty where there is nothing to do."""
    because: str = ""
    """The reason for the verdict, in a line, where the numbers do not show it."""
    strip: str = ""
    """The probes in order: ``|`` answered in time, ``.`` not."""
    notes: tuple[str, ...] = ()
    """Further observations: a slow app, a cold first call, a request that did not end."""
    timeline: Timeline | None = None
    """Each probe, and the stalls; None in a report that is older."""
    stacks: tuple[MergedStack, ...] = ()
    """The samples of the stalls."""


@dataclass(frozen=True)
class Report:
    """The whole report of a check."""

    target: str
    """The app, the address without user and password, or the command."""
    server: str
    """The server, its version, its event loop, its workers."""
    probe: str
    """The request of the probes, as ``GET /healthz``."""
    interval_s: float
    """The time from one probe to the next."""
    max_stall_s: float
    routes: tuple[WindowReport, ...]
    again: str
    """The command that repeats the check, without the values of headers and bodies."""
    system: dict[str, str | int | None] = field(default_factory=dict)
    """Python, platform, cores, and the version of this kit."""
    untried: tuple[Untried, ...] = ()
    """Routes of the app's OpenAPI document that the check did not try."""
    notes: tuple[str, ...] = ()
    """What holds for the whole check."""
    schema: int = SCHEMA

    @property
    def verdict(self) -> Verdict:
        """The worst of all windows."""
        order = list(Verdict)
        return min((route.verdict for route in self.routes), key=order.index)

    @property
    def ok(self) -> bool:
        """Whether the app is live."""
        return self.verdict is Verdict.LIVE

    @property
    def exit_code(self) -> int:
        """0 live, 1 a finding, 2 a request did no work, 3 inconclusive."""
        codes = {Verdict.LIVE: 0, Verdict.NOT_CHECKED: 2, Verdict.INCONCLUSIVE: 3}
        return codes.get(self.verdict, 1)

    def to_json(self) -> str:
        """Return the report as JSON, one key a line."""
        first = {"schema": self.schema, "verdict": self.verdict, "system": self.system}
        return encoded({**first, **as_data(self)})

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read the JSON report in *path*. Raises ``UsageError`` for any other file."""
        return cls.of_json(read_json(path), path)

    @classmethod
    def of_json(cls, data: Any, path: Path) -> Report:
        """Return the report that was written as *data*; *path* names it in the ``UsageError``."""
        # Imported late: they bring asyncio, and the help of the command imports this module.
        from asgi_liveness.page.timeline import Timeline  # noqa: PLC0415
        from asgi_liveness.serving.records import Frame  # noqa: PLC0415
        from asgi_liveness.stalls.culprit import Culprit  # noqa: PLC0415
        from asgi_liveness.stalls.merged import MergedStack  # noqa: PLC0415

        try:
            given = {name: data[name] for name in data.keys() - {"verdict"}}
            given["untried"] = [Untried.row(row) for row in given.get("untried", ())]
            kinds = (Culprit, Frame, MergedStack, Timeline)
            found = decode(cls, given, {kind.__name__: kind for kind in kinds})
            cause = None
        except (AttributeError, TypeError, Mismatch) as error:
            found, cause = None, error
        if found is None or not _fits(found):
            raise UsageError(
                f"{path} is not a report of schema {SCHEMA}; "
                "make one with `asgi-liveness check --report`"
            ) from cause
        return shown(replace(found, schema=SCHEMA))


def _fits(report: Report) -> bool:
    """Whether the schema is known, there is a window, and the times in each fit together."""
    whole = all(row.timeline.is_whole for row in report.routes if row.timeline)
    return report.schema in _READ and bool(report.routes) and whole


def shown(report: Report, change: Callable[[str], str] = lambda text: text) -> Report:
    """Return *report* with each text as a terminal can show it: made plain, changed, and cut."""

    def short(text: str, name: str) -> str:
        return cut(change(plain(text)), None if name in _WHOLE else MOST)

    found: Report = every_text(report, short)
    return found
