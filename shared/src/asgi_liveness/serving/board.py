"""The board that watched processes write on, read from outside; see ``inside.injected``.

Each process has a slot with the words of its heartbeat, and a file of samples. Times are seconds
of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import json
import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from asgi_liveness.errors import LedgerError
from asgi_liveness.inside.injected import sitecustomize as inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECOND: Final = 1e9  # ns


class Frame(NamedTuple):
    """One line that a thread runs; a stack is a tuple of frames, the innermost first."""

    file: str
    """As Python names it; in a report relative to the current directory, if it is below it."""
    line: int
    function: str


@dataclass(frozen=True)
class Heartbeat:
    """The last signs of life of one process: of its event loop, and of the watcher thread."""

    process: int
    thread: int
    """The native id of the thread that runs the loop."""
    runs: bool
    """Whether the loop runs; a loop that has stopped does not stall."""
    beat_at: float
    """When the loop last beat."""
    watcher_ran_at: float
    """When the watcher thread last ran."""
    period: float
    """Seconds between two beats."""
    loop: str
    """One of ``inside.injected.sitecustomize.KINDS``."""
    python: str
    """The version, as ``3.12.1``."""

    def silent(self, now: float) -> float:
        """Return the seconds since the last beat, less the period; 0 if the loop does not run."""
        return now - self.beat_at - self.period if self.runs else 0.0


@dataclass(frozen=True)
class Sample:
    """The stack of the event loop's thread during a stall, and what the thread has used so far."""

    process: int
    began: float
    """The last beat before the stall; it identifies the stall."""
    at: float
    stack: tuple[Frame, ...]
    """Empty if only the counters were read."""
    ran: float = 0.0
    """Seconds that the thread has run since it began."""
    queued: float = 0.0
    """Seconds that the thread has waited for a processor since it began."""
    slices: int = 0
    """How often the thread got a processor since it began."""
    cpu: float = 0.0
    """Seconds that all threads of the process have run since it began."""
    outside: bool = False
    """py-spy took the sample."""
    gil_held: bool = False
    """No other thread of the process ran."""
    by_another: int = 0
    """The thread that held the GIL, and whose stack this is, if not the event loop's; else 0."""


@dataclass(frozen=True)
class StallEnd:
    """The end of a stall."""

    process: int
    began: float
    ended: float


@dataclass(frozen=True)
class ThreadStack:
    """The stack of any thread, at the runner's request."""

    process: int
    is_loop: bool
    stack: tuple[Frame, ...]


class Board:
    """The mapped file, and the files of samples next to it, in *folder*. ``close`` it."""

    def __init__(self, folder: Path, max_stall: float) -> None:
        self.path, self.max_stall = folder / "board", max_stall
        try:
            self.path.write_bytes(bytes(inside.SIZE))
        except OSError as error:
            raise LedgerError(
                f"{self.path} cannot be written ({error.strerror}); set TMPDIR to a writable folder"
            ) from error
        with self.path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), inside.SIZE)
        self._words = memoryview(self._map).cast("Q")

    def close(self) -> None:
        """Release the map; the file stays, and the keeper removes it."""
        self._words.release()
        self._map.close()

    def watched(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return *environment* with the variables that make a Python process write here."""
        ours = str(Path(inside.__file__).parent)
        theirs = environment.get("PYTHONPATH")
        return {
            **environment,
            "PYTHONPATH": os.pathsep.join([ours, theirs]) if theirs else ours,
            inside.BOARD_VARIABLE: str(self.path),
            inside.LIMIT_VARIABLE: str(self.max_stall),
        }

    def heartbeats(self) -> list[Heartbeat]:
        """Return the heartbeat of each process that ever ran an event loop."""
        slots = range(min(self._words[inside.TAKEN], inside.PROCESSES))
        return [self._heartbeat(inside.HEADER + index * inside.SLOT) for index in slots]

    def _heartbeat(self, first: int) -> Heartbeat:
        slot = self._words[first : first + inside.SLOT].tolist()
        return Heartbeat(
            process=slot[inside.PROCESS],
            thread=slot[inside.THREAD],
            runs=bool(slot[inside.RUNS]),
            beat_at=slot[inside.BEAT_AT] / _SECOND,
            watcher_ran_at=slot[inside.WATCHER_RAN_AT] / _SECOND,
            period=slot[inside.PERIOD] / _SECOND,
            loop=inside.KINDS[slot[inside.KIND]],
            python=".".join(str(slot[inside.PYTHON] >> shift & 0xFF) for shift in (24, 16, 8)),
        )

    def samples(self) -> list[Sample]:
        """Return the samples that the processes themselves took of their stalls so far."""
        return [
            Sample(
                process=process,
                began=line["began"] / _SECOND,
                at=line["at"] / _SECOND,
                stack=_stack(line["frames"]),
                ran=line["ran"] / _SECOND,
                queued=line["queued"] / _SECOND,
                slices=line["slices"],
                cpu=line["cpu"] / _SECOND,
            )
            for process, line in self._lines()
            if "at" in line
        ]

    def ends(self) -> list[StallEnd]:
        """Return the ends of the stalls that are over."""
        return [
            StallEnd(process, line["began"] / _SECOND, line["ended"] / _SECOND)
            for process, line in self._lines()
            if "ended" in line
        ]

    def request_threads(self) -> int:
        """Request the stacks of all threads of all processes; return the request's number."""
        self._words[inside.REQUESTS] += 1
        number: int = self._words[inside.REQUESTS]
        return number

    def threads(self, number: int) -> list[ThreadStack]:
        """Return the stacks that processes have written so far for the request *number*."""
        return [
            ThreadStack(process, thread["loop"], _stack(thread["frames"]))
            for process, line in self._lines()
            if line.get("request") == number
            for thread in line["threads"]
        ]

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for path in sorted(self.path.parent.glob("samples.*")):
            process = int(path.suffixes[0][1:])
            for line in path.read_bytes().splitlines(keepends=True):
                if line.endswith(b"\n"):  # else the process is still writing the line
                    yield process, json.loads(line)


def _stack(frames: list[list[Any]]) -> tuple[Frame, ...]:
    return tuple(Frame(*frame) for frame in frames)
