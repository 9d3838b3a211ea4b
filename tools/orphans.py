"""Prove that nothing outlives a run: end runs at bad moments, and look for what is left.

    python tools/orphans.py [N] [TARGET]         N runs are killed, N//5 are interrupted
    python tools/orphans.py --nox fastapi [N]    N//5 nox sessions are interrupted, as by Ctrl+C

Two seconds after its end, a run may have left no process, no file in its TMPDIR and no
semaphore; interrupted, it says so in one line. Its processes are known by a variable in their
environment, whoever their parent is by then: so this needs Linux. In the default TARGET,
/blocking is C code that holds the GIL.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.contract import WINDOWS, State
from asgi_liveness.errors import LedgerError
from asgi_liveness.ledger import Ledger
from asgi_liveness.servers import SERVERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = Path(__file__).parent.parent
LIMIT: Final = 2.0  # seconds in which everything must be gone
POLL: Final = 0.01  # seconds
FREEZES: Final = [job for row in WINDOWS if row.must_be is State.FROZEN for job in row.jobs]
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
        return next((f"in {route}" for route in FREEZES if route in loops), "elsewhere")

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


class Moment(NamedTuple):
    """When to end a run: at random within *seconds* of when it has *come*."""

    come: Callable[[Run], bool]
    seconds: float


def moments(length: float) -> list[Moment]:
    """Return the moments to aim at in turn, in runs that take *length* seconds."""
    return [
        Moment(lambda _: True, 0.3),
        Moment(Run.has_begun, 0.3),  # the keepers and the servers start
        Moment(lambda run: "/blocking" in run.loops(), 1.0),
        Moment(lambda _: True, length),
    ]


def wait(run: Run, come: Callable[[Run], bool], seconds: float = 0) -> None:
    """Wait until it has come or the run is over, and a random part of *seconds* more."""
    while not come(run) and run.process.poll() is None:
        time.sleep(POLL)
    time.sleep(random.uniform(0, seconds))  # noqa: S311 (no secret)


class Outcome(NamedTuple):
    """What became of a run: where it was, the seconds that the clean-up took, what is wrong."""

    phase: str
    seconds: float
    wrong: list[str]


def measure(command: list[str]) -> tuple[float, Outcome]:
    """Let a run come to its own end; return the seconds that it takes as well."""
    began = time.monotonic()
    with running(command) as run:
        wait(run, lambda run: bool(run.loops()))
        if run.process.poll() is not None:
            sys.exit(f"{' '.join(command)} started no loop:\n{run.said('stderr')}")
        run.process.wait()
        length = time.monotonic() - began
        return length, Outcome(OVER, *run.settle())


def kill(command: list[str], moment: Moment) -> Outcome:
    """Kill the process that was started, and nothing else."""
    with running(command) as run:
        wait(run, *moment)
        phase = run.phase()
        run.process.kill()
        return Outcome(phase, *run.settle())


def interrupt(command: list[str], moment: Moment) -> Outcome:
    """Interrupt as a terminal does: the group that was started. A keeper's is another."""
    with running(command) as run:
        wait(run, Run.has_begun)
        wait(run, *moment)
        phase = run.phase()
        if phase == OVER:
            return Outcome(phase, *run.settle())
        os.killpg(run.process.pid, signal.SIGINT)
        seconds, left = run.settle()
        return Outcome(phase, seconds, left + run.bad_words())


def command_of(args: argparse.Namespace) -> list[str]:
    """Return what to run."""
    if args.nox:
        return ["nox", "-R", "-s", args.nox]
    servers = [word for row in SERVERS if not row.missing for word in ("--server", row.name)]
    return [sys.executable, "-m", "asgi_liveness", "run", args.target, *servers]


def show(name: str, outcome: Outcome, *, verbose: bool) -> None:
    """Print what is wrong, and a line in any case if *verbose*."""
    if verbose:
        print(f"{name} {outcome.phase}: all gone in {outcome.seconds:.2f} s", flush=True)
    for line in outcome.wrong:
        print(f"{name} {outcome.phase}: {line}", file=sys.stderr)


def summarise(outcomes: list[tuple[str, Outcome]]) -> int:
    """Print the summary; return the exit code."""
    for name in dict(outcomes):
        phases = Counter(outcome.phase for its_name, outcome in outcomes if its_name == name)
        counts = ", ".join(f"{count} {phase}" for phase, count in phases.most_common())
        print(f"{phases.total()} {name}: {counts}")
    wrong = sum(bool(outcome.wrong) for _, outcome in outcomes)
    slowest = max(outcome.seconds for _, outcome in outcomes)
    print(f"the slowest clean-up took {slowest:.2f} s; {wrong} of {len(outcomes)} runs went wrong")
    return 1 if wrong else 0


def main() -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(description="Prove that nothing outlives a run.")
    parser.add_argument("n", nargs="?", type=int, default=50, help="kills; N//5 interrupts (50)")
    parser.add_argument("target", nargs="?", default="tests.gil_app:app", help="an ASGI app")
    parser.add_argument("--nox", metavar="SESSION", help="interrupt this session; no kills")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("-v", action="store_true", help="print a line for each run")
    args = parser.parse_args()
    command = command_of(args)
    length, outcome = measure(command)
    print(f"seed {args.seed}; a run takes {length:.1f} s", flush=True)
    random.seed(args.seed)
    show("left alone", outcome, verbose=args.v)
    outcomes = [("left alone", outcome)]
    plan = [kill] * (0 if args.nox else args.n) + [interrupt] * (args.n // 5)
    for act, moment in zip(plan, itertools.cycle(moments(length)), strict=False):
        name = f"{act.__name__}ed"
        outcome = act(command, moment)
        show(name, outcome, verbose=args.v)
        outcomes.append((name, outcome))
    return summarise(outcomes)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(number, signal.default_int_handler)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; what was started is ended")
