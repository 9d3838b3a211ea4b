"""The benches can miss their goals: what they count and how they judge it."""

from __future__ import annotations

import asyncio
import os
import random
import signal

import pytest

from asgi_liveness.checking.stalls import Stall
from asgi_liveness.verdict import Answer, Probe
from tools.heartbeat import interval, rank
from tools.stall_soak import Life, soak
from tools.stalls import SOURCE, Tally

DICE = random.Random(0)  # noqa: S311 (no secret)
APP = f"/app/{SOURCE}"


def call(sent: float, over: float | None = None) -> Probe:
    return Probe("/compute", sent, sent, Answer(at=over) if over else None)


def stall(began: float, length: float, file: str = APP, line: int = 0) -> Stall:
    return Stall(began, length, (), (file, line, "compute") if line else None)


def test_a_stall_is_named_by_its_own_line() -> None:
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


def test_a_stall_that_nobody_asked_for_is_blamed_falsely() -> None:
    tally = Tally(lines=(7,))
    tally.add([call(1.0, 1.02)], [stall(1.0, 0.02, line=7), stall(1.5, 0.02, line=7)])
    assert (tally.named, len(tally.elsewhere), tally.nameless) == (1, 1, 0)
    assert not tally.well


def test_a_call_that_the_window_cut_off_counts_for_nothing() -> None:
    tally = Tally(lines=(7,))
    tally.add([call(1.0)], [stall(1.0, 0.02, line=7), stall(0.5, 0.02)])
    assert (tally.stalled, tally.elsewhere, tally.nameless) == (0, [], 1)
    assert not tally.well


@pytest.mark.parametrize(("named", "well"), [(38, True), (37, False)])
def test_nineteen_of_twenty_must_be_named(named: int, well: bool) -> None:
    assert Tally(lines=(), stalled=40, found=40, named=named).well is well


def test_the_interval_leaves_a_fortieth_on_each_side_at_the_most() -> None:
    assert [rank(pairs) for pairs in (5, 6, 20, 60, 100)] == [0, 1, 6, 22, 40]
    ratios = [0.9 + number / 1000 for number in range(60)]
    DICE.shuffle(ratios)
    assert interval(ratios) == pytest.approx((0.921, 0.938))


def test_a_watched_process_that_crashes_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def crash(life: Life, _: float) -> None:
        os.kill(life.app.pid, signal.SIGSEGV)

    monkeypatch.setattr(Life, "_weigh", crash)
    assert not asyncio.run(soak("asyncio", 60.0, DICE))
    assert f"ended with {-signal.SIGSEGV}" in capsys.readouterr().err
