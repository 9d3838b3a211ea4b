"""Test that nothing outlives a run: end runs at bad moments, and list what is left.

    nox -s orphans -- [N] [TARGET]         kill N runs, interrupt N//5
    nox -s orphans -- --remedy process [N]   the same, while /process has its children, or
                                           --remedy queued: while /queued has a worker
    nox -s orphans -- --endings [N]        the same, while dozens of servers end
    nox -s orphans -- --nox fastapi [N]    interrupt N//5 nox sessions, as Ctrl+C does

Two seconds after its end, a run may have left no process, no file in its TMPDIR and no semaphore.
An interrupted run prints one line. In the default TARGET, /blocking is C code that holds the GIL.
Run no other program meanwhile: its leaked semaphores would count as left by a run.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import signal
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from asgi_liveness.serving.servers import SERVERS
from tools.comparison import COMPARISON
from tools.endurance.watched import OVER, POLL, Run, running
from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Callable


class Moment(NamedTuple):
    """The time to end a run: at random within *seconds* after *come* is true."""

    come: Callable[[Run], bool]
    seconds: float


def moments(length: float, route: str) -> list[Moment]:
    """Return the moments to use one after the other, for runs that take *length* seconds."""
    return [
        Moment(lambda _: True, 0.3),
        Moment(Run.has_begun, 0.3),  # the keepers and the servers start
        Moment(lambda run: route in run.loops(), 1.0 if route == "/blocking" else 0.3),
        Moment(lambda _: True, length),
    ]


def wait(run: Run, come: Callable[[Run], bool], seconds: float = 0) -> None:
    """Wait until *come* is true or the run is over, and a random part of *seconds* more."""
    while not come(run) and run.process.poll() is None:
        time.sleep(POLL)
    time.sleep(random.uniform(0, seconds))  # noqa: S311 (no secret)


class Ending(NamedTuple):
    """The end of a run: its phase, the seconds that the clean-up took, what is wrong."""

    phase: str
    seconds: float
    wrong: list[str]


def measure(command: list[str]) -> tuple[float, Ending]:
    """Let a run end by itself; return the seconds that it took, and its ending."""
    began = time.monotonic()
    with running(command) as run:
        wait(run, lambda run: bool(run.loops()))
        if run.process.poll() is not None:
            sys.exit(f"{' '.join(command)} started no loop:\n{run.output('stderr')}")
        run.process.wait()
        length = time.monotonic() - began
        return length, Ending(OVER, *run.settle())


def kill(command: list[str], moment: Moment) -> Ending:
    """Kill the first process of a run, and no other."""
    with running(command) as run:
        wait(run, *moment)
        phase = run.phase()
        run.process.kill()
        return Ending(phase, *run.settle())


def interrupt(command: list[str], moment: Moment) -> Ending:
    """Interrupt the run's process group, as a terminal does. Keepers have groups of their own."""
    with running(command) as run:
        wait(run, Run.has_begun)
        wait(run, *moment)
        phase = run.phase()
        if phase == OVER:
            return Ending(phase, *run.settle())
        os.killpg(run.process.pid, signal.SIGINT)
        seconds, left = run.settle()
        return Ending(phase, seconds, left + run.bad_output())


def command_of(args: argparse.Namespace) -> list[str]:
    """Return the command of a run."""
    if args.nox:
        return ["nox", "-R", "-s", args.nox]
    servers = [word for row in SERVERS if not row.missing for word in ("--server", row.name)]
    command = [sys.executable, "-m", "asgi_liveness", "run", args.target, *servers]
    worker = ("--worker", COMPARISON["worker"])
    if args.endings:
        return [*command, "--has", COMPARISON["remedies"], "-k", "EXITS", *worker]
    if args.remedy:
        return [*command, "--has", args.remedy, "-k", args.remedy, *worker]
    return command


def show(name: str, ending: Ending, *, verbose: bool) -> None:
    """Print a line for each problem; with *verbose* print a line for each run too."""
    if verbose:
        print(f"{name} {ending.phase}: nothing left after {ending.seconds:.2f} s", flush=True)
    for line in ending.wrong:
        print(f"{name} {ending.phase}: {line}", file=sys.stderr)


def summarise(endings: list[tuple[str, Ending]]) -> int:
    """Print the summary; return the exit code."""
    for name in dict(endings):
        phases = Counter(ending.phase for its_name, ending in endings if its_name == name)
        counts = ", ".join(f"{count} {phase}" for phase, count in phases.most_common())
        print(f"{phases.total()} {name}: {counts}")
    wrong = sum(bool(ending.wrong) for _, ending in endings)
    slowest = max(ending.seconds for _, ending in endings)
    print(f"the slowest clean-up took {slowest:.2f} s; {wrong} of {len(endings)} runs went wrong")
    return 1 if wrong else 0


def main() -> int:
    """End the runs and return the exit code."""
    parser = argparse.ArgumentParser(description="Test that nothing outlives a run.")
    parser.add_argument("n", nargs="?", type=int, default=50, help="kills; N//5 interrupts (50)")
    parser.add_argument("target", nargs="?", default="tools.apps.gil:app", help="an ASGI app")
    parser.add_argument("--remedy", metavar="NAME", help="kill runs of one remedy only")
    parser.add_argument("--endings", action="store_true", help="kill runs that end servers")
    parser.add_argument("--nox", metavar="SESSION", help="interrupt this session; no kills")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("-v", action="store_true", help="print a line for each run")
    args = parser.parse_args()
    if (args.remedy or args.endings) and args.target == parser.get_default("target"):
        args.target = "starlette_impl.app:app"
    command = command_of(args)
    route = "/cooperative" if args.endings else f"/{args.remedy or 'blocking'}"
    length, ending = measure(command)
    print(f"seed {args.seed}; a run takes {length:.1f} s", flush=True)
    random.seed(args.seed)
    show("left alone", ending, verbose=args.v)
    endings = [("left alone", ending)]
    plan = [kill] * (0 if args.nox else args.n) + [interrupt] * (args.n // 5)
    for act, moment in zip(
        plan,
        itertools.cycle(moments(length, route)),
        strict=False,
    ):
        name = f"{act.__name__}ed"
        ending = act(command, moment)
        show(name, ending, verbose=args.v)
        endings.append((name, ending))
    return summarise(endings)


if __name__ == "__main__":
    run_tool(main)
