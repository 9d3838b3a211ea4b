"""A culprit has its source, and the kind of code that stalls there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from asgi_liveness.serving.records import Frame, Sample
from asgi_liveness.stalls.culprit import (
    Culprit,
    computes,
    culprit_at,
    kind,
    where,
)
from asgi_liveness.stalls.stalls import Stall
from tests.kit.checking.windows import (
    INSTALLED,
    OTHER,
    RANDINT,
    REPORT,
    sample,
    samples,
)

APP = """\
async def report():
    while True:
        work()
    wait()
"""
BACKGROUND = Frame(f"{INSTALLED}/starlette/background.py", 36, "__call__")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    return str(tmp_path / "app.py")


def stall(frame: Frame, *taken: Sample, ran: float | None = 1.0) -> Stall:
    return Stall(100.0, 1.0, taken or samples(frame), frame, seen=4, ran=ran)


def test_a_culprit_has_its_source_and_a_relative_path(app: str) -> None:
    assert culprit_at(Frame(app, 3, "report"), RANDINT, 3, 4) == Culprit(
        "app.py", 3, "report", "work()", RANDINT, seen=3, looks=4
    )
    assert where(Frame(app, 3, "report")) == "app.py:3"


def test_a_culprit_without_a_file_has_no_source() -> None:
    assert culprit_at(REPORT, None, 1, 1) == Culprit(*REPORT, "", None, seen=1, looks=1)
    assert where(REPORT) == "/srv/myapp/reports.py:12"


@pytest.mark.parametrize(
    ("ran", "computing"), [(None, True), (1.0, True), (0.6, True), (0.4, False)]
)
def test_a_thread_computes_if_it_ran_or_was_not_counted(
    ran: float | None, *, computing: bool
) -> None:
    assert computes(stall(REPORT, ran=ran)) is computing


def test_a_loop_that_computes_is_a_loop_and_other_lines_are_calls(app: str) -> None:
    assert kind(stall(Frame(app, 3, "report"))) == "loop"
    assert kind(stall(Frame(app, 3, "report"), ran=None)) == "loop"
    assert kind(stall(Frame(app, 3, "report"), ran=0.1)) == "call"
    assert kind(stall(Frame(app, 4, "report"))) == "call"
    assert kind(stall(REPORT)) == "call"


def test_a_background_task_is_one_also_in_a_loop(app: str) -> None:
    frame = Frame(app, 3, "report")
    assert kind(stall(frame, *samples(frame, BACKGROUND))) == "background"
    assert kind(stall(frame, sample(100.3, OTHER, BACKGROUND), sample(100.4, frame))) == "loop"


def test_c_code_that_holds_the_gil_comes_before_a_background_task(app: str) -> None:
    frame = Frame(app, 3, "report")
    held = samples(frame, BACKGROUND, gil_held=True)
    assert kind(stall(frame, *held)) == "gil"


def test_one_sample_of_a_held_gil_among_many_does_not_count(app: str) -> None:
    frame = Frame(app, 3, "report")
    taken = samples(frame, count=9)
    late = replace(taken[-1], gil_held=True)  # the watcher thread was late once
    assert kind(stall(frame, *taken[:-1], late)) == "loop"
