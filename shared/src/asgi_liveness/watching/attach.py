"""Sample the processes of a server that runs already, and judge each of them.

The rule: the server is left as it is. py-spy reads its memory, and a few connections send nothing.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from asgi_liveness.errors import TargetError
from asgi_liveness.serving.knock import Knocks
from asgi_liveness.serving.ports import polled
from asgi_liveness.stalls import spy, stack
from asgi_liveness.stalls.spy import Refused
from asgi_liveness.watching import processes
from asgi_liveness.watching.judged import Condition, Finding, judge
from asgi_liveness.watching.permission import permitted
from asgi_liveness.watching.sampled import Sampled
from asgi_liveness.watching.sampling import EVERY, Sampling

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from asgi_liveness.serving.ports import Listener
    from asgi_liveness.stalls.spy import SpiedThread

_ORDER: Final = (Condition.FROZEN, Condition.BUSY, Condition.UNCLEAR, Condition.LIVE)


@dataclass(frozen=True)
class Attached:
    """What there is to say of one process."""

    process: int
    program: str
    python: str
    """The version; "" where it is unknown."""
    samples: int
    seconds: float
    finding: Finding


def attach(text: str, seconds: float, words: Sequence[str]) -> list[Attached]:
    """Return what the samples of *seconds* show of the processes that *text* means.

    The frozen ones come first. *words* are the arguments to type again where the system refuses.
    Raises ``UsageError`` or ``TargetError``.
    """
    try:
        return asyncio.run(_attach(processes.target(text), seconds, words))
    except processes.HiddenError as error:
        raise TargetError(f"{error}; {permitted(words)}") from error


async def _attach(meant: processes.Target, seconds: float, words: Sequence[str]) -> list[Attached]:
    serving = polled(meant.processes, meant.port)
    first = await _first(serving) if serving else {}
    found = _with_loops(first) or _with_loops(first := await _first(meant.processes))
    if not found:
        raise TargetError(_unfit(first, meant, words))
    found = _without_supervisors(found, serving)
    knocks = Knocks({pid: serving[pid] for pid in found if pid in serving})
    turns = asyncio.Semaphore(os.cpu_count() or 1)
    until = time.monotonic() + seconds
    knocks.again()
    samplings = [Sampling(pid, [threads]) for pid, threads in found.items()]
    pythons = [asyncio.create_task(spy.python_of(each.process)) for each in samplings]
    tasks = [asyncio.create_task(each.run(until, turns)) for each in samplings]
    try:
        while not all(task.done() for task in tasks):
            await asyncio.wait(tasks, timeout=EVERY)
            await asyncio.to_thread(knocks.again)
        await asyncio.gather(*tasks)
        rows = [
            _attached(each, knocks, serving, await python)
            for each, python in zip(samplings, pythons, strict=True)
        ]
    finally:
        knocks.close()
    return sorted(rows, key=lambda row: (_ORDER.index(row.finding.state), row.process))


async def _first(pids: Iterable[int]) -> dict[int, tuple[SpiedThread, ...] | Refused]:
    """Return a dump of each process."""
    turns = asyncio.Semaphore(os.cpu_count() or 1)

    async def dump(pid: int) -> tuple[SpiedThread, ...] | Refused:
        async with turns:
            threads = await spy.dump(pid)
        return threads if isinstance(threads, Refused) else tuple(threads)

    ordered = sorted(pids)
    return dict(zip(ordered, await asyncio.gather(*map(dump, ordered)), strict=True))


def _with_loops(
    first: Mapping[int, tuple[SpiedThread, ...] | Refused],
) -> dict[int, tuple[SpiedThread, ...]]:
    """Return the processes in which a thread runs an event loop, or imports before it does."""
    read = {pid: each for pid, each in first.items() if not isinstance(each, Refused)}
    loops = {
        pid: threads
        for pid, threads in read.items()
        if any(stack.runs_a_loop(each.stack) for each in threads)
    }
    return loops or {
        pid: threads
        for pid, threads in read.items()
        if any(each.thread == pid and stack.imports(each.stack) for each in threads)
    }


def _without_supervisors(
    found: dict[int, tuple[SpiedThread, ...]], serving: Mapping[int, list[Listener]]
) -> dict[int, tuple[SpiedThread, ...]]:
    """Leave out the processes above another that serves."""
    above = {parent for pid in found if pid in serving for parent in _parents(pid)}
    return {pid: threads for pid, threads in found.items() if pid not in above} or found


def _parents(pid: int) -> set[int]:
    try:
        return {parent.pid for parent in psutil.Process(pid).parents()}
    except psutil.Error:
        return set()


def _attached(
    sampling: Sampling, knocks: Knocks, serving: Mapping[int, list[Listener]], python: str
) -> Attached:
    pid, threads = sampling.process, sampling.dumps[0]
    words = processes.words_of(pid)
    program = _server(threads) or processes.program_in(words)
    loops = [each.stack for each in threads if stack.runs_a_loop(each.stack)]
    takes = all(map(stack.takes_connections, loops))
    seen = Sampled(
        pid,
        tuple(tuple(_absolute(each, pid) for each in dump) for dump in sampling.dumps),
        sampling.ended - sampling.began,
        knocks.took(pid) if takes else None,
        because=_unknown(program, takes=takes, serving=pid in serving),
        used=sampling.used,
        package=processes.package_in(words),
        refused=sampling.refused,
        ended=sampling.gone,
    )
    return Attached(pid, program, python, len(seen.dumps), seen.seconds, judge(seen))


def _unknown(program: str, *, takes: bool, serving: bool) -> str:
    """Return why nobody may know whether the loop took a connection."""
    if not takes:
        return f"{program} takes connections in threads of its own, also for a frozen event loop"
    if serving:
        return "other processes of the server took all connections to its port"
    return "its event loop listens on no port that can be tried"


def _server(threads: Iterable[SpiedThread]) -> str:
    """Return the package of the outermost server that runs an event loop; "" if none does."""
    loops = (each.stack[::-1] for each in threads if stack.runs_a_loop(each.stack))
    packages = (stack.installed(frame.file) for frames in loops for frame in frames)
    return next((each for each in packages if each in processes.PROGRAMS), "")


def _absolute(thread: SpiedThread, pid: int) -> SpiedThread:
    """Return the thread with the files of its frames named from the root."""
    if all(frame.file.startswith(("/", "<")) for frame in thread.stack):
        return thread
    try:
        folder = Path(psutil.Process(pid).cwd())
    except psutil.Error:
        return thread
    frames = (
        each if each.file.startswith("<") else each._replace(file=str(folder / each.file))
        for each in thread.stack
    )
    return replace(thread, stack=tuple(frames))


def _unfit(
    first: Mapping[int, tuple[SpiedThread, ...] | Refused],
    meant: processes.Target,
    words: Sequence[str],
) -> str:
    """Return why none of the processes can be sampled, in one line."""
    refused = {pid: each for pid, each in first.items() if isinstance(each, Refused)}
    pid = min(meant.processes)
    for each, reason in refused.items():
        if reason.reason == spy.DENIED:
            return f"process {each}: {spy.DENIED.partition(':')[0]}; {permitted(words)}"
    for each in refused:
        if why := processes.ended(each):
            return why
    pythons = [each for each in first if each not in refused or spy.is_python(each)]
    if not pythons:
        return f"process {pid} is no Python; name the server: asgi-liveness attach :8000"
    unread = [each for each in pythons if each in refused]
    if unread:
        return f"process {unread[0]} cannot be sampled: {refused[unread[0]].reason}"
    return (
        f"process {pythons[0]} runs Python and no event loop; name the server: "
        f"asgi-liveness attach :8000"
    )
