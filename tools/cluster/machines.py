"""The machines of a cluster: Redis, workers and web servers, each with a folder of its own.

The rule: each is the child of a keeper (``asgi_liveness.serving``), so it ends with this process,
whatever ends that. What outlives one of them, Redis's file and the logs, is in the folder of the
cluster, which has a keeper too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Final, Self

from asgi_liveness.errors import TargetError
from asgi_liveness.queued import SETTING
from asgi_liveness.serving.group import Group
from asgi_liveness.serving.launched import Launched
from tools.cluster.jobs import LOGS, LONGEST
from tools.comparison import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMIT: Final = 30.0  # seconds that a machine may take to start, or to end after a signal
POLL: Final = 0.01  # seconds
REDIS: Final = "redis-server"
INSTALL: Final = f"no {REDIS} is installed; type (as root): apt-get install {REDIS}"


class Machine(Launched):
    """A process in a folder and with an environment of its own; its log has *ready* when it is."""

    def __init__(
        self,
        name: str,
        command: tuple[str, ...],
        variables: Mapping[str, str],
        ready: str,
        port: int = 0,
    ) -> None:
        super().__init__(command, port)
        self.name, self._words, self._variables, self._ready = name, command, variables, ready

    def _environment(self) -> dict[str, str]:
        paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        path = os.pathsep.join(filter(None, [str(ROOT), *paths]))
        return {**super()._environment(), **self._variables, "PYTHONPATH": path}

    def _launch(self, descriptor: int = -1) -> None:
        self.command = ("env", "-C", str(self.group.folder), *self._words)
        super()._launch(descriptor)

    @property
    def is_ready(self) -> bool:
        """Whether the machine runs, and wrote that it has begun its work."""
        return not self.ended and self._ready in self.log()

    def wait(self) -> None:
        """Wait until the machine is ready. Raises ``TargetError`` after ``LIMIT``."""
        until = time.monotonic() + LIMIT
        while not self.is_ready:
            if self.ended or time.monotonic() > until:
                raise TargetError(f"{self.name} is not ready; it last wrote: {self.last_words()}")
            time.sleep(POLL)

    def again(self) -> Self:
        """Return the same machine, not started, on the same port."""
        return type(self)(self.name, self._words, self._variables, self._ready, self.port)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal and wait for the end. Raises ``TargetError`` if the machine goes on."""
        self.group.signal(number)
        if self.group.exit_code(LIMIT) is None:
            raise TargetError(f"{self.name} goes on {LIMIT:.0f} s after signal {number}")


class Cluster:
    """All machines, from the start to ``end``, or in a ``with`` block.

    Raises ``TargetError`` if there is no Redis.

    *redis* chooses Redis, else the machines share a file of SQLite. *threads* says for each kind
    how many threads a worker has, and *longest* how many seconds a short job takes at most.
    """

    def __init__(
        self,
        threads: Mapping[str, int],
        *,
        redis: bool = True,
        longest: float = 0.0,
    ) -> None:
        if redis and shutil.which(REDIS) is None:
            raise TargetError(INSTALL)
        self._home = Group()
        self.logs = self._home.folder / "logs"
        self._threads, self._longest = threads, longest
        self.redis: Machine | None = None
        self.webs: list[Machine] = []
        self.workers: list[Machine] = []
        self._url = f"sqlite:///{self._home.folder}/queued.sqlite"
        try:
            self.logs.mkdir()
            if redis:
                self.redis = _redis(self._home.folder)
                self.redis.start()
                self._url = f"redis://127.0.0.1:{self.redis.port}/0"
                self.redis.wait()
        except BaseException:
            self.end()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which a machine finds the queue and the logs."""
        return {SETTING: self._url, LOGS: str(self.logs), LONGEST: str(self._longest)}

    def add_web(self) -> Machine:
        """Start a web server."""
        command = (sys.executable, "-m", "uvicorn", "--fd", "{fd}", "--no-access-log")
        limit = ("--timeout-graceful-shutdown", "3")
        words = (*command, *limit, "tools.cluster.app:app")
        name = f"web {len(self.webs) + 1}"
        self.webs.append(Machine(name, words, self.variables, "startup complete"))
        self.webs[-1].start()
        return self.webs[-1]

    def add_worker(self, kind: str) -> Machine:
        """Start a worker for one kind of jobs."""
        command = (sys.executable, "-m", "tools.cluster.jobs", kind, str(self._threads[kind]))
        name = f"worker {len(self.workers) + 1} ({kind})"
        self.workers.append(Machine(name, command, self.variables, "waiting for jobs"))
        self.workers[-1].start()
        return self.workers[-1]

    def replace(self, machine: Machine) -> Machine:
        """Start a machine again that has ended."""
        last_words = machine.last_words()
        machine.end()
        fresh = machine.again()
        for kind in (self.webs, self.workers):
            if machine in kind:
                kind[kind.index(machine)] = fresh
        if machine is self.redis:
            self.redis = fresh
        with contextlib.suppress(TargetError):
            fresh.start()
            return fresh
        raise TargetError(f"{machine.name} cannot be started again; it last wrote: {last_words}")

    @property
    def machines(self) -> list[Machine]:
        """All machines."""
        return [*([self.redis] if self.redis else []), *self.webs, *self.workers]

    def end(self) -> None:
        """End everything and remove all folders."""
        for machine in reversed(self.machines):
            machine.end()
        self._home.end()


def _redis(folder: Path) -> Machine:
    """Return a Redis, not started, that keeps its data in a folder as an append-only file."""
    data = folder / "redis"
    data.mkdir()
    where = ("--bind", "127.0.0.1", "--port", "{port}", "--dir", str(data))
    kept = ("--appendonly", "yes", "--save", "", "--logfile", "/dev/stderr")
    return Machine("Redis", (REDIS, *where, *kept), {}, "Ready to accept connections")
