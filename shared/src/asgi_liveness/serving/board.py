"""The board that watched processes write on, read from outside; see ``injected``.

A process has a slot, with the words of its heartbeat, and a file of looks. Times are seconds of
the monotonic clock, which all processes of a machine share.
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
    """Where a thread stands; a stack is a tuple of frames, the innermost first."""

    file: str
    """As Python names it; in a report relative to the current directory, if it is within."""
    line: int
    function: str


@dataclass(frozen=True)
class Heartbeat:
    """How the event loop of one process beat when one looked."""

    process: int
    thread: int
    """The native id of the thread that runs the loop."""
    runs: bool
    beat_at: float
    watched_at: float
    """When the thread beside it had its last turn."""
    period: float
    loop: str
    python: str

    def silent(self, now: float) -> float:
        """For how long the loop has not beaten, over its period."""
        return now - self.beat_at - self.period if self.runs else 0.0


@dataclass(frozen=True)
class Sample:
    """Where the loop's thread was, while the loop did not beat."""

    process: int
    began: float
    """The last beat before it, which tells the stall."""
    at: float
    stack: tuple[Frame, ...]
    """Empty if only the counters were read."""
    ran: float = 0.0
    """For how long, ever, the thread has run."""
    queued: float = 0.0
    """For how long, ever, it has waited for a processor."""
    slices: int = 0
    """How often, ever, it was given one."""
    cpu: float = 0.0
    """For how long, ever, all threads of the process have run."""
    outside: bool = False
    """It was py-spy that looked."""
    gil_held: bool = False
    """No other thread of the process had a turn."""
    by_another: int = 0
    """The thread that held it, and stands at *stack*, if not the event loop's."""


@dataclass(frozen=True)
class StallEnd:
    """A stall that is over."""

    process: int
    began: float
    ended: float


@dataclass(frozen=True)
class ThreadStack:
    """Where any thread stood when it was asked."""

    process: int
    is_loop: bool
    stack: tuple[Frame, ...]


class Board:
    """The mapped file and the files of looks beside it, made in *folder*. ``close`` it."""

    def __init__(self, folder: Path, max_stall: float) -> None:
        self.path, self.max_stall = folder / "board", max_stall
        try:
            self.path.write_bytes(bytes(inside.SIZE))
        except OSError as error:
            raise LedgerError(
                f"{self.path} cannot be written ({error.strerror}); set TMPDIR to a folder that "
                f"can be"
            ) from error
        with self.path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), inside.SIZE)
        self._words = memoryview(self._map).cast("Q")

    def close(self) -> None:
        """Let go of the map."""
        self._words.release()
        self._map.close()

    def watched(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return *environment* with what makes a Python process write on this board."""
        ours = str(Path(inside.__file__).parent)
        theirs = environment.get("PYTHONPATH")
        return {
            **environment,
            "PYTHONPATH": os.pathsep.join([ours, theirs]) if theirs else ours,
            inside.BOARD_VARIABLE: str(self.path),
            inside.LIMIT_VARIABLE: str(self.max_stall),
        }

    def heartbeats(self) -> list[Heartbeat]:
        """Return the pulse of each process that ever ran an event loop."""
        slots = range(min(self._words[inside.TAKEN], inside.PROCESSES))
        return [self._heartbeat(inside.HEADER + index * inside.SLOT) for index in slots]

    def _heartbeat(self, first: int) -> Heartbeat:
        slot = self._words[first : first + inside.SLOT].tolist()
        return Heartbeat(
            process=slot[inside.PROCESS],
            thread=slot[inside.THREAD],
            runs=bool(slot[inside.RUNS]),
            beat_at=slot[inside.BEAT_AT] / _SECOND,
            watched_at=slot[inside.WATCHED_AT] / _SECOND,
            period=slot[inside.PERIOD] / _SECOND,
            loop=inside.KINDS[slot[inside.KIND]],
            python=".".join(str(slot[inside.PYTHON] >> shift & 0xFF) for shift in (24, 16, 8)),
        )

    def samples(self) -> list[Sample]:
        """Return what the processes themselves saw of their stalls so far."""
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
        """Return the stalls that are over."""
        return [
            StallEnd(process, line["began"] / _SECOND, line["ended"] / _SECOND)
            for process, line in self._lines()
            if "ended" in line
        ]

    def ask_for_threads(self) -> int:
        """Ask all processes where all their threads stand; return the number of the question."""
        self._words[inside.ASKED] += 1
        number: int = self._words[inside.ASKED]
        return number

    def threads(self, number: int) -> list[ThreadStack]:
        """Return the answers to a question that are there."""
        return [
            ThreadStack(process, thread["loop"], _stack(thread["frames"]))
            for process, line in self._lines()
            if line.get("asked") == number
            for thread in line["threads"]
        ]

    def _lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for path in sorted(self.path.parent.glob("samples.*")):
            process = int(path.suffixes[0][1:])
            for line in path.read_bytes().splitlines(keepends=True):
                if line.endswith(b"\n"):  # one that is being written has no end yet
                    yield process, json.loads(line)


def _stack(frames: list[list[Any]]) -> tuple[Frame, ...]:
    return tuple(Frame(*frame) for frame in frames)
