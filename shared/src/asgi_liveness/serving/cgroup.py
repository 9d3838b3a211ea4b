"""How long the limit of a container's processor has stopped a process."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_ROOT: Final = Path("/sys/fs/cgroup")
_UNITS: Final = {"throttled_usec": 1e-6, "throttled_time": 1e-9}
"""The counter in version 2 of cgroups and in version 1, in seconds."""


def throttled(process: int, root: Path = _ROOT, proc: Path = Path("/proc")) -> float:
    """Return for how many seconds the cgroup of *process* was throttled; 0 where none counts."""
    try:
        rows = (proc / str(process) / "cgroup").read_text().splitlines()
    except OSError:
        return 0.0
    for row in rows:
        _, controllers, path = row.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for folder in (root / controllers / path[1:], root / path[1:], root):
            if (seconds := _read(folder / "cpu.stat")) is not None:
                return seconds
    return 0.0


def _read(file: Path) -> float | None:
    try:
        words = dict(line.split(maxsplit=1) for line in file.read_text().splitlines())
        return next(int(words[name]) * unit for name, unit in _UNITS.items() if name in words)
    except (OSError, ValueError, StopIteration):
        return None
