"""Windows of a check, made by hand: stacks, samples, probes, and whole observations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from asgi_liveness.checking.judge import Judge
from asgi_liveness.checking.observation import CheckObservation
from asgi_liveness.checking.report import WindowReport
from asgi_liveness.checking.watch import INTERVAL
from asgi_liveness.inside.injected import layout as inside
from asgi_liveness.probing.response import Response, SentRequest
from asgi_liveness.serving.board import Board
from asgi_liveness.serving.records import Frame, Heartbeat, Sample, StallEnd, ThreadStack
from asgi_liveness.stalls.criteria import Criteria

STANDARD = "/usr/lib/python3.12"
INSTALLED = "/srv/.venv/lib/python3.12/site-packages"

REPORT = Frame("/srv/myapp/reports.py", 12, "report")
OTHER = Frame("/srv/myapp/others.py", 3, "other")
RANDINT = Frame(f"{STANDARD}/random.py", 362, "randint")
SELECT = Frame(f"{STANDARD}/selectors.py", 468, "select")
LOOP: tuple[Frame, ...] = (
    Frame(f"{STANDARD}/asyncio/events.py", 88, "_run"),
    Frame(f"{STANDARD}/asyncio/base_events.py", 1985, "_run_once"),
    Frame(f"{STANDARD}/asyncio/runners.py", 118, "run"),
    Frame("/srv/main.py", 9, "<module>"),
)
"""The frames below a callback; the last is the app's own, and is no culprit."""
SELECTING: tuple[Frame, ...] = (SELECT, *LOOP[1:])
WORKER: tuple[Frame, ...] = (
    Frame(f"{STANDARD}/concurrent/futures/thread.py", 58, "run"),
    Frame(f"{STANDARD}/concurrent/futures/thread.py", 83, "_worker"),
    Frame(f"{STANDARD}/threading.py", 1010, "run"),
)
"""The frames below the work of a pool's thread."""
IDLE_WORKER = WORKER[1:]

BEGAN, ENDED = 100.0, 102.0
PROCESS = 7
PERIOD = 0.01
LIMIT = 0.2


def about(seconds: float) -> Any:
    """A number of seconds, up to the precision of floats."""
    return pytest.approx(seconds)


def heartbeat(process: int = PROCESS, **changes: Any) -> Heartbeat:
    """The heartbeat of an event loop that runs to the end of the window."""
    fields: dict[str, Any] = {
        "process": process,
        "thread": process,
        "runs": True,
        "beat_at": ENDED,
        "watcher_ran_at": ENDED,
        "period": PERIOD,
        "loop": "asyncio",
        "python": "3.12.1",
    }
    return Heartbeat(**{**fields, **changes})


def sample(at: float, *frames: Frame, began: float = BEGAN, **changes: Any) -> Sample:
    """A sample of a callback; the event loop's own frames are added below *frames*."""
    fields: dict[str, Any] = {"process": PROCESS, "began": began, "at": at}
    return Sample(**{**fields, "stack": (*frames, *LOOP), **changes})


def samples(  # noqa: PLR0913 (each is a part that a test varies)
    *frames: Frame,
    began: float = BEGAN,
    count: int = 4,
    ran: float = 1.0,
    queued: float = 0.0,
    others: float = 0.0,
    slices: int = 10,
    **changes: Any,
) -> tuple[Sample, ...]:
    """Samples of one thread, 100 ms apart.

    *ran*, *queued* and *others* are parts of the time: the thread ran, it waited for a processor,
    other threads of its process ran. It got a processor *slices* times a second.
    """
    return tuple(
        sample(
            at := began + 0.3 + 0.1 * number,
            *frames,
            began=began,
            ran=1 + ran * at,
            queued=queued * at,
            cpu=(ran + others) * at,
            slices=round(slices * at),
            **changes,
        )
        for number in range(count)
    )


def end(began: float = BEGAN, ended: float = BEGAN + 1.0, process: int = PROCESS) -> StallEnd:
    """A stall that is over."""
    return StallEnd(process, began, ended)


def thread(*frames: Frame, is_loop: bool = False) -> ThreadStack:
    """A thread with this stack."""
    return ThreadStack(PROCESS, is_loop, frames)


def probes(
    waits: Iterable[float | None], status: int = 200, began: float = BEGAN, error: str = ""
) -> tuple[SentRequest, ...]:
    """Probes on schedule; each waits for its response, in seconds, or gets none."""
    found = []
    for number, wait in enumerate(waits):
        due = began + number * INTERVAL
        response = (
            None if wait is None else Response(due + wait, 0 if error else status, error=error)
        )
        found.append(SentRequest("/healthz", due, due, response))
    return tuple(found)


def call(
    sent: float, ended: float | None, status: int = 200, *, error: str = "", location: str = ""
) -> SentRequest:
    """A call, as it was sent in the window."""
    response = None if ended is None else Response(ended, status, error=error, location=location)
    return SentRequest("/report", sent, sent, response)


def window(
    waits: Sequence[float | None] = (0.003,) * 40, *, status: int = 200, **changes: Any
) -> CheckObservation:
    """The observation of a window; without *changes* its event loop ran all the time."""
    fields: dict[str, Any] = {"began": BEGAN, "ended": ENDED, "heartbeats": (heartbeat(),)}
    return CheckObservation(**{**fields, "probes": probes(waits, status), **changes})


def write_heartbeat(board: Board, slot: int = 0, **words: int) -> None:
    """Write the words of a slot as a process does; times in nanoseconds."""
    first = inside.HEADER + slot * inside.SLOT
    for word, value in words.items():
        write_word(board, first + getattr(inside, word), value)
    write_word(board, inside.TAKEN, max(read_word(board, inside.TAKEN), slot + 1))


def write_word(board: Board, word: int, value: int) -> None:
    """Write a word of the board as a process does."""
    os.pwrite(board._file, value.to_bytes(inside.WORD, "little"), word * inside.WORD)


def read_word(board: Board, word: int) -> int:
    """Read a word of the board as a process does."""
    return int.from_bytes(os.pread(board._file, inside.WORD, word * inside.WORD), "little")


IDLE = window()
FROZEN = (None,) * 40
JUDGE = Judge(Criteria(LIMIT))


def during(
    observation: CheckObservation, idle: CheckObservation = IDLE, judge: Judge = JUDGE
) -> WindowReport:
    """Judge the window of a request."""
    return judge.during("GET /report", observation, idle)


def stalled(*frames: Frame, **changes: Any) -> CheckObservation:
    """A window in which the event loop stalls from beginning to end."""
    fields = {"heartbeats": (heartbeat(beat_at=BEGAN),), "samples": samples(*frames), **changes}
    return window(FROZEN, **fields)
