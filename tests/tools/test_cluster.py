"""The cluster's checker finds each kind of wrong job, and a small cluster has none of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import MARK, marked
from tests.kit.redis_server import needs_redis
from tests.waiting import until
from tools.cluster.checker import counts, wrong
from tools.cluster.record import Poll, Run, Seen, runs
from tools.cluster.table import tables
from tools.comparison import ROOT

HERE, THERE = "host:1", "host:2"
LIMIT = 120.0  # seconds for a small cluster


def ran(key: str, owner: str, fence: int, *times: float, how: str = "done") -> Run:
    """Return a run that starts at the first time, and ends at the last one, unless *how* is ""."""
    return Run(key, owner, fence, times[0], [*times[1:-1]], times[-1] if how else None, how)


def seen(states: dict[str, str], *earlier: Poll, spare: int = 0) -> Seen:
    """Return what a driver saw whose last list has these states; it killed a worker there."""
    return Seen({*states}, [*earlier, Poll(90, 91, states)], {THERE}, spare)


def test_jobs_that_are_accounted_for_once_are_not_wrong() -> None:
    states = {"a": "ended", "b": "failed", "c": "stopped", "d": "lost", "e": "stopped"}
    record = seen(states, Poll(2, 3, {"a": "running", "b": "queued"}))
    found = [
        ran("a", HERE, 1, 1, 4, how="warned"),
        ran("a", THERE, 2, 4, 5),
        ran("b", HERE, 3, 6, 7, how="failed"),
        ran("c", HERE, 4, 6, 7, how="warned"),
        ran("d", THERE, 5, 6, 7, how=""),
    ]
    assert wrong(record, found) == []
    assert counts(record) == {"ended": 1, "failed": 1, "stopped": 2, "lost": 1}


def test_double_run_is_found() -> None:
    found = [ran("a", HERE, 1, 1, 4, how="warned"), ran("a", THERE, 2, 3, 5)]
    assert wrong(seen({"a": "ended"}), found) == [f"a: ran twice at once, on {HERE} and {THERE}"]


def test_lost_job_that_began_again_is_found() -> None:
    found = [ran("a", THERE, 1, 1, 2, how=""), ran("a", HERE, 2, 3, 5)]
    both = f"{THERE} and {HERE}"
    assert wrong(seen({"a": "ended"}), found) == [f"a: began again after it was lost, on {both}"]


def test_missing_job_is_found() -> None:
    record = seen({})
    record.accepted.add("a")
    assert wrong(record, []) == ["a: accepted, and listed nowhere"]


def test_job_without_an_end_is_found() -> None:
    earlier = Poll(1, 2, {"b": "queued"})
    assert wrong(seen({"a": "running"}, earlier), [ran("a", HERE, 1, 1, 2, how="")]) == [
        "a: running at the end",
        "b: queued at the end, and no longer listed",
    ]


def test_job_that_changes_after_its_end_is_found() -> None:
    earlier = Poll(1, 2, {"a": "stopped"})
    assert wrong(seen({"a": "ended"}, earlier), [ran("a", HERE, 1, 1, 2)]) == [
        "a: stopped, and later ended"
    ]


def test_job_may_be_forgotten_after_its_end() -> None:
    assert wrong(seen({}, Poll(3, 4, {"a": "ended"})), [ran("a", HERE, 1, 1, 2)]) == []


def test_unlisted_runs_are_found() -> None:
    earlier = Poll(2, 3, {"b": "queued"})
    found = [ran("a", HERE, 1, 1, 2, 4), ran("b", HERE, 2, 1, 2, 4), ran("c", HERE, 3, 1, 2, 4)]
    assert wrong(seen({"a": "ended", "b": "ended"}, earlier), found) == [
        "c: ran, and is listed nowhere",
        f"a: not listed while it ran on {HERE}",
        f"b: queued while it ran on {HERE}",
    ]


def test_repeated_and_falling_fences_are_found() -> None:
    found = [
        ran("a", HERE, 2, 1, 2, how="warned"),
        ran("a", HERE, 1, 3, 4),
        ran("b", HERE, 1, 5, 6),
    ]
    assert wrong(seen({"a": "ended", "b": "ended"}), found) == [
        "a: its fence 1 is another run's too",
        "b: its fence 1 is another run's too",
        "a: its fence was 2, and then 1",
    ]


def test_state_that_is_not_the_end_of_the_last_run_is_found() -> None:
    states = {"a": "ended", "b": "failed", "c": "stopped"}
    found = [ran("b", HERE, 1, 1, 2), ran("c", HERE, 2, 1, 2, how="")]
    assert wrong(seen(states), found) == [
        "a: ended, and its last run is never run",
        "b: failed, and its last run is done",
        "c: stopped, and its last run is without an end",
    ]


def test_lost_job_of_a_worker_that_was_not_killed_is_found() -> None:
    assert wrong(seen({"a": "lost"}), [ran("a", HERE, 1, 1, 2, how="")]) == [
        f"a: lost, and its worker {HERE} was not killed"
    ]


def test_more_lost_jobs_than_kills_explain_are_found() -> None:
    states = {"a": "lost", "b": "lost"}
    assert wrong(seen(states, spare=2), []) == []
    words = "lost without a killed run, and kills explain 1 of 2"
    assert wrong(seen(states, spare=1), []) == [f"a: {words}", f"b: {words}"]


def test_lost_job_that_no_server_accepted_is_not_wrong() -> None:
    record = seen({"a": "lost"})
    record.accepted.clear()
    assert wrong(record, []) == []


def test_logs_are_read_as_runs() -> None:
    lines = ["start a h:1 1 1.0\n", "step a h:1 1 2.0\n", "warned a h:1 1 3.0\n", "start a h:"]
    assert runs(lines) == [Run("a", "h:1", 1, 1.0, [2.0], 3.0, "warned")]
    assert runs(lines[:2])[0].last == 2.0


def test_start_with_the_same_fence_is_a_run_of_its_own() -> None:
    lines = ["start a h:1 1 1.0\n", "start a h:1 1 2.0\n"]
    assert [run.start for run in runs(lines)] == [1.0, 2.0]


@pytest.mark.parametrize("line", ["step a h:1 1 2.0\n", "start a h:1 1 1.0 more\n", "start\n"])
def test_line_that_is_none_of_a_log_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"log has the line|unpack"):
        runs([line])


def test_tables_have_medians_with_ranges() -> None:
    times = {name: [0.001, 0.003, 0.01] for name in ("post", "start", "answer", "stop", "list")}
    result = {
        "rates": [{"queue": "Redis", "workers": 1, "ran": [3, 1, 2], "posted": [2000.4]}],
        "waits": [{"queue": "Redis", "workers": 1, "waiting": 1000, **times}],
        "design": {"threads": 4, "webs": 2},
        "platform": {"cores": 2, "python": "3", "huey": "4", "redis": "5"},
    }
    text = tables(result)
    assert "| Redis | 1 | 2,000 (2,000 to 2,000) | 2 (1 to 3) |\n" in text
    assert f"| Redis | 1,000 | 1 {'| 3 (1 to 10) ' * 5}|\n" in text


@pytest.mark.servers
@needs_redis
@pytest.mark.parametrize("how", [(), ("--gentle",)])
def test_small_cluster_has_nothing_wrong(how: tuple[str, ...]) -> None:
    command = (sys.executable, "-m", "tools.cluster", "100", "--endless", "4", "--seed", "1", *how)
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "0 wrong"
    assert "short: 100 accepted; " in done.stdout


@pytest.mark.servers
@needs_redis
def test_killed_cluster_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    mark = str(time.time_ns())
    environment = {**os.environ, MARK: mark, "TMPDIR": str(tmp_path)}
    command = (sys.executable, "-m", "tools.cluster", "10000")
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as run:
        until(lambda: any("tools.cluster.jobs" in line for line in marked(mark).values()))
        run.send_signal(signal.SIGKILL)
    until(lambda: not marked(mark))
    assert list(tmp_path.iterdir()) == []


def test_missing_redis_is_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.cluster", "1"],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "no redis-server is installed; type (as root): apt-get install redis-server\n"
    )
