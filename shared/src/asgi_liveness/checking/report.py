"""What a check found, as data. It is written as JSON first; all else is rendered from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from asgi_liveness.stalls.culprit import Culprit

SCHEMA: Final = 1


class Verdict(StrEnum):
    """What is said of a route, the worst first; ``asgi-liveness explain`` tells of each."""

    DIED = "died"
    """The app, or one of its workers, was ended while it was watched."""
    STALLED = "stalled"
    """The event loop was inside one callback for longer than the limit."""
    STARVED = "starved"
    """The event loop turns, and the probe waits for a thread of a full pool."""
    IDLE_STALLED = "idle stalled"
    """The event loop stalls with no request at all."""
    INCONCLUSIVE = "inconclusive"
    """Answers were late, and no code of the app is to blame."""
    LIVE = "live"
    """The probes were answered and the event loop turned."""


@dataclass(frozen=True)
class Probes:
    """How many probes were due in a window, and how many were answered in it."""

    due: int
    answered: int


@dataclass(frozen=True)
class WindowReport:
    """One window: what went on, and what was seen. Times in seconds."""

    during: str | None
    """The request, as ``GET /report``; None in the window without one."""
    verdict: Verdict
    probes: Probes
    longest_stall_s: float | None
    """For how long the event loop did not turn, at the most; None where nobody sees it turn (a
    server that was not started from here)."""
    idle_stall_s: float | None
    """The same of the window without a request."""
    longest_silence_s: float
    """The longest time in which a probe waited and none was answered."""
    culprit: Culprit | None = None
    advice: str = ""
    """What to do, in a line; empty where there is nothing to do."""
    because: str = ""
    """What the verdict rests on, in a line, where the numbers do not say it."""
    strip: str = ""
    """The probes in order: ``|`` answered, ``.`` not."""
    notes: tuple[str, ...] = ()
    """What else was seen: a slow app, a cold first call, a request that did not end."""


@dataclass(frozen=True)
class Report:
    """Everything that a check found."""

    target: str
    """The app, the address without user and password, or the command."""
    server: str
    """The server, its version, its event loop, its workers."""
    probe: str
    """What was probed, as ``GET /healthz``."""
    interval_s: float
    """From probe to probe."""
    max_stall_s: float
    routes: tuple[WindowReport, ...]
    again: str
    """A command that repeats it; headers and bodies are left out of it."""
    system: dict[str, Any] = field(default_factory=dict)
    """Python, platform, cores, and the version of this kit."""
    untried: tuple[str, ...] = ()
    """GET routes that the app's OpenAPI document has and that were not run."""
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
        """0 live, 1 a finding, 3 inconclusive."""
        return {Verdict.LIVE: 0, Verdict.INCONCLUSIVE: 3}.get(self.verdict, 1)

    def to_json(self) -> str:
        """Return the report as JSON, one key a line."""
        first = {"schema": self.schema, "verdict": self.verdict, "system": self.system}
        report = {**first, **asdict(self)}
        for route in report["routes"]:
            if route["culprit"] and route["culprit"]["below"]:
                route["culprit"]["below"] = route["culprit"]["below"]._asdict()
        return json.dumps(report, indent=1) + "\n"
