"""The tables of how costs grow, what the page says of the bounds, and the process of a size."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asgi_liveness.checking import planned, watch
from asgi_liveness.checking.options import DEFAULTS
from asgi_liveness.checking.windows import IDLE_LIMIT
from asgi_liveness.conformance.places import Places
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.inside.injected import board_file, layout, stacks, watcher
from asgi_liveness.inside.injected.pulse import SECOND
from asgi_liveness.serving import lines
from asgi_liveness.stalls import sampler, spy
from asgi_liveness.watching import observer, run
from tools.bench import scale, scaled
from tools.bench.scale import LEAST, WHOLE, Size, said, started
from tools.bench.scale_table import MATRIX, NONE, SAMPLES, tables
from tools.comparison import ROOT

PAGE = " ".join((ROOT / "docs" / "explanation" / "scale.md").read_text().split())
SAMPLE = dict(
    zip(
        ("threads", "depth", "tasks", "stack", "all_threads", "all_tasks", "as_json", "bytes"),
        (1, 10, 10_000, 0.0312, 1.25, 16.5, 0.5, 1_234_567),
        strict=True,
    ),
    dump=31.4,
)
IDLE = {"threads": 1, "depth": 10, "tasks": 1, "alone": 0.0, "heartbeat": 18.0, "watched": 19.0}
MATRIX_ROW = {"frameworks": 1, "servers": 3, "verdicts": 51, "wall": 11.8, "starts": 2.1}
RESULT: dict[str, Any] = {
    "versions": {"py-spy": "1.0"},
    "python": "3.11.7",
    "system": "Linux, 2 cores",
    "quick": False,
    "sizes": [SAMPLE],
    "idle": [{**IDLE, "watch": 9.96}],
    "workers": [{"workers": 8, "watch": 38.2, "keeper": 0.5, "servers": 150.0}],
    "matrix": [{**MATRIX_ROW, "windows": 9.1}],
}


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "results" / "scale.json").read_text())
    return found


def test_rows_have_the_columns_of_their_heads() -> None:
    text = tables(RESULT)
    assert f"| {' | '.join(SAMPLES.values())} |" in text
    assert "| 1 | 10 | 10,000 | 0.03 | 1.2 | 16 | 0.50 | 1,235 | 31 |" in text
    assert "| 1 | 10 | 1 | 0.00 | 18 | 19 | 10.0 |" in text
    assert "| 8 | 38 | 0.50 | 150 |" in text
    assert "| 1 | 3 | 51 | 12 | 2.1 | 9.1 |" in text
    assert text.endswith("\n\npy-spy 1.0 · Python 3.11.7 · Linux, 2 cores.\n")


def test_dump_that_failed_has_its_reason_below() -> None:
    refused = {**SAMPLE, "dump": None, "refused": "py-spy did not end within 1 s"}
    text = tables({**RESULT, "sizes": [SAMPLE, refused]})
    assert f"| 1,235 | {NONE} |" in text
    assert f"\n\n{NONE}: py-spy did not end within 1 s. py-spy 1.0" in text


def test_quick_run_says_so() -> None:
    assert "A quick run" not in tables(RESULT)
    assert "A quick run" in tables({**RESULT, "quick": True})


def test_whole_comparison_stands_below_its_parts() -> None:
    whole = {"starts": 5.0, "windows": 287.1, "ends": 497.2, "rest": 2.4}
    assert "took 792 s: 287 s of windows and 497 s of endings." in tables(RESULT, whole)


def test_table_of_no_rows_has_its_head() -> None:
    text = tables({**RESULT, "matrix": []})
    assert f"| {' | '.join(MATRIX.values())} |\n|{' --- |' * len(MATRIX)}\n\n" in text


@pytest.mark.parametrize(
    "words",
    [
        f"for {layout.LOOPS} event loops, and a fixed size of about {layout.SIZE / 1000:.0f} KB",
        f"every {layout.period(DEFAULTS['max_stall']) * 1000:.0f} ms in each event loop",
        f"every {watcher._REST * 1000:.0f} ms; every 10 ms once a beat is late by half",
        f"keeps {stacks._MOST_FRAMES} frames of a stack at most",
        f"walks {stacks._MOST_TASKS} of them at most",
        f"gives the GIL to the event loop's thread after {sys.getswitchinterval() * 1000:.0f} ms",
        f"a file of more than {board_file._MOST >> 20} MiB",
        f"longer than {lines._LONG >> 20} MiB",
        f"by the watch at {1 / observer._EVERY:.0f} times a second",
        f"by the check at {1 / sampler._EVERY:.0f} times a second",
        f"at most every {sampler._DUMPS:g} s. After a dump",
        f"a dump that took longer than {sampler._SLOW:g} s",
        f"takes longer than {spy._LIMIT:g} s is given up",
        f"an idle window of {IDLE_LIMIT:.0f} s",
        f"a window of {DEFAULTS['duration']:.0f} s (`--duration`)",
        f"calls {planned.MOST} routes at most",
        f"Probes leave every {watch.INTERVAL * 1000:.0f} ms",
    ],
)
def test_page_has_the_bounds_of_the_code(words: str) -> None:
    assert words in PAGE


def test_page_has_bounds_in_words() -> None:
    assert (run._SECOND, run._THREADS, sampler._REQUESTS) == (1.0, 2, 0.5)
    assert (
        "requests them once a second, and only if a process of the command has more than two"
        in (PAGE)
    )
    assert "every half second while a probe waits" in PAGE
    assert (observer._KEPT, watch.LONGEST, sampler._REST) == (5.0, 4, 3)
    for words in ("of the last five seconds", "up to four times", "rests for twice as long"):
        assert words in PAGE
    # The places of one core; the machine of this test may have more.
    assert Places.most % 8 == 0
    assert "8 servers for each core" in PAGE


def test_samples_get_rarer_as_the_page_says() -> None:
    taken = list[int]()
    rare = object.__new__(watcher.Watcher)
    period = int(layout.period(DEFAULTS["max_stall"]) * SECOND)
    limit = int(DEFAULTS["max_stall"] * SECOND)
    rare._counts, rare._limit, rare._late = False, limit, limit + period
    rare._rest = max(period, min(limit // 2, SECOND // 10))
    rare._sample = lambda pulse: taken.append(pulse.sampled)  # type: ignore[method-assign]
    pulse: Any = SimpleNamespace(last=0, sampled=0, half=0)
    for now in range(0, 3600 * SECOND, period):
        rare._look(pulse, now)
    early = sum(at <= 5 * SECOND for at in taken)
    assert early == pytest.approx(50, abs=3)
    assert len(taken) == pytest.approx(380, abs=10)
    assert "seconds have about 50 samples" in PAGE
    assert "an hour has about 380." in PAGE


def test_claims_about_scale_were_measured() -> None:
    found = recorded()
    assert not found["quick"]
    sizes = {Size(*(row[name] for name in Size._fields)): row for row in found["sizes"]}
    assert list(sizes) == list(WHOLE.sizes)
    least, threads, tasks = (
        sizes[size] for size in (LEAST, LEAST._replace(threads=500), LEAST._replace(tasks=10_000))
    )
    assert threads["all_threads"] > 100 * least["all_threads"]
    assert tasks["stack"] < 3 * least["stack"]
    assert threads["stack"] < threads["all_threads"] / 20  # a small part
    assert threads["dump"] > 3 * least["dump"]
    assert tasks["dump"] < 2 * least["dump"]
    idle = {Size(*(row[name] for name in Size._fields)): row for row in found["idle"]}
    assert list(idle) == list(WHOLE.idle)
    one, *_, most = idle.values()
    assert most["watched"] + most["watch"] > 3 * (one["watched"] + one["watch"])
    beats = [row["heartbeat"] for row in idle.values()]
    assert max(beats) < 2 * min(beats)
    workers = {row["workers"]: row["watch"] for row in found["workers"]}
    assert list(workers) == list(WHOLE.workers)
    assert workers[1] < workers[8] < 8 * workers[1]
    matrix = {(row["frameworks"], row["servers"]): row["wall"] for row in found["matrix"]}
    assert list(matrix) == list(WHOLE.columns)
    assert matrix[1, 1] < matrix[1, 3] < matrix[3, 3]


def test_endings_take_nearly_half_of_the_comparison() -> None:
    seconds = ConformanceReport.load(ROOT / "results" / "comparison.json").seconds
    assert "They take nearly half of a whole comparison" in PAGE
    assert 0.4 < seconds["ends"] / sum(seconds.values()) < 0.5


def test_process_has_its_size() -> None:
    code = (
        "import sys, threading; from tools.bench import scaled;"
        "scaled.start_threads(3, 20);"
        "frames = sys._current_frames().values();"
        "from asgi_liveness.inside.injected.stacks import callers;"
        "print(threading.active_count(), sum(f.f_code.co_name == 'descend'"
        " for frame in frames for f in callers(frame)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["4", "60"]


def test_median_of_a_sample_comes_from_several() -> None:
    calls = list[int]()
    assert scaled.timed(lambda: calls.append(threading.get_ident()), 0.0) >= 0
    assert len(calls) == scaled.FEWEST


def test_task_has_its_depth() -> None:
    async def found() -> list[tuple[int, list[stacks.Entry]]]:
        tasks = [asyncio.create_task(scaled.wait_within(scaled.DEEP)) for _ in range(3)]
        await asyncio.sleep(0)
        try:
            return stacks.of_tasks([asyncio.get_running_loop()])
        finally:
            for task in tasks:
                task.cancel()

    assert (3, scaled.DEEP) in [(count, len(stack)) for count, stack in asyncio.run(found())]


@pytest.mark.servers
def test_process_says_its_times_when_it_is_ready() -> None:
    with started(*Size(2, 30, 3).words, "--timed", "0.01") as server:
        found = said(server)
    assert found["pid"] == server.pid
    assert set(found) == {"pid", "stack", "all_threads", "all_tasks", "as_json", "bytes"}


@pytest.mark.servers
def test_quick_run_measures_all_parts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Without the comparison: on a busy machine it may end with other outcomes.
    plan = scale.QUICK._replace(columns=(), seconds=1)
    monkeypatch.setattr(scale, "QUICK", plan)
    path = tmp_path / "scale.json"
    monkeypatch.setattr(sys, "argv", ["scale", "--quick", "--output", str(path)])
    assert scale.main() == 0
    found = json.loads(path.read_text())
    assert [len(found[part]) for part in ("sizes", "idle", "workers")] == [4, 2, 2]
    for row in found["idle"]:
        assert row["heartbeat"] > row["alone"]
    assert capsys.readouterr().out.endswith(tables(found) + "\n")
