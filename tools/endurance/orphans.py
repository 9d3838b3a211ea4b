"""Prove that nothing outlives a run: end runs at bad moments, and look for what is left.

    nox -s orphans -- [N] [TARGET]         N runs are killed, N//5 are interrupted
    nox -s orphans -- --process [N]        the same, while /process has its children
    nox -s orphans -- --nox fastapi [N]    N//5 nox sessions are interrupted, as by Ctrl+C

Two seconds after its end, a run may have left no process, no file in its TMPDIR and no
semaphore; interrupted, it says so in one line. In the default TARGET, /blocking is C code that
holds the GIL. Run it alone: semaphores that others leak meanwhile are blamed on a run.
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
from tools.endurance.watched import OVER, POLL, Run, running

if TYPE_CHECKING:
    from collections.abc import Callable


class Moment(NamedTuple):
    """When to end a run: at random within *seconds* of when it has *come*."""

    come: Callable[[Run], bool]
    seconds: float


def moments(length: float, route: str) -> list[Moment]:
    """Return the moments to aim at in turn, in runs that take *length* seconds."""
    return [
        Moment(lambda _: True, 0.3),
        Moment(Run.has_begun, 0.3),  # the keepers and the servers start
        Moment(lambda run: route in run.loops(), 0.3 if route == "/process" else 1.0),
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
    command = [sys.executable, "-m", "asgi_liveness", "run", args.target, *servers]
    return [*command, "--has", "process", "-k", "process"] if args.process else command


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
    parser.add_argument("target", nargs="?", default="tools.apps.gil:app", help="an ASGI app")
    parser.add_argument("--process", action="store_true", help="kill runs of /process alone")
    parser.add_argument("--nox", metavar="SESSION", help="interrupt this session; no kills")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument("-v", action="store_true", help="print a line for each run")
    args = parser.parse_args()
    if args.process and args.target == parser.get_default("target"):
        args.target = "starlette_impl.app:app"
    command = command_of(args)
    length, outcome = measure(command)
    print(f"seed {args.seed}; a run takes {length:.1f} s", flush=True)
    random.seed(args.seed)
    show("left alone", outcome, verbose=args.v)
    outcomes = [("left alone", outcome)]
    plan = [kill] * (0 if args.nox else args.n) + [interrupt] * (args.n // 5)
    for act, moment in zip(
        plan,
        itertools.cycle(moments(length, "/process" if args.process else "/blocking")),
        strict=False,
    ):
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
