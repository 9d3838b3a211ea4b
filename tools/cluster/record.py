"""What a run of the cluster left: the runs in the workers' logs, and what its driver saw.

The rule: pure but for ``read``; all times are of the machine's monotonic clock, in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FINAL: Final = ("ended", "stopped", "failed", "lost")
"""The states in which a job may stay."""
ENDS: Final = ("done", "warned", "failed")
"""How a loop ends: by itself, because somebody stopped it, or by an exception."""


@dataclass
class Run:
    """One run of a job in one worker."""

    key: str
    owner: str
    fence: int
    start: float
    steps: list[float] = field(default_factory=list)
    end: float | None = None
    how: str = ""
    """One of ``ENDS``; empty if the log has no end."""

    @property
    def last(self) -> float:
        """The last time at which the log shows the run."""
        return self.end or (self.steps or [self.start])[-1]


class Poll(NamedTuple):
    """One list of all jobs, and when it was asked for and answered."""

    sent: float
    received: float
    states: dict[str, str]


@dataclass
class Seen:
    """What the driver saw of one kind of jobs."""

    accepted: set[str] = field(default_factory=set)
    polls: list[Poll] = field(default_factory=list)
    killed: set[str] = field(default_factory=set)
    """The owners that were killed by SIGKILL."""
    spare: int = 0
    """How many jobs may be lost without a run that was killed: those that a thread had just taken
    from the queue when its worker or Redis was killed."""


def runs(lines: Iterable[str]) -> list[Run]:
    """Return the runs that the lines of all logs tell of, sorted by start.

    Raises ``ValueError`` for a line that is none of a log's. A last line that a kill cut off has
    no line feed, and is left out.
    """
    found: dict[tuple[str, str, int], Run] = {}
    for line in lines:
        if not line.endswith("\n"):
            continue
        event, key, owner, number, moment = line.split()
        fence, time = int(number), float(moment)
        if event == "start":
            # A second start with the same fence is a run of its own, which the checker finds.
            while (key, owner, fence) in found:
                owner += "+"
            found[key, owner, fence] = Run(key, owner, fence, time)
            continue
        run = found.get((key, owner, fence))
        if run is None or event not in ("step", *ENDS):
            raise ValueError(f"a log has the line {line.strip()!r}")
        if event == "step":
            run.steps.append(time)
        else:
            run.end, run.how = time, event
    return sorted(found.values(), key=lambda run: run.start)


def read(folder: Path, kind: str) -> list[Run]:
    """Return the runs of one kind of jobs, from all its logs in a folder."""
    return runs(
        line
        for path in sorted(folder.glob(f"{kind}-*.log"))
        for line in path.read_text().splitlines(keepends=True)
    )
