"""How much of the machine's processors processes use that do not belong to a run."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Use:
    """The processor time used up to a moment, in seconds."""

    at: float
    machine: float
    """By everything: all processes, the kernel, and other machines on the same processors."""
    own: Mapping[int, float]
    """By this process, and by each that belongs to it, with their ids."""

    def others(self, before: Use) -> float:
        """Return how many processors others used on average since *before*."""
        # What a process used that has ended since is unknown: it does not count as our own.
        own = sum(used - before.own.get(process, 0.0) for process, used in self.own.items())
        return max(0.0, (self.machine - before.machine - own) / (self.at - before.at))


def use(processes: Iterable[int]) -> Use:
    """Return what was used so far; *processes* are those that belong to this one."""
    times = psutil.cpu_times()
    names = ("user", "nice", "system", "irq", "softirq", "steal")  # a guest's time is in "user"
    machine = sum(getattr(times, name, 0.0) for name in names)
    own = {process: used(process) for process in (os.getpid(), *processes)}
    return Use(time.monotonic(), machine, own)


def used(process: int) -> float:
    """Return the processor time that a process has used, in seconds."""
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(process).cpu_times()
        return float(times.user + times.system)
    return 0.0
