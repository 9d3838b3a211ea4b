"""Run a task queue on many machines and kill them at random: is every job accounted for?

``nox -s cluster`` posts 10,000 short jobs and 50 endless ones on a real Redis; ``-- --measure``
measures instead, and writes results/cluster.json.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from tools.cluster import checker, measure, record
from tools.cluster.chaos import ACTS, GENTLE, LONGEST, THREADS, WEBS, WORKERS, Chaos
from tools.cluster.clients import Clients
from tools.cluster.machines import Cluster
from tools.tool import run_tool

if TYPE_CHECKING:
    from tools.cluster.record import Run

SHOWN: Final = 20  # lines of what is wrong


def run(jobs: int, endless: int, seed: int, *, gentle: bool) -> int:
    """Do a run, print what was done and what is wrong, and return the exit code."""
    print(
        f"seed {seed}: Redis, {WEBS} web servers, and for each kind of jobs {WORKERS} workers: "
        f"{THREADS['short']} threads each for short jobs, {THREADS['endless']} for endless ones",
        flush=True,
    )
    dice = random.Random(seed)  # noqa: S311 (no secret)
    plan = deque(dice.sample(["short", "endless"], jobs + endless, counts=[jobs, endless]))
    with Cluster(THREADS, longest=LONGEST) as cluster:
        for _ in range(WEBS):
            cluster.add_web()
        for kind in list(THREADS) * WORKERS:
            cluster.add_worker(kind)
        for machine in cluster.machines:
            machine.wait()
        clients = Clients(lambda: cluster.webs, list(THREADS))
        chaos = Chaos(cluster, dice, clients, GENTLE if gentle else ACTS)
        problems = chaos.drive(plan)
        for machine in (*cluster.workers, *cluster.webs):
            machine.kill(signal.SIGTERM)
        found = {kind: record.read(cluster.logs, kind) for kind in THREADS}
        return report(chaos, found, problems)


def report(chaos: Chaos, found: dict[str, list[Run]], problems: list[str]) -> int:
    """Print the counts and what is wrong; return the exit code."""
    print(", ".join(f"{count} {name}" for name, count in sorted(chaos.kills.items())), end="")
    print(f"; {chaos.restarts} workers ended by themselves and were started again")
    requests = ", ".join(f"{count} {name}" for name, count in sorted(chaos.clients.counts.items()))
    print(f"requests: {requests or 'all were answered'}")
    for kind, seen in chaos.clients.seen.items():
        its_runs = found[kind]
        counts = checker.counts(seen).most_common()
        states = ", ".join(f"{count} {state}" for state, count in counts)
        again = sum(run.how == "warned" for run in its_runs)
        print(f"{kind}: {len(seen.accepted)} accepted; {states}; {len(its_runs)} runs", end="")
        print(f", {again} of them warned to end, {len(seen.polls)} lists")
        problems += checker.wrong(seen, its_runs)
    for line in problems[:SHOWN]:
        print(line, file=sys.stderr)
    print(f"{len(problems)} wrong")
    return 1 if problems else 0


def main() -> int:
    """Run or measure a cluster, and return the exit code."""
    parser = argparse.ArgumentParser(prog="nox -s cluster --", description=__doc__)
    parser.add_argument("jobs", nargs="?", type=int, default=10_000, help="short jobs (10000)")
    parser.add_argument("--endless", type=int, default=50, help="endless jobs (50)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    parser.add_argument(
        "--gentle", action="store_true", help="no SIGKILL to workers and Redis: no job may be lost"
    )
    parser.add_argument(
        "--measure",
        nargs="*",
        choices=measure.QUEUES,
        help=f"write results/cluster.json, of these queues or all: {' '.join(measure.QUEUES)}",
    )
    args = parser.parse_args()
    if args.measure is not None:
        return measure.main(args.measure or list(measure.QUEUES))
    return run(args.jobs, args.endless, args.seed, gentle=args.gentle)


if __name__ == "__main__":
    run_tool(main)
