"""A run of a command, watched from outside: its phase, its output, and what it leaves behind.

A variable in the environment marks its processes, also those whose parent has ended. To read it
takes Linux.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.contract import WINDOWS, State
from asgi_liveness.errors import LedgerError
from asgi_liveness.inside.ledger import Ledger
from tools.comparison import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT: Final = 2.0  # seconds after the end of a run; then nothing of it may be left
POLL: Final = 0.01  # seconds
FREEZES: Final = [path for row in WINDOWS if row.must_be is State.FROZEN for path in row.load]
PHASES: Final = [*FREEZES, "/process"]
OVER: Final = "after the end of the run"


@dataclass
class Run:
    """A run of a command, watched from outside."""

    process: subprocess.Popen[bytes]
    mark: str  # a variable in the environment of all its processes
    folder: Path  # holds its output, and temporary/, which is its TMPDIR
    others: set[Path]  # the semaphores that existed before the run

    def output(self, stream: str) -> str:
        """Return the output so far; *stream* is stdout or stderr."""
        return (self.folder / stream).read_text(errors="replace")

    def has_begun(self) -> bool:
        """Whether the command has begun, so that it handles an interrupt itself."""
        return bool(self.output("stdout"))

    def loops(self) -> set[str]:
        """Return the routes of the loops that run."""
        routes = set()
        for path in self.folder.glob("temporary/*/ledger"):
            with contextlib.suppress(LedgerError), Ledger(path) as ledger:
                routes |= {loop.route for loop in ledger.loops() if not loop.ended}
        return routes

    def phase(self) -> str:
        """Return the phase of the run. Its first line ends when all servers are ready."""
        if self.process.poll() is not None:
            return OVER
        if "\n" not in self.output("stdout"):
            return "in start-up"
        loops = self.loops()
        return next((f"in {route}" for route in PHASES if route in loops), "elsewhere")

    def left(self) -> list[str]:
        """Return a line for each process, file and semaphore of the run that exists."""
        return [
            *(f"process {pid}: {command}" for pid, command in processes(self.mark).items()),
            *(f"file {path}" for path in (self.folder / "temporary").iterdir()),
            *(f"semaphore {path}" for path in unused(semaphores() - self.others)),
        ]

    def settle(self) -> tuple[float, list[str]]:
        """Wait until nothing is left, or for ``LIMIT``; return the seconds, and what is left."""
        began = time.monotonic()
        while True:
            left = (
                self.left() or self.left()
            )  # one listing may miss a process that starts meanwhile
            seconds = time.monotonic() - began
            if not left or seconds > LIMIT:
                return seconds, left
            time.sleep(POLL)

    def bad_output(self) -> list[str]:
        """Return an interrupted run's output, unless it is one clean line; nox adds its own."""
        stdout, stderr = self.output("stdout"), self.output("stderr")
        others = [line for line in stderr.split("\n") if line and ": interrupted" not in line]
        clean = (stdout + stderr).count(": interrupted") == 1  # nox sends both to stdout
        if clean and "Traceback" not in stdout and all(line[:6] == "nox > " for line in others):
            return []
        return [f"its output: {stdout}\n{stderr}"]


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[Run]:
    """Start a run in its own session; at the end of the block end the processes that are left."""
    mark, others = str(uuid.uuid4()), semaphores()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as files:
        folder = Path(name)
        temporary = folder / "temporary"
        temporary.mkdir()
        stdout = files.enter_context((folder / "stdout").open("wb"))
        stderr = files.enter_context((folder / "stderr").open("wb"))
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "ASGI_LIVENESS_RUN": mark, "TMPDIR": str(temporary)},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
            yield Run(process, mark, folder, others)
        finally:
            end(mark)
        process.wait()


def end(mark: str) -> None:
    """Kill the group of the run, and after the limit all of its processes."""
    limit = time.monotonic() + LIMIT
    while pids := processes(mark):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(pid) == os.getsid(pid) or time.monotonic() > limit:
                    os.kill(pid, signal.SIGKILL)
        time.sleep(POLL)


def processes(mark: str) -> dict[int, str]:
    """Return the running processes with *mark* in their environment: id and command line."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or belongs to another user
            if mark.encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


def semaphores() -> set[Path]:
    """Return the semaphores of multiprocessing, of all programs on this machine."""
    return set(Path("/dev/shm").glob("sem.mp-*"))  # noqa: S108 (Linux keeps them there)


def unused(paths: set[Path]) -> list[Path]:
    """Return the *paths* that no process has mapped, so that no process will remove them."""
    mapped: set[str] = set()
    for maps in Path("/proc").glob("[0-9]*/maps") if paths else ():
        with contextlib.suppress(OSError):
            mapped |= {line.split()[4] for line in maps.read_text().split("\n") if "/sem." in line}
    left = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            if str(path.stat().st_ino) not in mapped:
                left.append(path)
    return left
