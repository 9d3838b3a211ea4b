"""What watched processes write on the board: heartbeats, samples, stacks. Pure.

Times are seconds of the monotonic clock, which all processes of a machine share. The rule: what a
process wrote is data from outside; a line of another form raises ``LookupError``, ``TypeError`` or
``ValueError``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from asgi_liveness.inside.injected import layout as inside

if TYPE_CHECKING:
    from collections.abc import Sequence

SECOND: Final = 1e9
"""Nanoseconds, in which processes write times."""
EDGES: Final = tuple(edge / SECOND for edge in inside.EDGES)
"""The upper edges of the buckets of ``Heartbeat.late``, in seconds."""
_PORTS: Final = range(0, 8 * inside.WORD, inside.PORT_BITS)  # the bits at which a port begins


class Frame(NamedTuple):
    """One line that a thread runs; a stack is a tuple of frames, the innermost first."""

    file: str
    """As Python names it; in a report relative to the current directory, if it is below it."""
    line: int
    function: str


@dataclass(frozen=True)
class Heartbeat:
    """The last signs of life of one event loop, and of the watcher thread of its process."""

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
    """One of ``inside.injected.layout.KINDS``."""
    python: str
    """The version, as ``3.12.1``."""
    slot: int = inside.HEADER
    """The loop's place on the board, which its samples name too."""
    ports: tuple[int, ...] = ()
    """The ports on which the loop serves."""
    serves_since: float = 0.0
    """When it first did; 0 if it never did."""
    failed: bool = False
    """An exception ended the loop."""
    pass_since: float = 0.0
    """When the pass of the garbage collector began that goes on; 0 if there is none."""
    late_by: float = 0.0
    """Seconds by which all beats were late, together."""
    late: tuple[int, ...] = ()
    """How many beats were late by at most each of ``EDGES``, and not by the one before; the last
    were later than all."""

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
    """Seconds that the thread has waited for a processor since it began, without a wait that goes
    on."""
    slices: int = 0
    """How often the thread got a processor since it began."""
    ready: bool = False
    """Whether the thread ran, or waited for a processor."""
    cpu: float = 0.0
    """Seconds that all threads of the process have run since it began."""
    outside: bool = False
    """py-spy took the sample."""
    gil_held: bool = False
    """No other thread of the process ran."""
    by_another: int = 0
    """The thread that held the GIL, and whose stack this is, if not the event loop's; else 0."""
    slot: int = inside.HEADER
    """The event loop's place on the board."""
    request: str = ""
    """The request that the thread served, as ``GET /users/{id}``, where that was asked for."""
    watcher_ran_at: float = 0.0
    """When the watcher last ran before a sample by py-spy. Where two samples have the same time,
    one thread held the GIL from one to the other."""


@dataclass(frozen=True)
class StallEnd:
    """The end of a stall."""

    process: int
    began: float
    ended: float
    slot: int = inside.HEADER


@dataclass(frozen=True)
class Collection:
    """A full pass of the garbage collector that took long. Nothing else of its process ran."""

    process: int
    began: float
    ended: float


class Pool(NamedTuple):
    """The pool of threads, an executor's, that a thread belongs to."""

    name: str
    """The first part of its threads' names."""
    number: int
    """Tells pools of the same name apart, in one answer of one process."""
    queued: int
    """How much work waits for a thread."""


@dataclass(frozen=True)
class ThreadStack:
    """The stack of any thread, at the runner's request."""

    process: int
    is_loop: bool
    stack: tuple[Frame, ...]
    pool: Pool | None = None
    """None for a thread of no executor; AnyIO's pool is none."""


@dataclass(frozen=True)
class TaskStack:
    """The frames in which tasks of an event loop wait, at the runner's request."""

    process: int
    count: int
    """How many tasks wait in just these frames."""
    stack: tuple[Frame, ...]


def heartbeat(first: int, slot: Sequence[int]) -> Heartbeat:
    """Return what the words of the *slot* say that begins at the word *first*."""
    return Heartbeat(
        process=slot[inside.PROCESS],
        thread=slot[inside.THREAD],
        runs=slot[inside.STATE] == inside.RUNS,
        beat_at=slot[inside.BEAT_AT] / SECOND,
        watcher_ran_at=slot[inside.WATCHER_RAN_AT] / SECOND,
        period=slot[inside.PERIOD] / SECOND,
        loop=inside.KINDS[min(slot[inside.KIND], len(inside.KINDS) - 1)],
        python=".".join(str(slot[inside.PYTHON] >> shift & 0xFF) for shift in (24, 16, 8)),
        slot=first,
        ports=tuple(
            filter(
                None, (slot[inside.PORTS] >> at & 0xFFFF for at in range(0, 64, inside.PORT_BITS))
            )
        ),
        serves_since=slot[inside.SERVES_SINCE] / SECOND,
        failed=slot[inside.STATE] == inside.FAILED,
        pass_since=slot[inside.PASS_SINCE] / SECOND,
        late_by=slot[inside.LATE_BY] / SECOND,
        late=tuple(slot[inside.LATE : inside.SLOT]),
    )


def sample(process: int, slot: int, line: dict[str, Any]) -> Sample:
    """Return the sample in a line of a process."""
    return Sample(
        process=process,
        began=line["began"] / SECOND,
        at=line["at"] / SECOND,
        stack=_stack(line["frames"]),
        ran=line["ran"] / SECOND,
        queued=line["queued"] / SECOND,
        slices=int(line["slices"]),
        ready=bool(line["ready"]),
        cpu=line["cpu"] / SECOND,
        slot=slot,
        request=str(line.get("request", "")),
    )


def end(process: int, slot: int, line: dict[str, Any]) -> StallEnd:
    """Return the end of a stall in a line of a process."""
    return StallEnd(process, line["began"] / SECOND, line["ended"] / SECOND, slot)


def collection(process: int, line: dict[str, Any]) -> Collection:
    """Return the pass of the garbage collector in a line of a process."""
    return Collection(process, line["collected"] / SECOND, line["ended"] / SECOND)


def threads(process: int, line: dict[str, Any]) -> list[ThreadStack]:
    """Return the stacks of all threads in a line of a process."""
    return [
        ThreadStack(process, bool(each["loop"]), _stack(each["frames"]), _pool(each.get("pool")))
        for each in line["threads"]
    ]


def tasks(process: int, line: dict[str, Any]) -> list[TaskStack]:
    """Return the stacks of tasks in a line of a process."""
    return [TaskStack(process, int(count), _stack(frames)) for count, frames in line["tasks"]]


def _pool(found: Any) -> Pool | None:
    if found is None:
        return None
    name, number, queued = found
    return Pool(str(name), int(number), int(queued))


def _stack(frames: Any) -> tuple[Frame, ...]:
    return tuple(Frame(str(file), int(line), str(function)) for file, line, function in frames)
