"""The verdict on a process that runs already, from samples that are made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.spy import SpiedThread
from asgi_liveness.watching.judged import Condition, Finding, judge
from asgi_liveness.watching.sampled import Usage
from tests.kit.checking.windows import INSTALLED, LOOP, OTHER, RANDINT, REPORT, STANDARD
from tests.kit.watching.made_samples import (
    PROCESS,
    SERVER,
    THREAD,
    loop,
    sampled,
    waiting,
    worker,
)

MATCH = Frame(f"{STANDARD}/re/__init__.py", 166, "match")
SPIN = Frame("/srv/myapp/reports.py", 40, "spin")
UVLOOP = Frame(f"{INSTALLED}/uvloop/__init__.py", 96, "run")
IMPORT = Frame("<frozen importlib._bootstrap>", 1027, "_find_and_load")
CONTENDED = {PROCESS: Usage(ran=0.01, wakes=195.0)}
ASLEEP = {PROCESS: Usage(ran=0.0, wakes=2.0)}


def lines(finding: Finding) -> list[tuple[int, int, int]]:
    """The lines that a finding names, each with its samples, and with all of them."""
    return [(each.line, each.seen, each.looks) for each in finding.culprits]


# Frozen.


def test_a_loop_in_one_callback_that_takes_nothing_is_frozen() -> None:
    finding = judge(sampled(*[(loop(REPORT),)] * 5))
    assert finding.state is Condition.FROZEN
    assert finding.words == "the event loop's thread stood in one place in 5 of 5 samples"
    assert lines(finding) == [(12, 5, 5)]
    assert finding.culprits[0].way == ("uvicorn", "starlette", "fastapi", "report()")
    assert "More: asgi-liveness explain stalled" in finding.advice
    assert finding.notes == ()


def test_a_frozen_loop_over_helpers_is_blamed_and_not_a_helper() -> None:
    helpers = [Frame("/srv/myapp/helpers.py", 3, "one"), Frame("/srv/myapp/helpers.py", 9, "two")]
    finding = judge(sampled(*[(loop(helpers[at % 2], REPORT),) for at in range(6)]))
    assert finding.state is Condition.FROZEN
    assert lines(finding) == [(12, 6, 6)]


def test_a_loop_that_took_a_connection_is_busy_however_equal_its_stacks() -> None:
    finding = judge(sampled(*[(loop(REPORT),)] * 60, took=True))
    assert finding.state is Condition.BUSY
    assert finding.words == "the event loop waited for events in 0 of 60 samples"
    assert lines(finding) == [(12, 60, 60)]
    assert finding.notes == ()


def test_one_sample_that_waits_for_events_shows_a_loop_that_runs() -> None:
    finding = judge(sampled(*[(loop(REPORT),)] * 9, (waiting(),)))
    assert finding.state is Condition.BUSY
    assert finding.words == "the event loop waited for events in 1 of 10 samples"


def test_two_callbacks_are_not_one_place() -> None:
    other = SpiedThread(PROCESS, True, (OTHER, *LOOP))
    finding = judge(sampled(*[(loop(REPORT),), (other,)] * 5))
    assert finding.state is Condition.BUSY
    assert lines(finding) == [(12, 5, 10), (3, 5, 10)]
    assert finding.notes == ("it took no connection from its port meanwhile",)


def test_a_frozen_server_without_code_of_the_app_has_a_line() -> None:
    send = Frame(f"{INSTALLED}/uvicorn/protocols/http/h11_impl.py", 77, "write")
    finding = judge(sampled(*[(SpiedThread(PROCESS, False, (send, *LOOP)),)] * 4))
    assert finding.state is Condition.FROZEN
    assert lines(finding) == [(77, 4, 4)]


def test_c_code_that_holds_the_gil_has_its_own_advice() -> None:
    finding = judge(sampled(*[(loop(MATCH, REPORT),)] * 4))
    assert "C code that holds the GIL" in finding.advice
    released = judge(sampled(*[(loop(MATCH, REPORT, holds_gil=False),)] * 4))
    assert released.state is Condition.FROZEN
    assert "the GIL" not in released.advice


def test_a_frozen_loop_on_uvloop_needs_no_frame_of_asyncio() -> None:
    finding = judge(sampled(*[(SpiedThread(PROCESS, True, (REPORT, UVLOOP)),)] * 4))
    assert (finding.state, lines(finding)) == (Condition.FROZEN, [(12, 4, 4)])


# Nobody knows whether it took a connection.

YIELDS = "async def report():\n    while True:\n        work()\n        await other()\n"
STAYS = "async def report():\n    await other()\n    while True:\n        work()\n"


@pytest.mark.parametrize(
    ("source", "line", "state"), [(STAYS, 4, Condition.FROZEN), (YIELDS, 3, Condition.BUSY)]
)
def test_samples_alone_decide_where_no_loop_on_the_stack_awaits(
    source: str, line: int, state: Condition, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(source)
    frame = Frame(str(tmp_path / "app.py"), line, "report")
    finding = judge(sampled(*[(loop(frame),)] * 5, took=None))
    assert finding.state is state
    assert lines(finding) == [(line, 5, 5)]
    (note,) = finding.notes
    assert note.endswith(": nobody knows")


# Another thread.


def test_a_thread_that_never_releases_the_gil_freezes_the_loop() -> None:
    dumps = [(waiting(), worker(MATCH, holds_gil=True))] * 5
    finding = judge(sampled(*dumps, used=CONTENDED))
    assert finding.state is Condition.FROZEN
    assert "another thread held the GIL in 5 of 5 samples" in finding.words
    assert lines(finding) == [(166, 5, 5)]
    assert "blocks the event loop from its thread as well" in finding.advice


@pytest.mark.parametrize("took", [True, None])
def test_a_thread_that_shares_the_gil_makes_the_loop_busy(took: bool | None) -> None:
    dumps = [(waiting(), worker(SPIN, holds_gil=True))] * 5
    finding = judge(sampled(*dumps, took=took, used=ASLEEP))
    assert finding.state is Condition.BUSY
    assert lines(finding) == [(40, 5, 5)]
    assert "share the GIL" in finding.advice


def test_a_loop_that_sleeps_in_a_call_is_not_kept_from_the_gil() -> None:
    dumps = [(loop(REPORT, holds_gil=False), worker(SPIN, holds_gil=True))] * 5
    assert lines(judge(sampled(*dumps, used=ASLEEP))) == [(12, 5, 5)]
    assert lines(judge(sampled(*dumps, used=CONTENDED))) == [(40, 5, 5)]


def test_a_loop_that_holds_the_gil_itself_is_not_kept_from_it() -> None:
    shared = [(waiting(), worker(SPIN, holds_gil=True))] * 19
    finding = judge(sampled(*shared, (loop(REPORT),), used=CONTENDED))
    assert finding.state is Condition.BUSY


# Live.


def test_a_loop_that_waits_for_events_is_live() -> None:
    finding = judge(sampled(*[(waiting(),)] * 58, *[(loop(REPORT),)] * 2, took=True))
    assert finding == Finding(
        Condition.LIVE, "the event loop waited for events in 58 of 60 samples"
    )


def test_an_idle_loop_on_uvloop_is_live() -> None:
    finding = judge(sampled(*[(SpiedThread(PROCESS, False, (UVLOOP,)),)] * 4, took=True))
    assert finding.state is Condition.LIVE


def test_an_idle_loop_that_takes_no_connection_is_live_with_a_note() -> None:
    finding = judge(sampled(*[(waiting(),)] * 5))
    assert finding.state is Condition.LIVE
    assert finding.notes == ("it took no connection from its port meanwhile",)


def test_of_several_loops_that_which_waits_least_is_judged() -> None:
    idle = SpiedThread(THREAD, False, waiting().stack)
    assert judge(sampled(*[(idle, loop(REPORT))] * 5)).state is Condition.FROZEN


# Neither.


def test_an_import_is_no_freeze() -> None:
    stack = (Frame("/srv/myapp/models.py", 3, "<module>"), IMPORT, *SERVER)
    finding = judge(sampled(*[(SpiedThread(PROCESS, True, stack),)] * 4))
    assert finding.state is Condition.BUSY
    assert finding.words == "the app is being imported, in 4 of 4 samples"
    assert lines(finding) == [(3, 4, 4)]


def test_an_import_before_the_loop_runs_is_found_in_the_main_thread() -> None:
    stack = (Frame("/srv/myapp/models.py", 3, "<module>"), IMPORT)
    finding = judge(sampled(*[(SpiedThread(PROCESS, True, stack),)] * 4, took=None))
    assert "is being imported" in finding.words


def test_too_few_samples_are_inconclusive_and_say_why() -> None:
    finding = judge(sampled((loop(REPORT),), refused="process 7 has ended"))
    assert finding == Finding(Condition.UNCLEAR, "py-spy gave only 1 sample: process 7 has ended")


def test_a_busy_loop_names_three_lines_at_most_and_the_most_frequent_first() -> None:
    frames = [REPORT, OTHER, RANDINT._replace(file="/srv/myapp/a.py"), SPIN]
    dumps = [(loop(frame),) for at, frame in enumerate(frames) for _ in range(5 - at)]
    finding = judge(sampled(*dumps, took=True))
    assert lines(finding) == [(12, 5, 14), (3, 4, 14), (362, 3, 14)]
