"""The verdict on a window, its culprit, and its numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.checking.judge import Judge
from asgi_liveness.checking.observation import CheckObservation
from asgi_liveness.checking.report import Probes, Verdict, WindowReport
from asgi_liveness.checking.watch import INTERVAL
from asgi_liveness.page.timeline import timeline
from asgi_liveness.serving.records import Frame, Pool, Sample
from asgi_liveness.stalls import quote
from asgi_liveness.stalls.advice import Kind, advice
from asgi_liveness.stalls.criteria import Criteria
from tests.kit.checking.windows import (
    BEGAN,
    ENDED,
    FROZEN,
    IDLE,
    IDLE_WORKER,
    INSTALLED,
    JUDGE,
    LIMIT,
    OTHER,
    PERIOD,
    RANDINT,
    REPORT,
    SELECTING,
    WORKER,
    about,
    during,
    end,
    heartbeat,
    probes,
    sample,
    samples,
    stalled,
    thread,
    window,
)

# Live, and stalled.


def test_an_event_loop_that_runs_is_live() -> None:
    route = during(IDLE)
    assert route == WindowReport(
        "GET /report",
        Verdict.LIVE,
        Probes(40, 40),
        longest_stall_s=0.0,
        idle_stall_s=0.0,
        longest_silence_s=about(0.003),
        strip="|" * 40,
        timeline=replace(timeline(IDLE.probes, IDLE.began, IDLE.ended), limit=200),
    )
    assert JUDGE.idle(IDLE) == replace(route, during=None)


def test_a_probe_that_was_answered_with_404_is_drawn_as_answered() -> None:
    refused = tuple(
        replace(probe, response=probe.response and replace(probe.response, status=404))
        for probe in IDLE.probes
    )
    route = during(replace(IDLE, probes=refused))
    assert route.timeline
    assert None not in route.timeline.waits
    assert {*route.timeline.statuses} == {404}


@pytest.mark.parametrize(
    ("changes", "undecided"),
    [
        ({"dumps": 2}, True),
        ({"dumps": 20}, False),
        ({"dumps": None}, False),
        ({"dumps": 2, "refused": "no"}, False),
        ({"dumps": 2, "probes": IDLE.probes}, False),
    ],
)
def test_a_silent_server_that_runs_already_is_watched_on_while_it_has_few_samples(
    changes: dict[str, Any], *, undecided: bool
) -> None:
    silent = replace(stalled(RANDINT, REPORT), heartbeats=(), samples=(), ends=())
    assert JUDGE.undecided(replace(silent, **changes)) is undecided


def test_a_window_keeps_its_stalls_and_their_samples() -> None:
    route = during(stalled(RANDINT, REPORT))
    assert route.timeline
    ((began, ended),) = route.timeline.stalls
    assert ended - began == round((ENDED - BEGAN - PERIOD) * 1000)
    (stack,) = route.stacks
    assert stack.frames[-2:] == (quote.frame(REPORT), quote.frame(RANDINT))
    assert route.culprit
    assert stack.samples == route.culprit.looks


def test_probes_that_could_not_be_sent_are_in_a_note() -> None:
    limited = replace(IDLE, unsent=7)
    for route in (during(limited), JUDGE.idle(limited)):
        (note,) = route.notes
        assert note.startswith("7 probes were not sent: as many as the limit on open files allows")


def test_a_stall_is_blamed_on_the_line_of_its_samples() -> None:
    route = during(stalled(RANDINT, REPORT))
    assert route.verdict is Verdict.STALLED
    assert route.probes == Probes(40, 0)
    assert route.longest_stall_s == about(ENDED - BEGAN - PERIOD)
    assert route.culprit
    assert (route.culprit.line, route.culprit.function) == (12, "report")
    assert route.culprit.below == Frame(*RANDINT)
    assert (route.culprit.seen, route.culprit.looks) == (4, 4)
    assert route.advice == advice(Kind.CALL)


def test_a_stall_counts_even_if_every_response_was_fast() -> None:
    route = during(window(ends=(end(),), samples=samples(REPORT)))
    assert (route.verdict, route.probes.answered) == (Verdict.STALLED, 40)


def test_late_responses_alone_are_no_stall() -> None:
    route = during(window((0.9,) * 40))
    assert (route.verdict, route.longest_stall_s) == (Verdict.LIVE, 0.0)
    assert route.because.startswith("slow: ")
    assert route.culprit is None


def test_the_limit_comes_from_the_criteria() -> None:
    observation = window(ends=(end(ended=BEGAN + 0.3),), samples=(sample(100.2, REPORT),))
    assert during(observation).verdict is Verdict.STALLED
    assert during(observation, judge=Judge(Criteria(0.5))).verdict is Verdict.LIVE


def test_the_package_of_the_app_comes_from_the_criteria() -> None:
    own = Frame(f"{INSTALLED}/myapp/views.py", 4, "view")
    below = Frame(f"{INSTALLED}/psycopg/cursor.py", 9, "execute")
    observation = stalled(below, own)
    of_app = during(observation, judge=Judge(Criteria(LIMIT, "myapp"))).culprit
    of_library = during(observation).culprit
    assert of_app
    assert of_library
    assert (of_app.function, of_library.function) == ("view", "execute")


def test_a_stall_in_the_selector_is_inconclusive() -> None:
    taken = tuple(replace(each, stack=SELECTING) for each in samples())
    route = during(stalled(samples=taken))
    assert (route.verdict, route.culprit) == (Verdict.INCONCLUSIVE, None)
    assert route.longest_stall_s == about(ENDED - BEGAN - PERIOD)


def test_the_culprit_is_in_the_function_with_the_most_samples() -> None:
    elsewhere = Frame(REPORT.file, 14, "report")
    observation = window(
        ends=(end(100.0, 100.5), end(100.6, 101.1), end(101.2, 101.9)),
        samples=(
            *samples(REPORT, count=2),
            *samples(RANDINT, elsewhere, began=100.6, count=2),
            *samples(OTHER, began=101.2, count=3),
        ),
    )
    culprit = during(observation).culprit
    assert culprit
    assert (culprit.function, culprit.seen, culprit.looks) == ("report", 4, 7)


def test_the_culprit_is_the_line_of_its_function_with_the_most_samples() -> None:
    elsewhere = Frame(REPORT.file, 14, "report")
    observation = window(
        ends=(end(100.0, 100.7), end(101.0, 101.9)),
        samples=(*samples(REPORT, count=2), *samples(RANDINT, elsewhere, began=101.0, count=4)),
    )
    culprit = during(observation).culprit
    assert culprit
    assert (culprit.line, culprit.below, culprit.seen) == (14, Frame(*RANDINT), 6)


def test_a_stall_without_a_line_does_not_hide_the_culprit_of_another() -> None:
    observation = window(ends=(end(), end(101.2, 101.9)), samples=samples(REPORT, began=101.2))
    route = during(observation)
    assert route.culprit
    assert (route.culprit.seen, route.culprit.looks) == (4, 4)
    assert route.longest_stall_s == about(1.0 - PERIOD)


# Responses.


@pytest.mark.parametrize("status", [200, 302, 404, 429, 500, 503])
def test_a_prompt_response_of_any_status_is_an_answer(status: int) -> None:
    route = during(window(status=status))
    assert (route.verdict, route.probes, route.strip) == (Verdict.LIVE, Probes(40, 40), "|" * 40)
    assert any(f"40 of 40 probes were answered with {status}" in note for note in route.notes) is (
        status >= 400
    )


@pytest.mark.parametrize(("status", "hint"), [(429, "limits the rate"), (503, "not ready")])
def test_the_note_on_a_refused_probe_says_what_to_do(status: int, hint: str) -> None:
    for route in (JUDGE.idle(window(status=status)), during(window(status=status))):
        (note,) = route.notes
        assert hint in note


def test_a_status_that_the_idle_app_answers_too_needs_no_note() -> None:
    assert during(window(status=404), window(status=404)).notes == ()
    assert JUDGE.idle(window(status=404)).notes == ()


def test_a_probe_that_fails_is_not_answered() -> None:
    failed = replace(IDLE, probes=probes([0.001] * 40, error="ConnectError"))
    assert during(failed).probes == Probes(40, 0)
    assert during(failed, failed).probes == Probes(40, 0)
    assert during(failed).strip == "." * 40


def test_probes_with_another_status_are_not_reported_as_waiting() -> None:
    assert "waits" not in during(window(status=503)).because


def test_the_strip_shows_the_probes_answered_in_time() -> None:
    waits = [0.01, LIMIT + 0.05, None, LIMIT - 0.01, *[0.01] * 36]
    route = during(window(waits))
    assert route.strip == "|..|" + "|" * 36
    assert route.probes == Probes(40, 39)


def test_a_silence_is_the_longest_wait_without_any_answered_probe() -> None:
    assert during(window(FROZEN)).longest_silence_s == about(ENDED - BEGAN)
    waits = [0.01, None, None, None, 0.03, *[0.01] * 35]
    assert during(window(waits)).longest_silence_s == about(3 * INTERVAL + 0.03)
    late = [1.0, *[0.01] * 39]
    assert during(window(late)).longest_silence_s == about(INTERVAL + 0.01)


def test_a_window_without_probes_has_no_numbers() -> None:
    route = during(window(()))
    assert (route.probes, route.longest_silence_s, route.strip) == (Probes(0, 0), 0.0, "")


# The idle app.


def test_an_idle_app_that_stalls_is_idle_stalled_if_a_line_is_known() -> None:
    route = JUDGE.idle(stalled(REPORT))
    assert (route.during, route.verdict) == (None, Verdict.IDLE_STALLED)
    assert route.culprit
    assert route.longest_stall_s == route.idle_stall_s
    assert JUDGE.idle(window(ends=(end(),))).verdict is Verdict.LIVE
    assert JUDGE.idle(stalled(samples=())).verdict is Verdict.INCONCLUSIVE


def test_other_verdicts_on_the_idle_app_keep_their_names() -> None:
    assert JUDGE.idle(window(died="bye")).verdict is Verdict.DIED
    assert JUDGE.idle(window(FROZEN, heartbeats=())).verdict is Verdict.STALLED


def test_a_stall_that_the_idle_app_has_too_is_not_blamed_on_the_request() -> None:
    idle = window(ends=(end(ended=BEGAN + 0.8),), samples=samples(REPORT, count=2))
    route = during(window(ends=(end(),), samples=samples(REPORT)), idle)
    assert (route.verdict, route.culprit) == (Verdict.LIVE, None)
    assert route.longest_stall_s == 0.0
    assert route.idle_stall_s == about(0.8 - PERIOD)


def test_a_stall_much_longer_than_the_idle_apps_is_the_requests_own() -> None:
    idle = window(ends=(end(ended=BEGAN + 0.3),), samples=samples(REPORT, count=2))
    route = during(window(ends=(end(ended=BEGAN + 0.9),), samples=samples(REPORT)), idle)
    assert route.verdict is Verdict.STALLED


def test_a_stall_of_the_idle_app_is_recognised_by_function_and_file() -> None:
    idle = window(ends=(end(),), samples=samples(REPORT))
    known = REPORT._replace(line=99)
    for frame, verdict in [
        (known, Verdict.LIVE),
        (REPORT._replace(function="other"), Verdict.STALLED),
        (REPORT._replace(file="/srv/myapp/more.py"), Verdict.STALLED),
    ]:
        assert during(window(ends=(end(),), samples=samples(frame)), idle).verdict is verdict


def test_a_request_is_blamed_for_its_own_line_while_the_idle_app_stalls() -> None:
    idle = window(ends=(end(),), samples=samples(REPORT))
    observation = window(
        ends=(end(), end(101.2, 101.8)), samples=(*samples(REPORT), *samples(OTHER, began=101.2))
    )
    route = during(observation, idle)
    assert (route.verdict, route.longest_stall_s) == (Verdict.STALLED, about(0.59))
    assert route.culprit
    assert (route.culprit.function, route.culprit.looks) == ("other", 4)


def test_an_idle_stall_without_a_line_excuses_no_request() -> None:
    idle = window(ends=(end(),))
    assert during(stalled(REPORT), idle).verdict is Verdict.STALLED


def test_a_known_idle_stall_does_not_count_as_a_loop_that_ran() -> None:
    idle = stalled(REPORT)
    silenced = replace(idle, probes=probes([0.01] * 20 + [None] * 20))
    for observation in (silenced, idle):
        because = during(observation, idle).because
        assert because.startswith("slow: ")
        assert "event loop" not in because


# The other verdicts.


def test_a_window_that_lasted_longer_is_a_note() -> None:
    (note,) = during(window(times=3)).notes
    assert note.endswith("so the window lasted 3 times as long")


def test_a_stall_without_a_line_is_undecided_while_a_longer_look_may_show_it() -> None:
    silent = (heartbeat(beat_at=BEGAN),)
    judge = Judge(Criteria(LIMIT))
    assert judge.undecided(window(heartbeats=silent, samples=samples(REPORT, queued=0.9, ran=0.1)))
    assert not judge.undecided(window(heartbeats=silent, samples=samples(REPORT)))
    assert not judge.undecided(window(heartbeats=silent, samples=samples(*SELECTING)))
    assert not judge.undecided(window(ends=(end(ended=ENDED - 0.1),)))


def test_workers_that_end_as_told_are_a_note() -> None:
    route = during(window(recycled=2))
    assert route.verdict is Verdict.LIVE
    assert route.notes == ("2 workers ended (recycled or reloaded), which is no finding",)


def test_a_server_that_ended_by_itself_is_inconclusive() -> None:
    route = during(window(FROZEN, exited="Maximum request limit exceeded."))
    assert route.verdict is Verdict.INCONCLUSIVE
    assert "ended by itself with exit code 0" in route.because


def test_an_import_in_the_idle_app_is_no_stall_of_it() -> None:
    module = Frame("<frozen importlib._bootstrap>", 1176, "_find_and_load")
    assert JUDGE.idle(stalled(REPORT, module)).verdict is not Verdict.IDLE_STALLED
    assert JUDGE.idle(stalled(REPORT)).verdict is Verdict.IDLE_STALLED


def test_a_culprit_in_installed_code_has_the_routes_handler(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("@app.get('/report')\nasync def report():\n    return ROWS\n")
    encoder = Frame(f"{INSTALLED}/fastapi/encoders.py", 300, "jsonable_encoder")
    judge = Judge(Criteria(LIMIT), tmp_path)
    culprit = during(stalled(encoder), judge=judge).culprit
    assert culprit
    assert culprit.handler == Frame(str(tmp_path / "app.py"), 2, "report")
    own = during(stalled(REPORT), judge=judge).culprit
    assert own
    assert own.handler is None


def test_the_way_to_code_that_a_library_calls_begins_with_the_handler(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("@app.get('/report')\nasync def route():\n    return ROWS\n")
    validates = Frame(f"{INSTALLED}/pydantic/main.py", 300, "model_dump")
    responds = Frame(f"{INSTALLED}/fastapi/routing.py", 300, "serialize_response")
    judge = Judge(Criteria(LIMIT), tmp_path)
    culprit = during(stalled(REPORT, validates, responds), judge=judge).culprit
    assert culprit
    assert culprit.way == ("route()", "fastapi", "pydantic", "report()")
    assert culprit.handler is None


def test_an_app_that_ended_in_the_window_died() -> None:
    route = during(window(FROZEN, died="bye", heartbeats=()))
    assert (route.verdict, route.culprit) == (Verdict.DIED, None)
    assert route.because == "the server, or one of its workers, ended; last log line: bye"


def test_an_app_that_ended_while_it_stalled_has_a_culprit() -> None:
    route = during(window(FROZEN, died="WORKER TIMEOUT", heartbeats=(), samples=samples(REPORT)))
    assert route.verdict is Verdict.DIED
    assert route.culprit
    assert route.culprit.function == "report"


def blind(ran: float, count: int = 4, **changes: Any) -> CheckObservation:
    """A stall that holds the GIL, where py-spy is refused and no sample has a stack."""
    fields = {"gil_held": True, "ran": ran, "count": count, **changes}
    taken = tuple(replace(each, stack=()) for each in samples(**fields))
    return stalled(samples=taken, refused="ptrace")


def test_without_py_spy_code_that_holds_the_gil_stalls_without_a_line() -> None:
    route = during(blind(ran=1.0))
    assert (route.verdict, route.culprit) == (Verdict.STALLED, None)
    assert route.because == "C code held the GIL, and its line is unknown: ptrace"
    assert route.advice == advice(Kind.GIL)


def test_without_py_spy_a_process_that_did_not_run_is_inconclusive() -> None:
    assert during(blind(ran=0.2)).verdict is Verdict.INCONCLUSIVE


def test_without_py_spy_a_single_sample_is_inconclusive() -> None:
    assert during(blind(ran=1.0, count=1)).verdict is Verdict.INCONCLUSIVE


def test_without_py_spy_a_watcher_that_ran_is_inconclusive() -> None:
    observation = blind(ran=1.0)
    ran = tuple(replace(each, watcher_ran_at=each.at) for each in observation.samples)
    assert during(replace(observation, samples=ran)).verdict is Verdict.INCONCLUSIVE


def test_without_py_spy_another_thread_may_hold_the_gil() -> None:
    route = during(blind(ran=0.0, others=1.0, slices=200))
    assert (route.verdict, route.advice) == (Verdict.STALLED, advice(Kind.GIL))


def test_without_counters_code_that_holds_the_gil_stalls() -> None:
    assert during(blind(ran=1.0, slices=0)).verdict is Verdict.STALLED


def test_a_refusal_matters_only_where_the_gil_was_held_too_long() -> None:
    assert during(replace(IDLE, refused="ptrace")) == during(IDLE)
    assert during(stalled(samples=(), refused="ptrace")).verdict is Verdict.INCONCLUSIVE
    assert during(stalled(RANDINT, refused="ptrace")).verdict is Verdict.INCONCLUSIVE
    assert during(stalled(REPORT, refused="ptrace")).because == ""


def test_py_spy_without_a_stack_and_without_a_refusal_blames_no_line() -> None:
    assert during(replace(blind(ran=1.0), refused="")).verdict is Verdict.INCONCLUSIVE


def test_a_full_pool_starves_an_app_whose_event_loop_runs() -> None:
    pool = Pool("reports", 0, 3)
    works = replace(thread(REPORT, *WORKER), pool=pool)
    full = (works, thread(*SELECTING, is_loop=True))
    route = during(window(FROZEN, threads=full))
    assert (route.verdict, route.advice) == (Verdict.STARVED, advice(Kind.OWN_POOL))
    room = (*full, replace(thread(*IDLE_WORKER), pool=pool))
    assert during(window((0.9,) * 40, threads=room)).verdict is Verdict.LIVE


def test_a_report_on_an_unwatched_app_has_no_stall_times() -> None:
    route = during(window(FROZEN, heartbeats=()), window(heartbeats=()))
    assert (route.verdict, route.longest_stall_s, route.idle_stall_s) == (
        Verdict.STALLED,
        None,
        None,
    )
    assert route.because.startswith("no probe was answered; ")


def test_a_sample_from_outside_names_the_line_of_an_unwatched_app() -> None:
    route = during(window(FROZEN, heartbeats=(), samples=samples(REPORT)))
    assert route.verdict is Verdict.STALLED
    assert route.culprit


# The line that blocks a start.


@pytest.mark.parametrize(
    ("taken", "line"),
    [
        ((), ""),
        (samples(RANDINT, REPORT), "/srv/myapp/reports.py:12"),
        ((*samples(OTHER, count=1), *samples(REPORT, count=2)), "/srv/myapp/reports.py:12"),
        ((sample(100.3, stack=SELECTING),), ""),
    ],
)
def test_the_line_of_most_samples_is_returned(taken: tuple[Sample, ...], line: str) -> None:
    assert JUDGE.line_of(taken) == line


@pytest.mark.parametrize(
    ("changes", "idle", "expected"),
    [
        ({}, IDLE, True),
        ({"first_is_open": False}, IDLE, False),
        ({}, stalled(REPORT), False),  # the idle app stalls as well
    ],
)
def test_a_verdict_is_certain_while_its_request_is_open_and_the_idle_app_live(
    changes: dict[str, Any], idle: CheckObservation, *, expected: bool
) -> None:
    seen = stalled(samples=samples(REPORT, count=17), **({"first_is_open": True} | changes))
    assert JUDGE.is_certain(seen, idle, 0.5) is expected
