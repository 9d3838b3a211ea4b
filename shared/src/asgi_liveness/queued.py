"""Loops in a task queue: they outlive the server, and every server can list and stop them.

    python -m asgi_liveness.queued    # a worker: runs the loops, in a process of its own

huey is the queue. Without a setting it is a file, ``queued.sqlite``, for the processes of one
host; ``ASGI_LIVENESS_QUEUE=redis://HOST:6379/0`` is for many, whose clocks must agree to a second.
A job is ``queued``, ``running``, ``ended``, ``stopped``, ``failed``, or, after somebody killed its
worker, ``lost``. Nobody starts a lost job again, so no job runs twice at once. A worker that gets
SIGTERM or Ctrl+C puts its jobs back.

To use it without the kit, copy this file: it imports huey and the standard library. Replace
``body.step()`` by one iteration of your work and ``body.running`` by your own condition, and delete
the line that makes the body.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import sqlite3
import sys
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from asgi_liveness import LoopBody

try:
    from huey import Huey, storage
except ImportError as error:
    raise ImportError("/queued needs huey: pip install 'asgi-liveness[queued]'") from error
try:
    from redis import ConnectionPool, RedisError
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError:
    HAS_REDIS = False
else:
    HAS_REDIS = True

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SETTING = "ASGI_LIVENESS_QUEUE"
FILE, _FILES = "queued.sqlite", "sqlite:///"
MOST = 8  # jobs that are queued or running, and threads of a worker
POLL = 0.1  # seconds until a worker sees that there is a job, or that its job must end
ANSWER = 0.8  # seconds that Redis may take to answer
BEAT = 0.5  # seconds between two signs of life of a running job
LOST = 5.0  # seconds without a sign of life after which a job is lost
GRACE = 8.0  # seconds that a job gets to end, or to be put back; Docker kills after 10
FORGOTTEN = 86_400.0  # seconds after which a lost job counts as an ended one
KEPT = 1000  # ended jobs that are remembered
logger = logging.getLogger("asgi_liveness.queued")


class UnavailableError(Exception):
    """The queue is full, or does not answer. ``str()`` is the reason, in one line."""


class QueuedJob:
    """One loop in a worker, which counts its own ``steps`` and ends when ``running`` is false.

    ``steps`` goes on where the job was put back. ``fence`` grows with every start of a job: what
    the loop writes to can refuse a number that is lower than one that it has seen.
    """

    def __init__(self, key: str, fence: int) -> None:
        self.key, self.fence, self.steps = key, fence, 0
        self.must_end = self.is_warned = False

    @property
    def running(self) -> bool:
        """False after somebody stopped the job, or its worker."""
        self.is_warned = self.must_end
        return not self.is_warned


def queued_loop(job: QueuedJob) -> None:
    """Run the loop in a worker, until somebody stops the job."""
    body = LoopBody("/queued")
    while body.running and job.running:
        body.step()
        job.steps += 1


class QueuedJobs:
    """The jobs of one loop: at most *most* are queued or running.

    The queue is a database, so each method waits, for milliseconds or longer: call it in a thread.
    It raises ``UnavailableError`` if the database does not answer, and ``KeyError`` for an unknown
    id. A job's status is its state, steps and error, and when it was last seen, in seconds since
    the epoch.

    Next to huey's queue there are three tables by id: known jobs, claims of those that run, and
    ends. Who writes an end first decides it; a job without a claim does not run.
    """

    _error: type[Exception] = sqlite3.Error
    """What the database raises if it does not answer."""

    def __init__(self, loop: Callable[[QueuedJob], None], most: int, name: str = "queued") -> None:
        self._loop, self._most, self._name = loop, most, name
        self._opening, self._starting, self._beating = (threading.Lock() for _ in range(3))
        self._is_open, self._silent = False, 0.0
        self._running: dict[str, QueuedJob] = {}

    def start(self) -> str:
        """Queue a job and return its id. Raises ``UnavailableError`` also if there are too many."""
        asked = time.monotonic()
        with self._starting, self._reached():
            if self._silent > asked:  # else each request would wait for all before it
                raise TimeoutError("it had no answer for the request before")
            ended = self._ends.result_store_size()  # before the known: one more is known meanwhile
            if self._known.result_store_size() - ended >= self._most:
                states = [row["state"] for row in self._read().values()]
                if states.count("queued") + states.count("running") >= self._most:
                    raise UnavailableError("too many jobs are queued or running")
            key = uuid.uuid4().hex
            self._known.put_data(key, _row(state="queued", steps=0, error=""))
            self._huey.enqueue(self._task.s(id=key))
            return key

    def states(self) -> dict[str, str]:
        """Return the state of each job by id."""
        with self._reached():
            return {key: row["state"] for key, row in self._read().items()}

    def status(self, key: str) -> dict[str, Any]:
        """Return the status of a job."""
        with self._reached():
            row = self._read(key)[key]
            return {name: row[name] for name in ("state", "steps", "error", "seen")}

    def stop(self, key: str) -> dict[str, Any]:
        """Stop a job, wherever it is, wait for its end, and return its status."""
        with self._reached():
            row = self._read(key)[key]
            self._end(key, "lost" if row["state"] == "lost" else "stopped", row["steps"])
            if row["state"] == "lost":
                self._claims.delete_data(key)
            limit = time.monotonic() + GRACE
            while self._claims.has_data_for_key(key) and time.monotonic() < limit:
                time.sleep(POLL / 2)
        return self.status(key)

    def work(self, threads: int = MOST) -> None:
        """Run jobs in *threads* until SIGTERM, SIGHUP or Ctrl+C; then put them back."""
        with self._reached():
            self._huey.pending_count()
        logging.getLogger("huey").setLevel(logging.CRITICAL)  # it logs a traceback for each poll
        consumer = self._huey.create_consumer(
            workers=threads, periodic=False, max_delay=POLL, shutdown_timeout=GRACE
        )
        threading.Thread(target=self._beat, args=(consumer.stop_flag,), daemon=True).start()
        for number in (signal.SIGINT, signal.SIGTERM):  # huey sets its own after its threads start
            signal.signal(number, lambda *_: consumer.stop_flag.set())
        # huey would start again, without a terminal.
        consumer._signal_actions[signal.SIGHUP] = (False, True)  # noqa: SLF001
        logger.warning("waiting for jobs in %s", self._place)
        consumer.run()
        consumer.stop(graceful=True)  # wait until the threads have put their jobs back

    def _beat(self, must_stop: threading.Event) -> None:
        """Show signs of life of the running jobs, and tell those that must end."""
        due = 0.0
        while True:
            time.sleep(POLL)
            with contextlib.suppress(self._error, OSError), self._beating:
                stopped = self._ends.peek_many(list(self._running)) if self._running else ()
                for key, job in self._running.items():
                    job.must_end = must_stop.is_set() or key in stopped
                    if time.monotonic() > due:
                        self._claims.put_data(key, _sign(job))
                due = time.monotonic() + BEAT if time.monotonic() > due else due

    def _run(self, key: str) -> None:
        """Claim a job and run its loop; then write its end, or put it back."""
        job = QueuedJob(key, self._insist(self._claims.incr, "fence"))
        self._insist(self._claims.put_if_empty, key, _sign(job))
        if _facts(self._insist(self._claims.peek_data, key))["fence"] != job.fence:
            return  # it runs already
        if not (known := self._insist(self._known.peek_many, [key])):
            self._insist(self._claims.delete_data, key)
            return  # it was stopped in the queue, and is forgotten
        state, error, job.steps = "ended", "", _facts(known[key])["steps"]
        if not self._insist(self._ends.has_data_for_key, key):
            with self._beating:
                self._running[key] = job
            try:
                self._loop(job)
            except BaseException as failure:  # sys.exit() too: it would end the thread alone
                state, error = "failed", str(failure)
                logger.exception("a job failed")
            with self._beating:
                del self._running[key]
        if (
            state == "ended"
            and job.is_warned
            and not self._insist(self._ends.has_data_for_key, key)
        ):
            # In this order, or somebody finds a job that is nowhere.
            self._insist(self._known.put_data, key, _row(state="queued", steps=job.steps, error=""))
            self._insist(self._claims.delete_data, key)
            self._insist(self._huey.enqueue, self._task.s(id=key))
            return
        self._insist(self._end, key, state, job.steps, error)
        end = _facts(self._insist(self._ends.peek_data, key))
        self._insist(self._ends.put_data, key, _row(**end | {"steps": job.steps}))
        self._insist(self._claims.delete_data, key)
        if not job.fence % 100:
            self._insist(self._forget)

    def _insist(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call until the database answers: a worker outlives its restart."""
        while True:
            try:
                return call(*arguments)
            except (self._error, OSError) as reason:
                logger.warning("the queue %s does not answer: %s", self._place, reason)
                time.sleep(BEAT)

    def _end(self, key: str, state: str, steps: int, error: str = "") -> None:
        self._ends.put_if_empty(key, _row(state=state, steps=steps, error=error))

    def _forget(self) -> None:
        for key, row in self._claims.result_items().items():
            if _facts(row)["seen"] < time.time() - FORGOTTEN:
                self._end(key, "lost", _facts(row)["steps"])
                self._claims.delete_data(key)
        rows = {key: _facts(row) for key, row in self._ends.result_items().items()}
        for key in sorted(rows, key=lambda key: float(rows[key]["seen"]))[:-KEPT]:
            self._known.delete_data(key)
            self._ends.delete_data(key)

    def _read(self, key: str = "") -> dict[str, dict[str, Any]]:
        """Return what is known of one job, or of all."""
        # A job gets its end before it loses its claim: read them in the other order.
        tables = (self._claims, self._ends, self._known)
        read = (table.peek_many([key]) if key else table.result_items() for table in tables)
        claims, ends, known = ({key: _facts(row) for key, row in rows.items()} for rows in read)
        jobs = {key: row | claims.get(key, {}) | ends.get(key, {}) for key, row in known.items()}
        late = time.time() - LOST
        silent = [key for key, row in jobs.items() if row["seen"] < late and key not in ends]
        waiting = {task.id for task in self._huey.pending()} if set(silent) - claims.keys() else ()
        for name in silent:
            if name in claims:
                jobs[name]["state"] = "lost"
            elif name not in waiting:
                jobs[name]["state"] = self._judge_gone(name, jobs[name])
        return jobs

    def _judge_gone(self, key: str, row: dict[str, Any]) -> str:
        """Return the state of a job that is neither in the queue nor claimed."""
        if "gone" not in row:  # a worker may be about to claim it
            self._known.put_data(key, _row(**row, gone=time.time()))
        elif row["gone"] < time.time() - LOST:  # its worker died before it could
            self._end(key, "lost", row["steps"])
            return str(_facts(self._ends.peek_data(key))["state"])
        return "queued"

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        """Open the database, and name the reason if it does not answer."""
        try:
            with self._opening:
                if not self._is_open:
                    self._open(os.environ.get(SETTING, ""))
            yield
        except (self._error, OSError) as reason:
            self._silent = time.monotonic()
            message = f"the queue {self._place} does not answer: {reason}"
            raise UnavailableError(message) from reason

    def _open(self, url: str) -> None:
        try:
            kind, self._error, arguments = _database(url)
        except (ValueError, TypeError) as wrong:
            # A reason may quote a part of the password.
            why = "is a / in the password not written as %2F?" if "@" in url else wrong
            raise UnavailableError(f"{SETTING} is wrong: {why}") from wrong
        self._place = urlsplit(url).netloc.rpartition("@")[2] or url.removeprefix(_FILES) or FILE
        self._huey = Huey(self._name, storage_class=kind, results=False, **arguments)
        self._known, self._claims, self._ends = (
            kind(f"{self._name}-{table}", **arguments) for table in ("known", "claims", "ends")
        )

        def run(task: Any) -> None:
            self._run(task.id)

        run.__module__ = self._name  # the same in a server and in python -m
        self._task = self._huey.task(context=True)(run)
        self._is_open = True


def _database(url: str) -> tuple[Any, type[Exception], dict[str, Any]]:
    """Return huey's class for a database, the error of one that does not answer, and arguments.

    Raises ``ValueError`` or ``TypeError`` if the address is wrong, or ``UnavailableError``.
    """
    scheme = urlsplit(url).scheme
    if scheme in ("redis", "rediss") and HAS_REDIS:
        # To send a command again that did arrive would queue a job twice.
        once = {"retry": Retry(NoBackoff(), 0), "socket_connect_timeout": ANSWER}
        pool = ConnectionPool.from_url(url, socket_timeout=ANSWER, **once)
        return storage.RedisStorage, RedisError, {"connection_pool": pool, "read_timeout": POLL}
    if scheme == "postgresql" and storage.psycopg is not None:
        return storage.PostgresStorage, storage.psycopg.Error, {"dsn": url}
    if not scheme or url.startswith(_FILES):
        return storage.SqliteStorage, sqlite3.Error, {"filename": url.removeprefix(_FILES) or FILE}
    if package := {"redis": "redis", "rediss": "redis", "postgresql": "psycopg"}.get(scheme):
        raise UnavailableError(f"{SETTING} needs {package}: pip install {package}")
    known = "leave it unset, or write sqlite:///FILE or redis://HOST:6379/0"
    raise UnavailableError(f"{SETTING} is wrong: {scheme}:// is no queue; {known}")


def _row(**facts: object) -> bytes:
    return json.dumps({"seen": time.time()} | facts).encode()


def _sign(job: QueuedJob) -> bytes:
    owner = f"{socket.gethostname()}:{os.getpid()}"
    return _row(state="running", owner=owner, fence=job.fence, steps=job.steps)


def _facts(row: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(bytes(row))
    return facts


queued_jobs = QueuedJobs(queued_loop, most=MOST)


def main() -> str:
    """Start a worker, as the words of the command say; return why it cannot start."""
    threads = sys.argv[1] if len(sys.argv) > 1 else str(MOST)
    if not threads.isdecimal() or len(threads) > len("999") or not int(threads):
        return f"{threads!r} is no number of threads; write {MOST}, or nothing"
    try:
        queued_jobs.work(int(threads))
    except UnavailableError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    logging.basicConfig(format="%(name)s: %(message)s")
    if problem := main():
        logger.error(problem)
        sys.exit(2)
