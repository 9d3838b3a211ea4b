"""Stall, reload and recycle servers under ``watch`` for minutes: does anything break or pile up?

``nox -s watch_soak -- 60`` takes an hour on each supported Python. Four watches run at the same
time: of ``uvicorn --reload`` and of gunicorn with two workers that it recycles, with asyncio and
with uvloop. ``--rest 3 --reload 60`` leaves room for several Pythons at once. It reads processes in
/proc: Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import httpx
import psutil

from asgi_liveness.probing.client import open_client
from tools.apps.stalling import KINDS
from tools.comparison import ROOT
from tools.endurance.watched import processes, running
from tools.tool import run_tool

if TYPE_CHECKING:
    from tools.endurance.watched import Run

MAX_STALL: Final = "50ms"
STALLS: Final = (10, 200)  # milliseconds: the shortest stall and the longest
REST: Final = 0.05  # seconds between two requests, at most
RELOAD: Final = 10.0  # seconds between two reloads
PAUSE: Final = 0.05  # seconds before a request is repeated
LIMIT: Final = 60.0  # seconds for a good response, also while workers are replaced, and for the end
WARM: Final = 0.2  # the part of the time after which the memory is first measured
WEIGH: Final = 1.0  # seconds between two measurements
GROWTH: Final = 16  # MiB; as in ``stall_soak``
FILES: Final = 20  # files of a watch; it has one for each event loop that lives, and a few more
APP: Final = "from tools.apps.stalling import app\n"
CRASHED: Final = re.compile(
    r".*(?:Traceback|SIGSEGV|SIGABRT|Segmentation|Fatal Python error|code -11|code -6).*"
)
LOOPS: Final = {"asyncio": "UvicornH11Worker", "uvloop": "UvicornWorker"}
COMMANDS: Final = {
    "uvicorn": "-m uvicorn --reload --no-access-log --loop {loop} --port {port} soaked:app",
    "gunicorn": "-m gunicorn -k uvicorn_worker.{worker} -w 2 --max-requests 40 "
    "-b 127.0.0.1:{port} --chdir {folder} --reload soaked:app",
}


@dataclass(frozen=True)
class Rhythm:
    """How often something happens, in seconds; *dice* decides the rest."""

    rest: float
    """Between two requests, at most."""
    reload: float
    """Between two reloads."""
    dice: random.Random


@dataclass
class WatchedCommand:
    """A watched command with its client, and the counts and problems of its run."""

    name: str
    run: Run
    folder: Path
    """Has the app, which is written again for a reload."""
    port: int
    rhythm: Rhythm
    requests: Counter[str] = field(default_factory=Counter)
    reloads: int = 0
    problems: list[str] = field(default_factory=list)
    watch: list[float] = field(default_factory=list)  # MiB, of the watch itself
    workers: list[float] = field(default_factory=list)  # MiB, of the largest other process
    files: list[int] = field(default_factory=list)

    async def soak(self, seconds: float) -> None:
        """Stall and reload the app for *seconds*; end it, and check what is left."""
        until = time.monotonic() + seconds
        await asyncio.gather(
            self._stall(until), self._reload(until), self._weigh(until, seconds * WARM)
        )
        self.run.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self.run.process.wait, LIMIT)
        except subprocess.TimeoutExpired:
            self.problems.append(f"it did not end within {LIMIT:g} s")
            return
        left = await asyncio.to_thread(self._left)
        self.problems += [f"left: {each}" for each in left]
        self.problems += CRASHED.findall(self.run.output("stderr"))[:3]
        for what, sizes in (("the watch", self.watch), ("a worker", self.workers)):
            if _grown(sizes) > GROWTH:
                self.problems.append(f"memory of {what} grew: {_span(sizes)} MiB")
        if max(self.files, default=0) > FILES:
            self.problems.append(f"{max(self.files)} files at once")

    async def _stall(self, until: float) -> None:
        """Request stalls of random kinds and lengths."""
        async with open_client(f"http://127.0.0.1:{self.port}", 1) as client:
            while time.monotonic() < until and not self.problems:
                kind = self.rhythm.dice.choice(list(KINDS))
                await self._request(client, f"/{kind}?ms={self.rhythm.dice.uniform(*STALLS):.1f}")
                self.requests[kind] += 1
                await asyncio.sleep(self.rhythm.dice.uniform(0, self.rhythm.rest))

    async def _request(self, client: httpx.AsyncClient, path: str) -> None:
        """Repeat a request until it gets a good response: workers end and start meanwhile."""
        began, last = time.monotonic(), ""
        while time.monotonic() - began < LIMIT:
            if self.run.process.poll() is not None:
                self.problems.append(f"it ended: {self.run.output('stderr')[-500:]}")
                return
            try:
                (await client.get(path, timeout=LIMIT)).raise_for_status()
            except httpx.HTTPError as error:
                last = repr(error)
                await asyncio.sleep(PAUSE)
            else:
                return
        self.problems.append(f"no good response to {path}: {last}")

    async def _reload(self, until: float) -> None:
        """Write the app again and again."""
        while time.monotonic() < until - self.rhythm.reload and not self.problems:
            await asyncio.sleep(self.rhythm.reload)
            self.reloads += 1
            (self.folder / "soaked.py").write_text(f"{APP}# {self.reloads}\n")

    async def _weigh(self, until: float, warm: float) -> None:
        """Measure memory and count files, after some *warm* seconds."""
        await asyncio.sleep(warm)
        while time.monotonic() < until and not self.problems:
            self.watch.append(_memory(self.run.process.pid))
            others = psutil.Process(self.run.process.pid).children(recursive=True)
            self.workers.append(max((_memory(each.pid) for each in others), default=0.0))
            self.files.append(len(list(self.run.folder.glob("temporary/*/*"))))
            await asyncio.sleep(WEIGH)

    def _left(self) -> list[str]:
        """Return each process and file that is left. Others may hold semaphores meanwhile."""
        _, left = self.run.settle()
        return [line for line in left if not line.startswith("semaphore")]

    def __str__(self) -> str:
        stderr = self.run.output("stderr")
        last = stderr.rpartition("\nwatched ")[2].partition("\n")[0]
        return (
            f"{self.name}: {self.requests.total()} requests, {self.reloads} reloads, "
            f"{len(re.findall('stalled [0-9]', stderr))} lines; watched {last}\n"
            f"  {len(re.findall('Started server process', stderr))} workers started; largest "
            f"memory in the first half and the second: the watch {_span(self.watch)} MiB, a worker "
            f"{_span(self.workers)} MiB; at most {max(self.files, default=0)} files"
        )


def _halves(sizes: list[float]) -> tuple[float, float]:
    """Return the largest size in the first half of a run, and in the second.

    Workers are replaced, so that a single size may be that of one that has just started.
    """
    half = len(sizes) // 2
    return max(sizes[:half], default=0.0), max(sizes[half:], default=0.0)


def _grown(sizes: list[float]) -> float:
    first, second = _halves(sizes)
    return second - first


def _span(sizes: list[float]) -> str:
    return "{:.1f} and {:.1f}".format(*_halves(sizes))


def _memory(pid: int) -> float:
    """Return the own memory of a process in MiB; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return int((status.partition("RssAnon:")[2].split() or ["0"])[0]) / 1024


async def soak(server: str, loop: str, seconds: float, rhythm: Rhythm) -> bool:
    """Soak one command for *seconds*, print the counts, and return whether it had no problem."""
    with TemporaryDirectory() as name, socket.socket() as free:
        folder = Path(name)
        (folder / "soaked.py").write_text(APP)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        words = COMMANDS[server].format(loop=loop, worker=LOOPS[loop], port=port, folder=folder)
        reloading = ("--app-dir", name, "--reload-dir", name) if server == "uvicorn" else ()
        watch = ("-m", "asgi_liveness", "watch", "--max-stall", MAX_STALL, "--")
        command = ["env", f"PYTHONPATH={ROOT}", sys.executable, *watch]
        with running([*command, sys.executable, *words.split(), *reloading]) as run:
            soaked = WatchedCommand(f"{server}, {loop}", run, folder, port, rhythm)
            await soaked.soak(seconds)
            print(f"Python {platform.python_version()}, {soaked}", flush=True)
            if soaked.problems and processes(run.mark):
                print(run.output("stderr")[-1000:], file=sys.stderr)
    for problem in soaked.problems:
        print(f"Python {platform.python_version()}, {soaked.name}: {problem}", file=sys.stderr)
    return not soaked.problems


async def soak_all(loops: list[str], seconds: float, rhythm: Rhythm) -> list[bool]:
    """Soak each command on each event loop, all at the same time."""
    return await asyncio.gather(
        *(soak(server, loop, seconds, rhythm) for server in COMMANDS for loop in loops)
    )


def main() -> int:
    """Soak on this Python; return 0 without a problem."""
    parser = argparse.ArgumentParser(prog="nox -s watch_soak --", description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=60.0, help="(60)")
    parser.add_argument("--loop", action="append", choices=tuple(LOOPS))
    parser.add_argument("--rest", type=float, default=REST, help="seconds (0.05)")
    parser.add_argument("--reload", type=float, default=RELOAD, help="seconds (10)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    rhythm = Rhythm(args.rest, args.reload, random.Random(args.seed))  # noqa: S311 (no secret)
    well = asyncio.run(soak_all(args.loop or list(LOOPS), args.minutes * 60, rhythm))
    return 0 if all(well) else 1


if __name__ == "__main__":
    run_tool(main)
