"""Kill machines of a cluster at random moments, while clients post, list and stop jobs."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import TargetError
from asgi_liveness.queued import LOST

if TYPE_CHECKING:
    import random
    from collections import deque
    from collections.abc import Callable

    from tools.cluster.clients import Clients
    from tools.cluster.machines import Cluster, Machine

THREADS: Final = {"short": 4, "endless": 6}
"""Threads of a worker, by kind."""
WORKERS: Final = 3  # of each kind
WEBS: Final = 2
POSTERS: Final = 3  # clients that post at once
LONGEST: Final = 0.01  # seconds that a short job takes at most
GAP: Final = 1.5  # seconds between two kills, on average
DOWN: Final = 1.0  # seconds that a killed machine is down, at most
POLL: Final = 1.0  # seconds between two lists of all jobs
LIMIT: Final = 600.0  # seconds until all jobs are accepted, and then until all are over
ACTS: Final = {
    "SIGKILL to a worker": 4,
    "SIGTERM to a worker": 3,
    "SIGKILL to a web server": 2,
    "SIGKILL to Redis": 2,
}
"""How often each kill comes, in relation to the others."""
GENTLE: Final = {"SIGTERM to a worker": 3, "SIGKILL to a web server": 2}
"""The kills that may lose no job."""


@dataclass
class Chaos:
    """A run: a cluster, its clients, and the kills."""

    cluster: Cluster
    dice: random.Random
    clients: Clients
    acts: dict[str, int]
    """``ACTS`` or ``GENTLE``."""
    kills: Counter[str] = field(default_factory=Counter)
    restarts: int = 0
    """Machines that ended by themselves, as a worker does that finds no queue at its start."""

    def act(self) -> None:
        """Kill one machine, leave it down for a moment, and start it again."""
        (act,) = self.dice.choices(list(self.acts), list(self.acts.values()))
        machine = self.victim(act)
        if machine is None:
            return
        number = signal.SIGTERM if "SIGTERM" in act else signal.SIGKILL
        self.account(machine, number)
        machine.kill(number)
        self.kills[act] += 1
        time.sleep(self.dice.uniform(0, DOWN))
        fresh = self.cluster.replace(machine)
        if fresh is self.cluster.redis:
            fresh.wait()

    def victim(self, act: str) -> Machine | None:
        """Return the machine to kill; None if too few of its kind are ready, as on a busy host."""
        if act.endswith("Redis"):
            return self.cluster.redis
        kind = self.dice.choice(list(THREADS))
        workers = [worker for worker in self.cluster.workers if worker.name.endswith(f"({kind})")]
        machines = workers if act.endswith("worker") else self.cluster.webs
        ready = [machine for machine in machines if machine.is_ready]
        return self.dice.choice(ready) if len(ready) > 1 else None

    def account(self, machine: Machine, number: int) -> None:
        """Note which jobs this kill may lose."""
        for kind, seen in self.clients.seen.items():
            if machine is self.cluster.redis:
                seen.spare += WORKERS * THREADS[kind]
            elif number == signal.SIGKILL and machine.name.endswith(f"({kind})"):
                seen.spare += THREADS[kind]
                seen.killed.add(f"{socket.gethostname()}:{machine.pid}")

    def revive(self) -> None:
        """Start each machine again that ended by itself."""
        for machine in self.cluster.machines:
            if machine.ended:
                self.restarts += 1
                self.cluster.replace(machine)

    def is_pending(self, since: float, *kinds: str) -> bool:
        """Whether jobs of these kinds wait or run, or nobody has listed them since then."""
        for kind in kinds:
            polls = self.clients.seen[kind].polls
            if not polls or polls[-1].sent < since:
                return True
            if not {"queued", "running"}.isdisjoint(polls[-1].states.values()):
                return True
        return False

    def go_on(self, condition: Callable[[], bool], what: str, *, kill: bool) -> None:
        """Kill machines, or only start them again, while *condition* holds."""
        until, due = time.monotonic() + LIMIT, time.monotonic() + GAP
        while condition():
            if time.monotonic() > until:
                raise TargetError(f"after {LIMIT:.0f} s {what}")
            if kill and time.monotonic() > due:
                self.act()
                due = time.monotonic() + self.dice.expovariate(1 / GAP)
            self.revive()
            time.sleep(0.05)

    def listen(self) -> None:
        """List all jobs again and again."""
        while not self.clients.is_over:
            for kind in self.clients.seen:
                self.clients.poll(kind)
            time.sleep(POLL)

    def drive(self, plan: deque[str]) -> list[str]:
        """Post a plan of jobs, wait for the end of the short ones and stop the endless ones.

        Return what is wrong with the answers.
        """
        clients, began = self.clients, time.monotonic()
        lister = start(self.listen)
        posters = [start(lambda: clients.post(plan)) for _ in range(POSTERS)]
        self.go_on(
            lambda: any(thread.is_alive() for thread in posters),
            "not all jobs are accepted",
            kill=True,
        )
        accepted = ", ".join(f"{len(seen.accepted)} {kind}" for kind, seen in clients.seen.items())
        print(f"accepted within {time.monotonic() - began:.0f} s: {accepted} jobs", flush=True)
        since = time.monotonic()
        self.go_on(lambda: self.is_pending(since, "short"), "short jobs are pending", kill=True)
        print(f"the short jobs were over after {time.monotonic() - began:.0f} s", flush=True)
        calm = time.monotonic() + LOST + POLL
        self.go_on(lambda: time.monotonic() < calm, "it is calm", kill=False)
        problems = self.stop_endless()
        since = time.monotonic()
        self.go_on(lambda: self.is_pending(since, *clients.seen), "jobs are pending", kill=False)
        clients.is_over = True
        lister.join(LIMIT)
        return [*problems, *self.differing()]

    def stop_endless(self) -> list[str]:
        """Stop all endless jobs, through any web server; return the answers that are wrong."""
        states = {
            key: self.clients.stop("endless", key)
            for key in sorted(self.clients.seen["endless"].accepted)
        }
        wanted = ("stopped", "lost")
        return [
            f"{key}: {state} after DELETE" for key, state in states.items() if state not in wanted
        ]

    def differing(self) -> list[str]:
        """List all jobs on each web server; return the jobs on which they differ."""
        found = []
        for kind in self.clients.seen:
            polls = [self.clients.poll(kind, web) for web in self.cluster.webs]
            lists = [poll.states if poll else {} for poll in polls]
            differ = {
                key for key in set().union(*lists) if len({str(s.get(key)) for s in lists}) > 1
            }
            found += [f"{key}: the web servers differ" for key in sorted(differ)]
        return found


def start(act: Callable[[], None]) -> threading.Thread:
    """Start a thread that ends with this process."""
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread
