"""The benches count and judge rightly, and each can miss its goal."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
from pathlib import Path

import pytest

from asgi_liveness.probing.response import Response, SentRequest
from asgi_liveness.serving.records import Frame
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS
from asgi_liveness.stalls.line import Line
from asgi_liveness.stalls.stalls import Stall
from tools.bench import frontier, pace_goals, picture, prober
from tools.bench.engine_table import GOES_ON, LOST, TWICE, table
from tools.bench.engines import Sample, fate
from tools.bench.goals import Goals
from tools.bench.heartbeat import interval, rank
from tools.bench.loops import NUMBERS
from tools.bench.stalls import SOURCE, Tally
from tools.endurance.stall_soak import StalledServer, soak

HANG = 0.4  # seconds
HANGS = f"""\
import time
asked = 0
async def app(scope, receive, send):
    global asked
    if scope["type"] == "http":
        asked += 1
        if asked == 10:
            time.sleep({HANG})
        headers = [(b"content-length", b"2")]
        await send({{"type": "http.response.start", "status": 200, "headers": headers}})
        await send({{"type": "http.response.body", "body": b"{{}}"}})
"""
DICE = random.Random(0)  # noqa: S311 (no secret)
APP = f"/app/{SOURCE}"


def call(sent: float, ended: float | None = None) -> SentRequest:
    """A call that stalls the app; the window cut it off if it has no end."""
    return SentRequest("/compute", sent, sent, Response(at=ended) if ended else None)


def stall(began: float, length: float, file: str = APP, line: int = 0) -> Stall:
    """A stall that was found; line 0 means without a culprit."""
    frame = Frame(file, line, "compute")
    return Stall(began, length, (), Line(frame, None, 1, (frame,)) if line else None)


def test_a_stall_is_named_only_by_its_own_line() -> None:
    tally = Tally(lines=(7, 8))
    found = [
        stall(0.99, 0.02, line=7),
        stall(2.0, 0.02, line=9),
        stall(3.0, 0.02),
        stall(4.0, 0.02, "/app/other.py", line=7),
    ]
    calls = [call(1.0, 1.02), call(2.0, 2.02), call(3.0, 3.02), call(4.0, 4.02), call(5.0, 5.02)]
    tally.add(calls, found)
    assert (tally.stalled, tally.found, tally.named) == (5, 4, 1)
    assert tally.elsewhere == [f"{APP}:9 in compute, called", "/app/other.py:7 in compute, called"]
    assert not tally.well


def test_a_culprit_without_a_call_is_wrong() -> None:
    tally = Tally(lines=(7,))
    tally.add([call(1.0, 1.02)], [stall(1.0, 0.02, line=7), stall(1.5, 0.02, line=7)])
    assert (tally.named, len(tally.elsewhere), tally.nameless) == (1, 1, 0)
    assert not tally.well


def test_a_call_that_the_window_cut_off_does_not_count() -> None:
    tally = Tally(lines=(7,))
    tally.add([call(1.0)], [stall(1.0, 0.02, line=7), stall(0.5, 0.02)])
    assert (tally.stalled, tally.elsewhere, tally.nameless) == (0, [], 1)
    assert not tally.well


@pytest.mark.parametrize(("named", "well"), [(38, True), (37, False)])
def test_nineteen_of_twenty_must_be_named(named: int, well: bool) -> None:
    assert Tally(lines=(), stalled=40, found=40, named=named).well is well


def test_the_interval_leaves_at_most_a_fortieth_on_each_side() -> None:
    assert [rank(pairs) for pairs in (5, 6, 20, 60, 100)] == [0, 1, 6, 22, 40]
    ratios = [0.9 + number / 1000 for number in range(60)]
    DICE.shuffle(ratios)
    assert interval(ratios) == pytest.approx((0.921, 0.938))


@pytest.mark.servers
def test_a_soak_reports_a_crash_of_the_watched_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crash(server: StalledServer, _: float) -> None:
        os.kill(server.app.pid, signal.SIGSEGV)

    monkeypatch.setattr(StalledServer, "_weigh", crash)
    assert not asyncio.run(soak("asyncio", 60.0, DICE))
    assert f"ended with {-signal.SIGSEGV}" in capsys.readouterr().err


def block(p50: float = 1.0, rate: float = 100.0, wait: int = 2000) -> frontier.Block:
    """A block of the way ``sleep(0)`` with these values in the control after it."""
    found = frontier.Block("quart", "hypercorn", 10, frontier.Control(1.0, 100.0))
    found.after = frontier.Control(p50, rate)
    for way in (picture.NOTHING, "sleep(0)"):
        found.histograms[way] = prober.histogram()
        found.histograms[way].record_value(wait)
    found.speeds["sleep(0)"] = rate / 1000
    found.waits["sleep(0)"] = frontier.percentiles(found.histograms["sleep(0)"])
    return found


@pytest.mark.parametrize(
    ("p50", "rate", "noisy"),
    [(1.9, 100.0, False), (2.1, 100.0, True), (0.4, 100.0, True), (1.0, 79.0, True)],
)
def test_a_block_is_noisy_if_its_controls_differ_too_much(
    p50: float, rate: float, noisy: bool
) -> None:
    assert block(p50, rate).noisy is noisy


def test_a_noisy_block_is_left_out() -> None:
    rows = frontier.pooled([block(), block(wait=4000), block(p50=9.0, wait=9000)])
    nothing, way = rows
    assert (nothing["way"], nothing["speed"], nothing["probes"]) == ("(nothing)", None, 2)
    assert (way["way"], way["loops"], way["speed"]) == ("sleep(0)", 10, 0.1)
    assert (round(way["p50"]), round(way["p99"])) == (2, 4)
    assert frontier.pooled([block(p50=9.0)]) == []


def test_a_run_with_only_noisy_blocks_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frontier.publish({"pooled": [], "noisy": 4}, tmp_path / "new") == 1
    assert "every block was too noisy" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["frontier.json"]


def test_a_way_with_unanswered_probes_has_no_waits() -> None:
    frozen = block()
    frozen.waits["sleep(0)"] = {}
    assert [row["way"] for row in frontier.pooled([frozen])] == ["(nothing)"]


def test_no_point_beats_a_point_of_the_frontier() -> None:
    points = [(0.9, 2.0), (0.5, 1.0), (0.4, 1.5), (0.9, 3.0), (1.1, 9.0), (0.5, 1.2)]
    assert picture.frontier(points) == [(1.1, 9.0), (0.9, 2.0), (0.5, 1.0)]


@pytest.mark.parametrize(("found", "missed"), [(0.9, 1), (0.95, 0), (1.0, 0)])
def test_a_goal_can_be_missed(found: float, missed: int) -> None:
    goals = Goals()
    for number in (0.96, found):
        goals.add("speed", number, 0.95, least=True)
        goals.add("wait", 1.9 - number, 0.95)
    for goal in goals.values():
        assert goal.missed == missed
        assert str(goal).endswith("missed in 1 of 2" if missed else "holds")
    assert goals["speed"].worst == min(found, 0.96)


def test_a_goal_of_pace_that_is_missed_says_what_bounds_it() -> None:
    ways = ("slices 1 ms", "only passes", "await nothing", "Pace 1 ms", "bare")
    low = ["share", "share of bare", "requests", "least", "Pace 1 ms of await nothing"]
    low += [f"{way} of bare" for way in ways]
    high = ["most", *(f"{way} p{share}" for way in pace_goals.SPELLINGS for share in (50, 99))]
    found = {(name, number): [0.01] for name in low for number in NUMBERS}
    found |= {(name, number): [9.0 * number] for name in high for number in NUMBERS}
    found |= {(f"idle p{share}", number): [0.5, 1.5] for share in (50, 99) for number in NUMBERS}
    goals = Goals()
    for _ in range(2):
        pace_goals.judge(found, goals)
    judged = [goal for goal in goals.values() if goal.limit is not None]
    assert len(judged) >= 16
    for goal in judged:
        assert re.search(r"missed in 2 of 2: \w+", str(goal))
    by_slices = goals["speed of 1 by slices, of the bare loop's"]
    assert str(by_slices).endswith(": the passes of the event loop alone leave 0.010")


def test_a_number_without_a_limit_is_recorded_and_cannot_miss() -> None:
    goals = Goals()
    goals.add("share", 0.0, None, least=True)
    assert not goals["share"].missed
    assert str(goals["share"]).split() == ["(share)", "0.000", "0.000"]


def samples(*steps: list[int]) -> list[Sample]:
    """What a bench of engines saw: one list of steps in each second."""
    return [Sample(float(at), each) for at, each in enumerate(steps)]


def test_a_job_runs_twice_only_if_two_loops_step_for_a_while() -> None:
    handed_over = samples([5], [9], [11, 1], [11, 7], [11, 9])
    assert fate(handed_over, gone=2.0) == GOES_ON
    assert fate(samples([5], [9, 1], [11, 3], [12, 7], [12, 9]), gone=2.0) == TWICE
    assert fate(samples([5], [9], [11], [11], [11]), gone=2.0) == LOST
    assert fate(samples([5], [9], [9], [9, 0], [9, 0]), gone=2.0) == LOST


def test_a_table_of_engines_says_how_many_did_not_end() -> None:
    row = {"starts": [0.1, 0.3, 0.2], "stops": [0.1], "fates": [LOST, TWICE, LOST]}
    result = {"versions": {"huey": "3"}, "cores": 2, "limit": 15.0}
    late = table(result | {"engines": {"huey": row | {"ends": [None, None]}}})
    assert "| 200 ms | 100 ms | not within 15 s | is lost (2 of 3), runs twice" in late
    some = table(result | {"engines": {"huey": row | {"ends": [1.0, None, 2.0]}}})
    assert "| 1.50 s; 1 of 3 not within 15 s |" in some


@pytest.mark.servers
def test_a_wait_counts_from_the_time_the_probe_was_due(tmp_path: Path) -> None:
    """The app hangs for a while: each probe that was due meanwhile waits until it continues."""
    (tmp_path / "hangs.py").write_text(HANGS)

    async def probed(server: Server) -> list[float]:
        await server.ready()
        probes = prober.Prober(server)
        await probes.probe(0.05, 0.01)
        waits, lost = await probes.probe(0.4, 0.01)
        probes.close()
        assert lost == 0
        assert waits.get_total_count() == 40
        return [waits.get_value_at_percentile(share) / 1e6 for share in (50, 100)]

    with Server(SERVERS[0], "hangs:app", app_dir=str(tmp_path)) as server:
        found = list[list[float]]()

        async def main() -> None:
            found.append(await probed(server))

        prober.run(main())
    (median, longest) = found[0]
    assert longest > HANG - 0.02
    assert 0.2 * longest < median < longest
