"""Jobs in a task queue: their states, who may run, stop and lose them, and what bad input says."""

from __future__ import annotations

import ast
import gc
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import psutil
import pytest

from asgi_liveness import queued
from asgi_liveness.queued import QueuedJob, QueuedJobs, UnavailableError
from tests.apps.queue_worker import NOTES, jobs_of, short
from tests.conftest import Command
from tests.waiting import LIMIT, until

ROOT = Path(__file__).parents[2]
PROGRAM = "asgi_liveness.queued"
MOST = 3


# huey does not close a connection to a file that turns out to be no database.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")
UNCLOSED = ("-W", "ignore::ResourceWarning")
REDIS = pytest.mark.skipif(not queued.HAS_REDIS, reason="the package redis is not installed")


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A queue, and notes, of each test's own; what the test opened is closed."""
    file = tmp_path / "queue.sqlite"
    monkeypatch.setenv(queued.SETTING, f"sqlite:///{file}")
    monkeypatch.setenv(NOTES, str(tmp_path / "notes"))
    really, opened = QueuedJobs._open, list[QueuedJobs]()

    def spied(jobs: QueuedJobs, url: str) -> None:
        really(jobs, url)
        opened.append(jobs)

    monkeypatch.setattr(QueuedJobs, "_open", spied)
    yield file
    for jobs in opened:
        for storage in (jobs._huey.storage, jobs._known, jobs._claims, jobs._ends):
            storage.close()
    gc.collect()  # here, where the warning is ignored, and not in a test that comes later


def put_back(job: QueuedJob) -> None:
    """A loop whose worker gets SIGTERM after a thousand steps."""
    job.steps += 1000
    job.must_end = True
    assert not job.running


def run_next(jobs: QueuedJobs) -> None:
    """Do what a thread of a worker does."""
    jobs._huey.execute(jobs._huey.dequeue())


def age(jobs: QueuedJobs, key: str) -> None:
    """Let a job have been queued long ago."""
    row = json.loads(bytes(jobs._known.peek_data(key)))
    jobs._known.put_data(key, json.dumps(row | {"seen": 0.0}).encode())


def states(jobs: QueuedJobs, *keys: str) -> list[str]:
    found = jobs.states()
    return [found[key] for key in keys]


# Without a worker's process.


def test_job_waits_without_a_worker_and_is_stopped() -> None:
    jobs = QueuedJobs(short, MOST)
    key = jobs.start()
    before = time.time()
    assert states(jobs, key) == ["queued"]
    answer = jobs.stop(key)
    assert answer["state"] == "stopped"
    assert (answer["steps"], answer["error"]) == (0, "")
    assert abs(answer["seen"] - before) < LIMIT
    assert jobs.stop(key) == answer == jobs.status(key)
    run_next(jobs)
    assert jobs.stop(key) == answer
    assert jobs._claims.result_store_size() == 0


def test_unknown_job_is_a_key_error() -> None:
    jobs = QueuedJobs(short, MOST)
    assert jobs.states() == {}
    for method in (jobs.status, jobs.stop):
        with pytest.raises(KeyError):
            method("no such job")
    assert jobs.states() == {}


def test_job_that_ended_stays_as_it_is() -> None:
    jobs = QueuedJobs(short, MOST)
    key = jobs.start()
    run_next(jobs)
    answer = jobs.status(key)
    assert (answer["state"], answer["steps"]) == ("ended", 3)
    assert jobs.stop(key) == answer


def test_full_queue_has_room_when_a_waiting_job_is_stopped() -> None:
    jobs = QueuedJobs(short, MOST)
    for _ in range(3):  # the stopped jobs pile up in the queue
        keys = [jobs.start() for _ in range(MOST)]
        with pytest.raises(UnavailableError, match="too many jobs"):
            jobs.start()
        for key in keys:
            jobs.stop(key)
    assert list(jobs.states().values()) == ["stopped"] * 3 * MOST
    assert jobs._huey.pending_count() == 3 * MOST


def test_job_that_a_worker_is_about_to_claim_counts() -> None:
    jobs = QueuedJobs(short, MOST)
    for _ in range(MOST):
        jobs.start()
    jobs._huey.dequeue()
    with pytest.raises(UnavailableError, match="too many jobs"):
        jobs.start()


def test_lost_job_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = QueuedJobs(short, 1)
    lost = jobs.start()
    jobs._huey.dequeue()
    jobs._claims.put_data(lost, queued._sign(QueuedJob(lost, 1)))
    with pytest.raises(UnavailableError):
        jobs.start()
    monkeypatch.setattr(queued, "LOST", -1.0)
    assert states(jobs, lost) == ["lost"]
    jobs.start()


def test_starts_in_many_threads_do_not_exceed_the_limit() -> None:
    jobs = QueuedJobs(short, MOST)
    barrier = threading.Barrier(16)

    def start(_: int) -> str:
        barrier.wait(LIMIT)
        with suppress(UnavailableError):
            return jobs.start()
        return ""

    with ThreadPoolExecutor(16) as pool:
        started = [key for key in pool.map(start, range(16)) if key]
    assert len(started) == MOST
    assert jobs.states() == dict.fromkeys(started, "queued")


def test_processes_list_and_stop_the_jobs_of_each_other() -> None:
    def elsewhere(call: str) -> Any:
        code = f"from tests.apps.queue_worker import *; j = jobs_of('short'); print(repr({call}))"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return ast.literal_eval(done.stdout)

    jobs = jobs_of("short")
    ours, theirs = jobs.start(), elsewhere("j.start()")
    assert jobs.states() == elsewhere("j.states()") == {ours: "queued", theirs: "queued"}
    assert jobs.stop(theirs) == elsewhere(f"j.status({theirs!r})")
    assert elsewhere(f"j.stop({ours!r})") == jobs.status(ours)
    assert states(jobs, ours, theirs) == ["stopped", "stopped"]


def test_jobs_of_two_loops_share_a_file() -> None:
    one, other = QueuedJobs(short, MOST, "one"), QueuedJobs(short, MOST, "other")
    key = one.start()
    assert other.states() == {}
    run_next(one)
    assert states(one, key) == ["ended"]


def test_job_that_was_put_back_keeps_its_steps() -> None:
    jobs = QueuedJobs(put_back, MOST)
    key = jobs.start()
    for rounds in (1, 2):
        run_next(jobs)
        answer = jobs.status(key)
        assert (answer["state"], answer["steps"]) == ("queued", rounds * 1000)
    answer = jobs.stop(key)
    run_next(jobs)  # it finds the end
    assert jobs.stop(key) == answer
    assert answer["steps"] == 2000


def test_job_is_never_nowhere_while_it_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, reader = QueuedJobs(put_back, MOST), QueuedJobs(put_back, MOST)
    key = jobs.start()
    age(jobs, key)
    monkeypatch.setattr(queued, "LOST", 1.0)
    seen = list[str]()

    def spied(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            seen.extend(states(reader, key))
            done = call(*arguments)
            seen.extend(states(reader, key))
            return done

        return run

    for table, name in ((jobs._claims, "delete_data"), (jobs._known, "put_data")):
        monkeypatch.setattr(table, name, spied(getattr(table, name)))
    monkeypatch.setattr(jobs._huey, "enqueue", spied(jobs._huey.enqueue))
    run_next(jobs)
    assert len(seen) == 6
    assert set(seen) == {"running", "queued"}
    assert states(reader, key) == ["queued"]


def test_job_whose_worker_died_before_its_claim_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = QueuedJobs(short, MOST)
    slow, dead = jobs.start(), jobs.start()
    age(jobs, slow)
    task, _ = jobs._huey.dequeue(), jobs._huey.dequeue()
    age(jobs, dead)
    assert states(jobs, slow, dead) == ["queued", "queued"]  # its worker may be slow, not dead
    assert states(jobs, slow, dead) == ["queued", "queued"]
    jobs._huey.execute(task)
    assert states(jobs, slow, dead) == ["ended", "queued"]
    monkeypatch.setattr(queued, "LOST", 0.05)
    until(lambda: states(jobs, dead) == ["lost"])
    answer = jobs.stop(dead)
    assert answer["state"] == "lost"
    assert jobs.stop(dead) == answer


def test_worker_that_claims_a_job_after_its_end_does_not_run_it() -> None:
    jobs = QueuedJobs(short, MOST)
    key = jobs.start()
    task = jobs._huey.dequeue()
    jobs._end(key, "lost", 0)
    jobs._huey.execute(task)
    assert (jobs.status(key)["state"], jobs.status(key)["steps"]) == ("lost", 0)
    assert jobs._claims.result_store_size() == 0


def test_job_that_was_queued_twice_runs_once_at_a_time() -> None:
    ran = list[int]()

    def loop(job: QueuedJob) -> None:
        ran.append(job.fence)
        run_next(jobs)  # the other worker, while this one runs it

    jobs = QueuedJobs(loop, MOST)
    key = jobs.start()
    jobs._huey.enqueue(jobs._task.s(id=key))
    run_next(jobs)
    assert ran == [1]
    assert states(jobs, key) == ["ended"]


def test_oldest_ended_jobs_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "KEPT", 2)
    jobs = QueuedJobs(short, MOST)
    stopped = jobs.start()
    jobs.stop(stopped)  # it is forgotten while it lies in the queue
    keys = [jobs.start() for _ in range(3)]
    jobs._huey.storage.enqueue(jobs._huey.storage.dequeue())  # behind the others
    for _ in keys:
        run_next(jobs)
    waiting = jobs.start()
    jobs._forget()
    assert jobs.states() == {keys[1]: "ended", keys[2]: "ended", waiting: "queued"}
    run_next(jobs)
    assert stopped not in jobs.states()
    assert jobs._claims.result_store_size() == 0


def test_job_that_is_lost_for_long_counts_as_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = QueuedJobs(short, MOST)
    key = jobs.start()
    job = QueuedJob(key, 1)
    jobs._huey.dequeue()
    jobs._claims.put_data(key, queued._sign(job))  # its worker shows no further sign of life
    jobs._forget()
    assert jobs.states() == {key: "running"}
    monkeypatch.setattr(queued, "FORGOTTEN", -1.0)
    jobs._forget()
    assert jobs.states() == {key: "lost"}
    assert jobs._claims.result_store_size() == 0


def test_worker_forgets_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "KEPT", 2)
    jobs = QueuedJobs(short, MOST)
    for _ in range(100):
        jobs.start()
        run_next(jobs)
    assert list(jobs.states().values()) == ["ended", "ended"]


def test_methods_name_the_reason_if_the_file_is_no_database(database: Path) -> None:
    database.write_bytes(b"no database " * 1000)
    jobs = QueuedJobs(short, MOST)
    for call in (jobs.start, jobs.states, lambda: jobs.status("x"), lambda: jobs.stop("x")):
        with pytest.raises(UnavailableError, match=f"{database} does not answer: file is not a"):
            call()
    database.unlink()
    assert jobs.states() == {}  # it is opened again


def test_locked_database_is_unavailable(database: Path) -> None:
    jobs = QueuedJobs(short, MOST)
    jobs.start()
    jobs._huey.storage._timeout = jobs._known._timeout = 0
    jobs._huey.storage.close()
    jobs._known.close()
    with exclusive(database), pytest.raises(UnavailableError, match="database is locked"):
        jobs.start()
    jobs.start()


@contextmanager
def exclusive(database: Path) -> Iterator[None]:
    """Let nobody else write the database within the block."""
    connection = sqlite3.connect(database, timeout=LIMIT, isolation_level=None)
    try:
        connection.execute("begin exclusive")
        yield
        connection.rollback()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:////no/such/folder/q.sqlite", "/no/such/folder/q.sqlite does not answer: unable"),
        ("sqlite://q.sqlite", "sqlite:// is no queue;"),
        ("mysql://me:secret@127.0.0.1/0", "mysql:// is no queue;"),
        ("redis://:secret@[/0", "ASGI_LIVENESS_QUEUE is wrong"),
        ("redis://[/0", "ASGI_LIVENESS_QUEUE is wrong: Invalid IPv6 URL"),
        *(
            pytest.param(url, words, marks=REDIS)
            for url, words in (
                ("redis://:secret@127.0.0.1:1/0", "the queue 127.0.0.1:1 does not answer"),
                ("redis://:secret@127.0.0.1:99999/0", "ASGI_LIVENESS_QUEUE is wrong"),
                ("redis://127.0.0.1:99999/0", "ASGI_LIVENESS_QUEUE is wrong: Port out of range"),
                ("redis://:secret/more@127.0.0.1:6379/0", "not written as %2F?"),
            )
        ),
    ],
)
def test_wrong_address_is_one_line(
    url: str, words: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(queued.SETTING, url)
    done = command(*UNCLOSED, "-m", PROGRAM)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert line.startswith(f"{PROGRAM}: ")
    assert words in line
    assert "secret" not in line


def test_redis_that_is_not_installed_is_one_line(command: Command) -> None:
    code = "import sys; sys.modules['redis'] = None; from asgi_liveness.queued import main; "
    address = "os.environ['ASGI_LIVENESS_QUEUE'] = 'redis://:secret@127.0.0.1:1/0'"
    done = command("-c", f"{code}import os; {address}; print(main())")
    assert done.stdout == "ASGI_LIVENESS_QUEUE needs redis: pip install redis\n"


def test_corrupt_database_is_one_line(command: Command, database: Path) -> None:
    database.write_bytes(b"no database " * 1000)
    done = command(*UNCLOSED, "-m", PROGRAM)
    reason = f"the queue {database} does not answer: file is not a database"
    assert (done.returncode, done.stderr) == (2, f"{PROGRAM}: {reason}\n")


@pytest.mark.parametrize("threads", ["0", "-1", "two", "1.5", "", "99999999999"])
def test_wrong_number_of_threads_is_one_line(threads: str, command: Command) -> None:
    done = command("-m", PROGRAM, threads)
    words = f"{threads!r} is no number of threads; write 8, or nothing"
    assert (done.returncode, done.stderr) == (2, f"{PROGRAM}: {words}\n")


def test_module_without_huey_says_what_to_install(command: Command) -> None:
    done = command("-c", f"import sys; sys.modules['huey'] = None; import {PROGRAM}")
    last = "ImportError: /queued needs huey: pip install 'asgi-liveness[queued]'"
    assert done.stderr.splitlines()[-1] == last


def test_copied_file_needs_nothing_of_the_kit(command: Command, tmp_path: Path) -> None:
    text = Path(queued.__file__).read_text()
    for before, after in (
        ("from asgi_liveness import LoopBody\n", ""),
        ('    body = LoopBody("/queued")\n', ""),
        ("body.running and job.running", "job.running"),
        ("body.step()\n        job", "job"),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    (tmp_path / "copied.py").write_text(text)
    without = "import sys; sys.modules['asgi_liveness'] = None; import copied; "
    done = command(*UNCLOSED, "-c", f"{without}print(copied.queued_jobs.start())")
    assert done.stderr == ""
    done = command(*UNCLOSED, "-c", f"{without}print(*copied.queued_jobs.states().values())")
    assert (done.stdout, done.stderr) == ("queued\n", "")
    done = command("copied.py", "0")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


# With workers, each a process.


class Worker:
    """A worker of one of the small loops; whatever is left of it is killed."""

    def __init__(self, loop: str, folder: Path, threads: int = 4) -> None:
        self.log = folder / f"log-{time.monotonic_ns()}"
        with self.log.open("wb") as stderr:
            self.process = psutil.Popen(
                [sys.executable, "-m", "tests.apps.queue_worker", loop, str(threads)],
                cwd=ROOT,
                stderr=stderr,
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        until(lambda: "waiting for jobs in" in self.log.read_text() or self.process.poll())
        assert self.process.poll() is None, self.log.read_text()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(LIMIT)

    def end(self, number: int) -> None:
        """Send a signal to the process group, and expect a clean end."""
        os.killpg(self.process.pid, number)
        assert self.process.wait(LIMIT) == 0, self.log.read_text()
        assert "Traceback" not in self.log.read_text()


def notes(key: str) -> list[tuple[int, int, int]]:
    """Return fence, process and step of each step of a job of ``noting``, in their order."""
    file = Path(os.environ[NOTES])
    text = file.read_text() if file.exists() else ""
    whole, _, _being_written = text.rpartition("\n")
    lines = [line.split() for line in whole.splitlines()]
    return [(int(a), int(b), int(c)) for name, a, b, c in lines if name == key]


def never_twice_at_once(key: str) -> bool:
    """Whether no run of a job made a step after a later run had begun."""
    return all(earlier[0] <= later[0] for earlier, later in pairwise(notes(key)))


def goes_on(key: str) -> None:
    before = len(notes(key))
    until(lambda: len(notes(key)) > before + 3)


def all_in(jobs: QueuedJobs, state: str, *keys: str) -> None:
    until(lambda: states(jobs, *keys) == [state] * len(keys))


@pytest.mark.servers
def test_job_goes_from_queued_to_running_to_ended(tmp_path: Path) -> None:
    jobs = jobs_of("gated")
    key = jobs.start()
    assert states(jobs, key) == ["queued"]
    with Worker("gated", tmp_path) as worker:
        all_in(jobs, "running", key)
        until(lambda: jobs.status(key)["steps"])
        first = jobs.status(key)
        until(lambda: jobs.status(key)["seen"] > first["seen"])
        later = jobs.status(key)
        assert later["steps"] >= first["steps"]
        Path(os.environ[NOTES]).touch()
        all_in(jobs, "ended", key)
        assert jobs.status(key)["steps"] >= later["steps"]
        worker.end(signal.SIGTERM)


@pytest.mark.servers
def test_running_job_is_stopped_and_its_steps_are_exact(tmp_path: Path) -> None:
    jobs = jobs_of("noting")
    key, other = jobs.start(), jobs.start()
    with Worker("noting", tmp_path):
        goes_on(key)
        goes_on(other)
        answer = jobs.stop(key)
        made = len(notes(key))
        assert (answer["state"], answer["steps"], answer["error"]) == ("stopped", made, "")
        goes_on(other)
        assert len(notes(key)) == made
        assert jobs.stop(key) == answer
        assert states(jobs, key, other) == ["stopped", "running"]


@pytest.mark.servers
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_worker_that_must_stop_puts_its_jobs_back(tmp_path: Path, number: int) -> None:
    jobs = jobs_of("noting")
    keys = [jobs.start() for _ in range(6)]  # more than a worker has threads
    with Worker("noting", tmp_path, threads=4) as worker:
        for key in keys[:4]:
            goes_on(key)
        worker.end(number)
    assert jobs.states() == dict.fromkeys(keys, "queued")
    assert jobs._claims.result_store_size() == 0
    assert jobs._huey.pending_count() == len(keys)
    before = {key: notes(key) for key in keys}
    assert {key: jobs.status(key)["steps"] for key in keys} == {
        key: len(made) for key, made in before.items()
    }
    with Worker("noting", tmp_path, threads=3), Worker("noting", tmp_path, threads=3) as second:
        for key in keys:
            goes_on(key)
        assert {pid for key in keys for _, pid, _ in notes(key)} >= {second.process.pid}
        for key in keys:
            made = jobs.stop(key)["steps"]
            assert [step for _, _, step in notes(key)] == list(range(1, made + 1))
            assert never_twice_at_once(key)
            assert len({fence for fence, _, _ in notes(key)}) == (2 if before[key] else 1)


@pytest.mark.servers
def test_two_workers_at_once_run_each_job_once(tmp_path: Path) -> None:
    jobs = jobs_of("noting")
    with Worker("noting", tmp_path), Worker("noting", tmp_path):
        keys = [jobs.start() for _ in range(8)]
        for key in keys:
            goes_on(key)
        assert all(len({pid for _, pid, _ in notes(key)}) == 1 for key in keys)
        assert len({fence for key in keys for fence, _, _ in notes(key)}) == len(keys)


@pytest.mark.servers
def test_worker_that_is_stopped_as_it_starts_loses_nothing(tmp_path: Path) -> None:
    jobs = jobs_of("noting")
    keys = [jobs.start() for _ in range(8)]
    for _ in range(3):
        with Worker("noting", tmp_path, threads=8) as worker:
            worker.end(signal.SIGTERM)
        assert jobs.states() == dict.fromkeys(keys, "queued")
        assert jobs._huey.pending_count() == len(keys)


@pytest.mark.servers
def test_job_of_a_killed_worker_is_lost_and_never_runs_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = jobs_of("noting")
    lost = jobs.start()
    with Worker("noting", tmp_path) as worker:
        goes_on(lost)
        until(lambda: jobs.status(lost)["steps"])
        assert states(jobs, lost) == ["running"]
        worker.process.kill()
        made = until(lambda: worker.process.wait(LIMIT) and len(notes(lost)))
    all_in(jobs, "lost", lost)
    with Worker("noting", tmp_path):
        next_one = jobs.start()
        goes_on(next_one)
        assert states(jobs, lost, next_one) == ["lost", "running"]
        monkeypatch.setattr(queued, "GRACE", 10 * LIMIT)  # it would wait for a claim so long
        answer = jobs.stop(lost)
        assert answer["state"] == "lost"
        assert 0 < answer["steps"] <= made
        assert jobs.stop(lost) == answer
        goes_on(next_one)
        assert len(notes(lost)) == made


@pytest.mark.servers
def test_worker_that_was_suspended_ends_a_job_that_somebody_stopped(
    tmp_path: Path, database: Path
) -> None:
    jobs = jobs_of("noting")
    key, other = jobs.start(), jobs.start()
    with Worker("noting", tmp_path) as worker:
        goes_on(key)
        goes_on(other)
        with exclusive(database):  # so the worker does not hold the database, for ever
            worker.process.suspend()
        all_in(jobs, "lost", key, other)
        assert jobs.stop(key)["state"] == "lost"
        made = len(notes(key))
        worker.process.resume()
        goes_on(other)
        until(lambda: jobs.status(key)["steps"] >= made)  # its end has the steps that it made
        until(lambda: states(jobs, key, other) == ["lost", "running"])  # its next sign of life
        made = len(notes(key))
        assert jobs.status(key)["steps"] == made
        goes_on(other)
        assert len(notes(key)) == made
        assert len({fence for fence, _, _ in notes(key)}) == 1
        until(lambda: not jobs._claims.has_data_for_key(key))


@pytest.mark.servers
@pytest.mark.parametrize(
    ("loop", "error"),
    [("failing", "ValueError: no such file"), ("quitting", "SystemExit: this is the end")],
)
def test_job_that_raises_is_failed_and_its_worker_goes_on(
    tmp_path: Path, loop: str, error: str
) -> None:
    jobs = jobs_of(loop)
    with Worker(loop, tmp_path, threads=1) as worker:
        for _ in range(2):  # the second needs the thread of the first
            key = jobs.start()
            all_in(jobs, "failed", key)
            answer = jobs.status(key)
            assert (answer["steps"], answer["error"]) == (1, error.partition(": ")[2])
            assert jobs.stop(key) == answer
        log = worker.log.read_text()
        assert log.count("ERROR:asgi_liveness.queued:a job failed\nTraceback") == 2
        assert log.count(f"\n{error}\n") == 2


@pytest.mark.servers
def test_idle_worker_uses_little_of_the_processor(tmp_path: Path) -> None:
    jobs = jobs_of("computing")

    def share(worker: Worker) -> float:
        """The part of a processor that the worker uses for a while."""
        began, before = time.monotonic(), sum(worker.process.cpu_times()[:2])
        time.sleep(1.5)  # a measurement, and no wait
        return (sum(worker.process.cpu_times()[:2]) - before) / (time.monotonic() - began)

    with Worker("computing", tmp_path, threads=8) as worker:
        key = jobs.start()
        all_in(jobs, "running", key)
        busy = share(worker)
        jobs.stop(key)
        assert share(worker) < busy / 3


@pytest.mark.servers
def test_worker_outlives_a_locked_database(tmp_path: Path, database: Path) -> None:
    jobs = jobs_of("noting")
    key = jobs.start()
    with Worker("noting", tmp_path) as worker:
        goes_on(key)
        with exclusive(database):
            goes_on(key)  # a running loop needs no database
        before = jobs.status(key)["seen"]
        until(lambda: jobs.status(key)["seen"] > before)
        assert jobs.stop(key)["state"] == "stopped"
        worker.end(signal.SIGTERM)


def test_notes_find_a_job_that_ran_twice() -> None:
    file = Path(os.environ[NOTES])
    file.write_text("x 1 7 1\nx 1 7 2\nx 2 8 3\n")
    assert never_twice_at_once("x")
    file.write_text("x 1 7 1\nx 2 8 2\nx 1 7 2\n")
    assert not never_twice_at_once("x")
