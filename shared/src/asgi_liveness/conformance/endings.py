"""The experiments in which a server or a worker ends while a loop runs, and what they find."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Shutdown:
    """A server that gets a signal while a loop runs; `exits` and `defaults` time its exit."""

    remedy: str = ""
    """The remedy that runs the loop. Empty for the control, where no loop runs."""
    recommended: bool = True
    """Whether the server runs with its recommended settings; otherwise with its defaults."""

    @property
    def needs(self) -> frozenset[str]:
        """The remedy that this shutdown needs."""
        return frozenset({self.remedy} if self.remedy else ())


@dataclass(frozen=True)
class ShutdownTimes:
    """The times from each signal until the exit of all processes."""

    seconds: Mapping[str, float | None]
    """Seconds by signal; None if processes were left after the limit."""
    left: Mapping[str, str]
    """A description of the processes left after the limit, by signal."""


class Ends(StrEnum):
    """What ends while a queued job runs."""

    SERVER = "its server, by SIGTERM"
    WORKER = "its worker, by SIGTERM"
    WORKER_KILLED = "its worker, by SIGKILL"


@dataclass(frozen=True)
class Handover:
    """A job in a task queue that another server, or another worker, has to take over."""

    remedy: str
    ends: Ends

    @property
    def needs(self) -> frozenset[str]:
        """The remedy that this handover needs."""
        return frozenset({self.remedy})


Ending = Shutdown | Handover


@dataclass(frozen=True)
class Handed:
    """What became of the job, as a server tells it that runs afterwards."""

    steps: tuple[int, int]
    """Its steps before the end, and afterwards."""
    state: str
    """Its state afterwards; "" if the server told none."""
    is_listed: bool
    """Whether the server lists it."""
    is_stopped: bool
    """Whether no loop of the job ran after a DELETE of its address."""
    at_once: int
    """The most loops of the job that ran at the same time."""
