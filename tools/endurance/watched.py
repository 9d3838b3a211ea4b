"""A run of a command, looked at from outside: where it is, what it said, and what is left of it.

Its processes are known by a variable in their environment, whoever their parent is by then: so
this needs Linux.
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

LIMIT: Final = 2.0  # seconds in which everything must be gone
POLL: Final = 0.01  # seconds
FREEZES: Final = [path for row in WINDOWS if row.must_be is State.FROZEN for path in row.load]
PHASES: Final = [*FREEZES, "/process"]
OVER: Final = "after their own end"


@dataclass
class Run:
    """A run, looked at from outside."""

    process: subprocess.Popen[bytes]
    mark: str  # all of its processes have it in their environment
    folder: Path  # of its output, and of its TMPDIR, called temporary
    others: set[Path]  # the semaphores that were there before

    def said(self, stream: str) -> str:
        """Return what it wrote to stdout or stderr so far."""
        return (self.folder / stream).read_text(errors="replace")

    def has_begun(self) -> bool:
        """Whether the command itself has begun, and with it its own answer to an interrupt."""
        return bool(self.said("stdout"))

    def loops(self) -> set[str]:
        """Return the routes of the loops that have begun and not ended."""
        routes = set()
        for path in self.folder.glob("temporary/*/ledger"):
            with contextlib.suppress(LedgerError), Ledger(path) as ledger:
                routes |= {loop.route for loop in ledger.loops() if not loop.ended}
        return routes

    def phase(self) -> str:
        """Say where it is. Its first line ends when all servers are ready."""
        if self.process.poll() is not None:
            return OVER
        if "\n" not in self.said("stdout"):
            return "in start-up"
        loops = self.loops()
        return next((f"in {route}" for route in PHASES if route in loops), "elsewhere")

    def left(self) -> list[str]:
        """Return what there is of it, a line each."""
        return [
            *(f"process {pid}: {command}" for pid, command in processes(self.mark).items()),
            *(f"file {path}" for path in (self.folder / "temporary").iterdir()),
            *(f"semaphore {path}" for path in unused(semaphores() - self.others)),
        ]

    def settle(self) -> tuple[float, list[str]]:
        """Let the limit pass or all be gone; return how long it took, and what is left."""
        began = time.monotonic()
        while True:
            left = self.left() or self.left()  # a process can be born behind one look's back
            seconds = time.monotonic() - began
            if not left or seconds > LIMIT:
                return seconds, left
            time.sleep(POLL)

    def bad_words(self) -> list[str]:
        """Return what it said when interrupted, unless that is one clean line; nox adds its own."""
        stdout, stderr = self.said("stdout"), self.said("stderr")
        others = [line for line in stderr.split("\n") if line and ": interrupted" not in line]
        clean = (stdout + stderr).count(": interrupted") == 1  # nox sends both to stdout
        if clean and "Traceback" not in stdout and all(line[:6] == "nox > " for line in others):
            return []
        return [f"its words: {stdout}\n{stderr}"]


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[Run]:
    """Start a run in a session of its own; at the end of the block end all that is left of it."""
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
    """Kill the group that was started here, and after the limit what its keepers left."""
    limit = time.monotonic() + LIMIT
    while pids := processes(mark):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(pid) == os.getsid(pid) or time.monotonic() > limit:
                    os.kill(pid, signal.SIGKILL)
        time.sleep(POLL)


def processes(mark: str) -> dict[int, str]:
    """Return the living processes with *mark* in their environment: id and command line."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it is gone, or not ours
            if mark.encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_text().replace("\0", " ")
    return found


def semaphores() -> set[Path]:
    """Return the semaphores of multiprocessing. What others leak meanwhile is blamed on a run."""
    return set(Path("/dev/shm").glob("sem.mp-*"))  # noqa: S108 (where Linux keeps them)


def unused(paths: set[Path]) -> list[Path]:
    """Return those of *paths* that no process has mapped: nobody will remove them."""
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
