"""The screens of a check, and the same for a page."""

from __future__ import annotations

import re
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from asgi_liveness.checking import render
from asgi_liveness.checking.report import Probes, Verdict, WindowReport
from asgi_liveness.checking.untried import Untried
from tests.kit.checking.made import (
    AGAIN,
    CULPRIT,
    DIED,
    IDLE,
    INCONCLUSIVE,
    LIVE,
    STALLED,
    STARVED,
    UNSEEN,
    report,
)

HEAD = (
    "myapp.main:app · uvicorn 0.54.0, asyncio, 1 worker · Python 3.12.1 · "
    "probing GET /healthz every 50 ms"
)
SILENT = "0 of 80 probes answered in time, event loop silent for 4.0 s (limit 200 ms)"
SOURCE = "import random\n" + "\n" * 8 + "async def report():\n    while True:\n" + " " * 8
SOURCE += "random.randint(0, 10)\n\n\nasync def other(): ...\n"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The culprit's file, in the current directory."""
    path = tmp_path / CULPRIT.file
    path.parent.mkdir()
    path.write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return path


@pytest.mark.usefixtures("source")
def test_a_stall_has_its_line_its_advice_and_the_command_that_repeats_it() -> None:
    assert (
        render.text(report(STALLED))
        == f"""\
{HEAD}

  idle           live       40 of 40 probes answered in time, longest silence 4 ms
  GET /report    STALLED     {SILENT}
                 {"." * 40}  a mark is 2 probes, . = not all answered in time

  myapp/reports.py:12 in report()                      37 of 38 samples
    10 | async def report():
    11 |     while True:
  > 12 |         random.randint(0, 10)
    which called random.py:362 in randint()

  This loop never yields to the event loop: add `await asyncio.sleep(0)` to each
  iteration.
  More: asgi-liveness explain stalled

  Again: {AGAIN}

1 of 1 request stalled the event loop.
"""
    )


def test_a_live_app_is_shown_in_two_rows() -> None:
    note = "GET /report itself had not answered after 4.0 s and was closed. Meant to be endless?"
    assert (
        render.text(report(replace(LIVE, notes=(f"{note} Then fine.",))))
        == f"""\
{HEAD}

  idle           live    40 of 40 probes answered in time, longest silence 4 ms
  GET /report    live    80 of 80 probes answered in time, longest silence 5 ms
                 {"|" * 40}
                 GET /report itself had not answered after 4.0 s and was closed. Meant
                 to be endless? Then fine.

1 of 1 request left the app live.
"""
    )


def lines(*routes: WindowReport) -> list[str]:
    """The screen below its head."""
    return render.text(report(*routes)).splitlines()[2:]


def test_a_starved_app_has_a_live_loop_and_the_line_of_its_threads() -> None:
    shown = lines(STARVED)
    assert shown[1] == (
        "  GET /pool    STARVED    event loop live, 0 of 80 probes answered in time: thread "
        "pool full, 40 of 40 threads at myapp/reports.py:12"
    )
    assert "  myapp/reports.py:12 in report()                      40 of 40 threads" in shown
    assert "\n".join(shown).count("thread pool full") == 1
    assert shown[-1] == "1 of 1 request starved the app."


def test_an_inconclusive_window_has_its_reason_and_how_to_repeat_it() -> None:
    shown = lines(INCONCLUSIVE)
    assert shown[1] == (
        "  GET /report    INCONCLUSIVE    78 of 80 probes answered in time, longest silence 300 ms"
    )
    assert shown[2].endswith("|.  a mark is 2 probes, . = not all answered in time")
    assert shown[3].strip() == "the machine was late by up to 300 ms while no request ran"
    assert shown[5] == f"  Again: {AGAIN}"
    assert shown[-1] == "1 of 1 request could not be judged."


def test_an_idle_app_that_stalls_has_its_strip_and_its_line() -> None:
    stalled = replace(STALLED, probes=Probes(40, 30), strip="|" * 30 + "." * 10)
    idle = replace(stalled, during=None, verdict=Verdict.IDLE_STALLED)
    shown = lines(idle)
    assert shown[0] == (
        "  idle    STALLED    30 of 40 probes answered in time, event loop silent for 4.0 s "
        "(limit 200 ms)"
    )
    assert shown[1] == f"          {'|' * 30}{'.' * 10}  . = not answered in time"
    assert any("myapp/reports.py:12 in report()" in line for line in shown)
    assert shown[-1] == "The event loop of the idle app stalls."


def test_an_app_that_died_has_its_last_words() -> None:
    shown = lines(DIED)
    assert (
        shown[1]
        == "  GET /report    DIED    12 of 80 probes answered in time, longest silence 3.4 s"
    )
    assert shown[3].strip() == "one of its workers ended; last log line: bye"
    assert shown[-1] == "1 of 1 request ended the app."


def test_an_unwatched_server_is_shown_by_its_responses_alone() -> None:
    shown = lines(UNSEEN)
    assert shown[1] == (
        "  GET /report    STALLED     0 of 80 probes answered in time, longest silence 4.0 s"
    )
    assert "silent" not in "".join(shown)


def test_several_findings_stand_one_after_the_other_by_request() -> None:
    shown = lines(STALLED, LIVE, STARVED)
    first, second = shown.index("  GET /report:"), shown.index("  GET /pool:")
    assert 0 < first < second
    assert shown[first + 1].startswith("  myapp/reports.py:12 in report()")
    assert [line for line in shown if line.startswith("  Again:")] == [f"  Again: {AGAIN}"]


@pytest.mark.parametrize(
    ("routes", "sentence"),
    [
        ((), "The idle app is live."),
        ((LIVE, LIVE), "2 of 2 requests left the app live."),
        ((LIVE, STALLED), "1 of 2 requests stalled the event loop, 1 left the app live."),
        (
            (LIVE, INCONCLUSIVE, STARVED, STALLED, DIED, STALLED),
            (
                "1 of 6 requests ended the app, 2 stalled the event loop, 1 starved the app, "
                "1 could not be judged, 1 left the app live."
            ),
        ),
        (
            (replace(IDLE, verdict=Verdict.IDLE_STALLED), LIVE),
            "The event loop of the idle app stalls. 1 of 1 request left the app live.",
        ),
        ((replace(IDLE, verdict=Verdict.DIED),), "The idle app ended."),
    ],
)
def test_the_headline_counts_the_requests(routes: tuple[WindowReport, ...], sentence: str) -> None:
    assert render.headline(report(*routes)) == sentence
    assert render.text(report(*routes)).endswith(f"\n\n{sentence}\n")


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("during", [None, "GET /report"])
def test_every_verdict_has_a_screen(verdict: Verdict, during: str | None) -> None:
    shown = render.text(report(replace(LIVE, during=during, verdict=verdict)))
    assert str(verdict).split()[-1] in shown.lower()


# Probes in time, and late ones.


def test_probes_that_came_late_are_counted_besides_those_in_time() -> None:
    late = replace(STALLED, probes=Probes(80, 61), longest_stall_s=2.0)
    assert lines(late)[1] == (
        "  GET /report    STALLED     0 of 80 probes answered in time (61 came late), event loop "
        "silent for 2.0 s (limit 200 ms)"
    )


@pytest.mark.parametrize("route", [LIVE, STALLED, STARVED, INCONCLUSIVE, DIED])
def test_the_count_in_time_is_that_of_the_strip(route: WindowReport) -> None:
    assert f"{route.strip.count('|')} of 80 probes answered in time" in render.fact(
        report(route), route
    )
    assert f"{route.strip.count('.')} came late" not in render.fact(report(route), route)


# Colour.


@pytest.mark.parametrize("verdict", Verdict)
def test_only_the_verdict_is_coloured(verdict: Verdict) -> None:
    made = report(replace(LIVE, verdict=verdict))
    text = render.text(made, lambda text, word: f"<{word}:{text}>")
    shown = "STALLED" if verdict is Verdict.IDLE_STALLED else verdict.upper()
    assert f"<{verdict}:{'live' if verdict is Verdict.LIVE else shown}>" in text
    assert text.count("<") == 2  # the idle row, too
    assert re.sub(r"<[a-z ]+:([\w ]+)>", r"\1", text) == render.text(made)


# The strip.


@pytest.mark.parametrize(
    ("marks", "shown"),
    [
        ("|" * 60, "|" * 60),
        ("." * 60, f"{'.' * 60}  . = not answered in time"),
        ("|" * 61, "|" * 31),
        ("|" * 60 + "..", f"{'|' * 30}.  a mark is 2 probes, . = not all answered in time"),
        ("||." * 60, f"{'.' * 60}  a mark is 3 probes, . = not all answered in time"),
    ],
)
def test_a_strip_is_shortened_to_the_width_and_hides_no_silence(marks: str, shown: str) -> None:
    assert lines(replace(LIVE, strip=marks))[2].strip() == shown


def test_a_server_without_a_strip_has_no_line_for_it() -> None:
    assert len(lines(replace(LIVE, strip=""))) == 4


# What was not tried.


def test_routes_that_were_not_tried_are_listed_with_why_and_what_would_try_them() -> None:
    rows = (
        Untried("GET", "/a"),
        Untried("POST", "/items", "it needs a body", "asgi-liveness check a:app -d @body"),
        Untried("GET", "a b", "its path is none that an app has"),
    )
    expected = (
        "  Not tried, of its OpenAPI document:\n"
        "    GET /a\n"
        "    POST /items  it needs a body\n"
        "      asgi-liveness check a:app -d @body\n"
        "    GET a b      its path is none that an app has\n"
    )
    assert expected in render.text(report(untried=rows))
    assert textwrap.dedent(expected) in render.markdown(report(untried=rows))


def test_a_long_list_of_routes_is_cut_and_counted() -> None:
    rows = tuple(Untried("GET", f"/{number}") for number in range(23))
    shown = render.text(report(untried=rows))
    assert "    GET /19\n    and 3 more\n" in shown
    assert "GET /20" not in shown


@pytest.mark.parametrize(
    ("routes", "sentence"),
    [
        ((LIVE, LIVE), "2 of 4 routes left the app live, 2 not tried."),
        ((STALLED,), "1 of 3 routes stalled the event loop, 2 not tried."),
        ((), "The idle app is live. None of its routes (2) was tried."),
    ],
)
def test_the_headline_counts_the_routes_that_were_not_tried(
    routes: tuple[WindowReport, ...], sentence: str
) -> None:
    untried = (Untried("GET", "/a"), Untried("GET", "/b"))
    assert render.headline(report(*routes, untried=untried)) == sentence


# What holds for the whole check, and requests that were not checked.


def test_notes_on_the_whole_check_stand_below_its_windows() -> None:
    made = report(LIVE, notes=("One is a note.", "Another."))
    assert "\n\n  One is a note.\n\n  Another.\n\n1 of 1" in render.text(made)
    assert render.markdown(made).endswith("\n\nOne is a note.\n\nAnother.\n")


def test_a_request_that_was_refused_has_a_row_of_its_own() -> None:
    refused = replace(LIVE, verdict=Verdict.NOT_CHECKED, because="it answered 401")
    made = report(LIVE, refused)
    assert render.headline(made) == "1 of 2 requests did no work, 1 left the app live."
    assert "  GET /report    NOT CHECKED    80 of 80 probes answered in time" in render.text(made)
    assert "it answered 401" in render.text(made)
    assert (made.exit_code, made.ok) == (2, False)
    assert report(refused, STALLED).exit_code == 1


# Numbers.


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "0 ms"), (0.0042, "4 ms"), (0.9994, "999 ms"), (0.9996, "1.0 s"), (4.04, "4.0 s")],
)
def test_times_are_in_milliseconds_up_to_a_second(seconds: float, words: str) -> None:
    assert render.duration(seconds) == words


# One route, and Markdown.


def test_one_route_is_rendered_by_itself() -> None:
    text = render.one(report(LIVE, STALLED), STALLED)
    assert text.startswith("GET /report    STALLED     0 of 80 probes answered in time, event loop")
    assert "myapp/reports.py:12 in report()" in text
    assert text.endswith(f"\nAgain: {AGAIN}")
    assert "idle" not in text


def test_one_live_route_has_no_command_that_repeats_it() -> None:
    assert "Again" not in render.one(report(LIVE), LIVE)


@pytest.mark.usefixtures("source")
def test_markdown_has_a_table_and_the_culprit() -> None:
    shown = render.markdown(report(STALLED, replace(LIVE, notes=("a|b <c>",))))
    assert (
        shown
        == f"""\
**1 of 2 requests stalled the event loop, 1 left the app live.** myapp.main:app · \
uvicorn 0.54.0, asyncio, 1 worker · Python 3.12.1 · probing GET /healthz every 50 ms.

| while this runs | verdict | observed |
| --- | --- | --- |
| idle | live | 40 of 40 probes answered in time, longest silence 4 ms. |
| GET /report | stalled | {SILENT}. |
| GET /report | live | 80 of 80 probes answered in time, longest silence 5 ms. a\\|b &lt;c> |

~~~~text
GET /report:
myapp/reports.py:12 in report()                      37 of 38 samples
  10 | async def report():
  11 |     while True:
> 12 |         random.randint(0, 10)
  which called random.py:362 in randint()

This loop never yields to the event loop: add `await asyncio.sleep(0)` to each
iteration.
More: asgi-liveness explain stalled
~~~~

~~~~text
Again: {AGAIN}
~~~~
"""
    )
