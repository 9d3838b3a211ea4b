"""What a watch prints."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from asgi_liveness.foreign import plain
from asgi_liveness.stalls.culprit import Culprit
from asgi_liveness.watching.report import CulpritRow, WatchReport
from asgi_liveness.watching.screen import stall_line, starved_line, summary
from asgi_liveness.watching.starvation import Starvation
from tests.kit.watching.made import CULPRIT, named_stall

LOGIN = Culprit("app/login.py", 40, "login", "bcrypt.checkpw(...)", way=("fastapi", "bcrypt"))
ROW = CulpritRow(CULPRIT, "", 5, 8.1, 3.1, {"GET /report": 5}, "Do it. More: explain", True)
FULL = Starvation(7, "thread pool", 40, 0.0, 12.0, False, "app/chat.py:31", 39)
REPORT = WatchReport("uvicorn", 0.2, 252.4, 2, (ROW,), (), 0.001, 0.007)


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def paint(text: str, word: str) -> str:
    return f"<{word}>{text}"


def bare(text: str, _: str) -> str:
    return text


def test_the_line_of_a_stall_says_when_how_long_where_and_in_which_request() -> None:
    text = stall_line(named_stall(0.8, goes_on=True, at=3600.0), 0, paint)
    assert " ".join(text.split()) == (
        "<stalled>stalled 01:00:00 0.8 s so far app/report.py:12 in report() GET /report pid 7"
    )


@pytest.mark.parametrize(
    ("before", "counted"), [(0, ""), (1, "2nd"), (2, "3rd"), (3, "4th"), (10, "11th"), (20, "21st")]
)
def test_the_line_of_a_stall_says_how_often_there_was_one(before: int, counted: str) -> None:
    text = stall_line(named_stall(3.1), before, bare)
    assert ("time)" in text) == bool(counted)
    assert f"({counted} time)" in text or not counted
    assert "3.1 s  " in text
    assert "so far" not in text


def test_the_line_of_a_stall_without_a_culprit_says_why() -> None:
    text = stall_line(named_stall(culprit=None, because="too short to see"), 0, bare)
    assert "(too short to see)" in text


def test_the_line_of_a_full_pool_says_where_its_threads_are() -> None:
    full = "00:00:12  thread pool full, 39 of 40 threads at app/chat.py:31  pid 7"
    assert starved_line(replace(FULL, goes_on=True), bare) == f"starved {full}"
    assert "thread pool was full for 12.0 s, 39 of 40" in starved_line(FULL, bare)


def test_text_of_the_app_controls_no_terminal() -> None:
    text = stall_line(named_stall(request="GET /\x1b[2J\n/evil"), 0, bare)
    assert text == plain(text)


def test_a_summary_of_a_live_app_is_two_lines() -> None:
    live = replace(REPORT, culprits=(), processes=1)
    assert summary(live, paint) == (
        "<live>watched 4 min 12 s, 1 process · no stall longer than 200 ms\n\n"
        "  the loop was late by 1 ms (p50), 7 ms (p99)\n"
    )


def test_a_summary_lists_culprits_pools_and_advice() -> None:
    rows = (
        ROW,
        CulpritRow(LOGIN, "C code that holds the GIL", 1, 1.3, 1.3, {}, ROW.advice, True),
        CulpritRow(None, "too short to see", 1, 0.3, 0.3, {}, "", False),
    )
    text = summary(replace(REPORT, culprits=rows, starved=(FULL,)), bare)
    silent = "silent for 9.7 s in 7 stalls longer than 200 ms"
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines == [
        f"watched 4 min 12 s, 2 processes · event loop {silent}",
        "",
        "stalls total longest where",
        "5 8.1 s 3.1 s app/report.py:12 in report() for row in rows:",
        "GET /report",
        "1 1.3 s 1.3 s app/login.py:40 in login() bcrypt.checkpw(...) C code that holds the GIL",
        "1 0.3 s 0.3 s (too short to see)",
        "",
        "thread pool full for 12.0 s, 39 of 40 threads at app/chat.py:31",
        "",
        "app/report.py:12 in report()",
        "app/login.py:40 in login()",
        "how it got there: fastapi > bcrypt",
        "Do it.",
        "More: explain",
        "",
        "the rest of the time the loop was late by 1 ms (p50), 7 ms (p99)",
    ]


def test_a_summary_without_an_event_loop_says_so() -> None:
    text = summary(replace(REPORT, culprits=(), late_p50_s=None, notes=("No event loop.",)), bare)
    assert text.splitlines()[1:] == ["", "No event loop."]


@pytest.mark.parametrize(
    ("seconds", "shown"), [(59.94, "59.9 s"), (60, "1 min 0 s"), (7325, "2 h 2 min")]
)
def test_a_time_is_written_as_people_say_it(seconds: float, shown: str) -> None:
    assert f"watched {shown}," in summary(replace(REPORT, watched_s=seconds), bare)
