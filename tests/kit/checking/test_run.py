"""A check from its options to its report."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from asgi_liveness.checking import render
from asgi_liveness.checking import served as serves
from asgi_liveness.checking import windows as windows_module
from asgi_liveness.checking.call import Call
from asgi_liveness.checking.checked_app import CheckedApp, described
from asgi_liveness.checking.judge import Judge
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Report, Verdict, WindowReport
from asgi_liveness.checking.run import run
from asgi_liveness.checking.served import Address, Served
from asgi_liveness.checking.windows import IDLE_LIMIT
from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.serving import launched
from asgi_liveness.serving.launched import Launched
from asgi_liveness.serving.servers import version
from asgi_liveness.stalls.advice import Kind, advice
from tests.kit.checking.shop import (
    APP,
    DURATION,
    MAX_STALL,
    checked,
    folder,
    line_of,
    options,
    refused,
)
from tests.kit.checking.windows import heartbeat, window
from tests.waiting import LIMIT, until

__all__ = ["folder"]  # every test runs in it


FRAIL = """\
import os
from shop import app as shop

REQUESTS = 0

async def app(scope, receive, send):
    global REQUESTS
    REQUESTS += scope["type"] == "http"
    if REQUESTS == 8 and not os.path.exists("once"):
        open("once", "w").close()
        os._exit(3)
    await shop(scope, receive, send)
"""
"""It dies once, at a probe of the idle app: two requests come before those ten."""


# The report.


@pytest.mark.servers
def test_a_request_that_stalls_the_loop_is_reported_with_its_line() -> None:
    progress: list[tuple[str, float]] = []
    report = run(options("GET /spins", probe="/healthz"), lambda *step: progress.append(step))
    assert progress == [("starting", 0.0), ("idle", 0.0), ("GET /spins", 0.5)]
    idle, route = report.routes
    assert (idle.during, idle.culprit) == (None, None)
    assert (route.during, route.verdict) == ("GET /spins", Verdict.STALLED)
    assert route.culprit
    assert (route.culprit.file, route.culprit.function) == ("shop.py", "spin")
    assert route.culprit.line in (line_of("pass"), line_of("pass") - 1)
    assert idle.probes.due == DURATION / report.interval_s
    assert route.longest_stall_s
    assert route.longest_stall_s > MAX_STALL
    assert (report.exit_code, report.ok, report.untried) == (1, False, ())
    assert (report.target, report.probe) == ("shop:app", "GET /healthz")
    assert (report.interval_s, report.max_stall_s) == (0.05, MAX_STALL)
    assert report.server == f"uvicorn {version('uvicorn')}, asyncio, 1 worker"
    assert report.system["python"] == ".".join(map(str, sys.version_info[:3]))
    assert report.again.startswith("asgi-liveness check shop:app --during 'GET /spins' --probe ")


@pytest.mark.servers
@pytest.mark.parametrize(
    ("server", "loop", "described"),
    [
        ("uvicorn", "uvloop", f"uvicorn {version('uvicorn')}, uvloop, 1 worker"),
        ("hypercorn", "asyncio", f"hypercorn {version('hypercorn')}, asyncio, 1 worker"),
        ("hypercorn", "uvloop", f"hypercorn {version('hypercorn')}, uvloop, 1 worker"),
    ],
)
def test_the_line_is_reported_on_any_server_and_event_loop(
    server: str, loop: str, described: str
) -> None:
    report = checked("/loops", server=server, loop=loop)
    route = report.routes[1]
    assert (route.verdict, report.server) == (Verdict.STALLED, described)
    assert route.culprit
    assert route.culprit.function == "app"


@pytest.mark.servers
def test_an_endless_stall_is_judged_before_its_window_is_over() -> None:
    early, whole = (
        checked("/spins", duration=4.0, no_early=no_early).routes[1] for no_early in (False, True)
    )
    assert early.verdict is whole.verdict is Verdict.STALLED
    assert early.culprit
    assert whole.culprit
    assert early.culprit.function == whole.culprit.function == "spin"
    assert early.probes.due < whole.probes.due
    assert any("the verdict was certain after" in note for note in early.notes)
    assert not any("certain" in note for note in whole.notes)


@pytest.mark.servers
def test_each_request_gets_a_fresh_app() -> None:
    report = checked("POST /poisons", "/fine")
    _, poisons, fine = report.routes
    assert (poisons.verdict, poisons.during) == (Verdict.STALLED, "POST /poisons")
    assert (fine.culprit, fine.during) == (None, "GET /fine")
    assert fine.verdict is not Verdict.STALLED


@pytest.mark.servers
def test_an_app_that_died_while_idle_is_started_again_for_the_request(folder: Path) -> None:
    (folder / "frail.py").write_text(FRAIL)
    idle, route = checked("/fine", target="frail:app", no_early=True).routes
    assert idle.verdict is Verdict.DIED
    assert route.verdict is not Verdict.DIED


@pytest.mark.servers
def test_an_idle_app_shuts_itself_down_and_a_hanging_app_is_killed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launched, "POLITE_LIMIT", LIMIT)  # on a busy machine it takes its time
    checked("/fine", no_early=True)
    assert (folder / "shut down").read_text() == "x"
    checked("/loops", no_early=True)
    assert (folder / "shut down").read_text() == "x"
    checked("/spins")  # it hangs while the idle app runs
    assert (folder / "shut down").read_text() == "xx"


@pytest.mark.servers
def test_an_endless_request_is_closed_and_noted() -> None:
    report = checked("/waits")
    assert any("had not ended after" in note for note in report.routes[1].notes)
    assert report.routes[1].culprit is None


@pytest.mark.servers
@pytest.mark.parametrize("server", ["uvicorn", "hypercorn"])
def test_the_report_on_an_app_that_ends_holds_no_secret_from_its_log(server: str) -> None:
    report = checked("/exits", server=server, headers=("X-Token: s3cr3t-t0ken",))
    assert report.routes[1].verdict is Verdict.DIED
    assert report.routes[1].because.endswith("last log line: out of ...")
    assert "s3cr3t" not in report.to_json() + render.text(report)


@pytest.mark.servers
def test_no_report_holds_the_values_of_headers_and_bodies(folder: Path) -> None:
    secrets = {"headers": ("Authorization: Bearer s3cr3t",), "body": b'{"password": "pa55w0rd"}'}
    report = checked("POST /import", **secrets)
    assert (folder / "imported").read_bytes() == b'{"password": "pa55w0rd"}application/json'
    written = report.to_json() + render.text(report) + repr(report)
    assert "s3cr3t" not in written
    assert "pa55w0rd" not in written
    assert "s3cr3t" not in refused("POST /picky", **secrets)


# A machine that is too busy.


@pytest.mark.servers
@pytest.mark.parametrize(
    ("call", "busy", "verdict", "windows"),
    [
        ("/fine", 1, Verdict.LIVE, 2),
        ("/fine", 9, Verdict.INCONCLUSIVE, 3),
        ("POST /once", 1, Verdict.INCONCLUSIVE, 1),
    ],
)
def test_a_window_that_the_machine_was_too_busy_for_is_repeated(
    call: str, busy: int, verdict: Verdict, windows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    during, progress = Judge.during, list[str]()

    def busy_at_first(judge: Judge, *observed: Any, **more: Any) -> WindowReport:
        route = during(judge, *observed, **more)
        if len(progress) > 2 * busy + 2:
            return route
        return replace(route, verdict=Verdict.INCONCLUSIVE, advice=advice(Kind.MACHINE))

    monkeypatch.setattr(Judge, "during", busy_at_first)
    monkeypatch.setattr(windows_module, "_PAUSES", (0.0, 0.0))
    asked = options(call, no_early=True)
    report = run(asked, lambda words, _: progress.append(words))
    call = report.routes[1].during or ""
    assert progress == ["starting", "idle", call, *["starting", call] * (windows - 1)]
    assert report.routes[1].verdict is verdict
    repeated = [note for note in report.routes[1].notes if note.endswith("so it was repeated")]
    assert len(repeated) == (windows > 1)


# A check that ends early.


@pytest.mark.servers
@pytest.mark.parametrize("error", [KeyboardInterrupt(), TargetError("it said s3cr3t")])
def test_what_was_judged_is_kept(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[Report] = []
    watch = CheckedApp.watch

    async def fail_at_the_last(
        app: CheckedApp, call: Call | None, seconds: float, *certain: Any
    ) -> object:
        if call and call.path == "/waits":
            raise error
        return await watch(app, call, seconds, *certain)

    monkeypatch.setattr(CheckedApp, "watch", fail_at_the_last)
    asked = options("/loops", "/waits", headers=("X-Token: s3cr3t",))
    with pytest.raises(type(error)):
        run(asked, keep=kept.append)
    (report,) = kept
    assert [route.during for route in report.routes] == [None, "GET /loops", "GET /waits"]
    assert report.verdict is Verdict.STALLED
    last = report.routes[-1]
    assert last.verdict is Verdict.NOT_CHECKED
    assert last.because == (
        "it was not tried: the check was interrupted"
        if isinstance(error, KeyboardInterrupt)
        else "it was not tried: it said ..."
    )


@pytest.mark.servers
def test_an_error_that_came_before_anything_was_judged_keeps_nothing() -> None:
    kept: list[Report] = []
    with pytest.raises(TargetError):
        run(options("/loops", target="no_such:app"), keep=kept.append)
    with pytest.raises(UsageError):
        run(options("/denied"), keep=kept.append)
    assert kept == []


@pytest.mark.servers
def test_an_app_that_does_not_start_again_keeps_what_was_judged(folder: Path) -> None:
    once = "import os, shop\nos.mkdir('started')\nshop.POISONED = False\nfrom shop import app\n"
    (folder / "once.py").write_text(once)
    _, stalled, fine = (report := checked("/spins", "/fine", target="once:app")).routes
    assert (stalled.verdict, fine.verdict) == (Verdict.STALLED, Verdict.NOT_CHECKED)
    assert fine.because.startswith("it was not tried: once:app: importing once failed: FileExists")
    assert report.exit_code == 1


def test_an_error_of_the_options_has_no_secret_and_no_cause() -> None:
    wrong = options("http://me:s3cr3t@127.0.0.1/x", headers=("X-Token: s3cr3t",))
    with pytest.raises(UsageError) as raised:
        run(wrong)
    assert "s3cr3t" not in str(raised.value)
    assert raised.value.__suppress_context__


# Requests that the app refuses.


@pytest.mark.servers
def test_a_request_that_is_refused_has_a_row_beside_those_that_are_judged() -> None:
    idle, denied, fine = (report := checked("/denied", "/fine")).routes
    assert (idle.culprit, denied.verdict, fine.culprit) == (None, Verdict.NOT_CHECKED, None)
    assert denied.because.startswith("it answered 401 and did no work: give it what lets it in")
    assert report.exit_code != 0


@pytest.mark.servers
def test_a_stall_is_a_finding_whatever_the_app_answered(folder: Path) -> None:
    slow = APP.replace("    moved = [(b", "    path in STATUS and time.sleep(2)\n    moved = [(b")
    (folder / "shop.py").write_text(slow)
    report = checked("/missing", "/denied", "/moved")
    assert [route.verdict for route in report.routes[1:]] == [Verdict.STALLED] * 3
    assert report.exit_code == 1


@pytest.mark.servers
def test_a_cold_stall_of_a_refused_request_is_reported(folder: Path) -> None:
    (folder / "shop.py").write_text(
        APP.replace(
            "    moved = [(b",
            "    if path == '/missing' and not POISONED:\n"
            "        time.sleep(0.3)\n"
            "        POISONED = True\n"
            "    moved = [(b",
        ).replace("if POISONED and", "if False and")
    )
    report = checked("/missing", duration=2.0)
    route = report.routes[1]
    assert (route.verdict, report.exit_code) == (Verdict.NOT_CHECKED, 2)
    assert any("the first call was cold" in note for note in route.notes)


# An idle app.


@pytest.mark.servers
def test_an_idle_app_is_watched_for_as_long_as_one_asks() -> None:
    alone = checked(duration=3.0)
    assert alone.routes[0].probes.due == 3.0 / alone.interval_s
    beside = checked("/fine", duration=3.0)
    assert beside.routes[0].probes.due == IDLE_LIMIT / beside.interval_s


@pytest.mark.servers
def test_a_probed_404_is_said_to_count_and_a_better_path_is_named(folder: Path) -> None:
    (note,) = checked(target="tiny:without_sync").notes
    assert note.startswith("GET /healthz answers 404, which counts as an answer")
    assert note.endswith("--probe /PATH")
    paths = APP.replace("200)", "200 if path == '/openapi.json' else 404)").replace(
        "/fine", "/ping"
    )
    (folder / "shop.py").write_text(paths)
    assert checked().notes[0].endswith("--probe /ping")
    assert checked(probe="/openapi.json").notes == ()


# Apps with unusual habits.


@pytest.mark.servers
@pytest.mark.parametrize(
    "habit",
    [
        "import sys; sys.stdout.close(); sys.stdin.close()",
        "import os; os.close(1); os.close(2); os.environ.clear()",
        "import asyncio; asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())",
    ],
    ids=["streams", "descriptors", "policy"],
)
def test_an_app_with_an_unusual_habit_is_checked_like_any_other(habit: str, folder: Path) -> None:
    (folder / "odd.py").write_text(f"{habit}\nfrom shop import app\n")
    route = checked("/spins", target="odd:app").routes[1]
    assert route.verdict is Verdict.STALLED
    assert route.culprit
    assert route.culprit.function == "spin"


# The routes that a document lists.


@pytest.mark.servers
def test_routes_that_were_not_asked_for_are_listed() -> None:
    report = checked()
    assert [route.during for route in report.routes] == [None]
    assert [(str(row), row.why) for row in report.untried] == [
        ("GET /fine", "no --during names it; --openapi tries it"),
        ("POST /once", "it may change data"),
        ("GET /users/{id}", "it needs {id}"),
        ("GET /loops", "no --during names it; --openapi tries it"),
    ]
    again = "asgi-liveness check shop:app --during 'GET /users/id' --loop asyncio"
    assert report.untried[2].command.startswith(again)
    assert render.headline(report) == "The idle app is live. None of its routes (4) was tried."


@pytest.mark.servers
def test_routes_of_a_document_are_run_beside_those_that_are_named() -> None:
    progress: list[str] = []
    report = run(
        options("POST /once", "/loops", openapi=True), lambda words, _: progress.append(words)
    )
    announced = "--openapi calls GET /fine; left out: 1\n"
    assert progress == ["starting", announced, "idle", *progress[3:]]
    during = [route.during for route in report.routes]
    assert during == [None, "POST /once", "GET /loops", "GET /fine"]
    assert report.routes[2].verdict is Verdict.STALLED
    assert [str(row) for row in report.untried] == ["GET /users/{id}"]
    assert any("WebSocket routes do not stand in" in note for note in report.notes)
    assert render.headline(report).startswith("1 of 4 routes stalled the event loop, 2 left the")


@pytest.mark.servers
def test_a_route_of_a_document_that_the_app_does_not_take_ends_no_other(folder: Path) -> None:
    (folder / "shop.py").write_text(APP.replace('"/once": {"post"', '"/picky": {"get"'))
    report = checked(openapi=True)
    assert [route.during for route in report.routes] == [None, "GET /fine", "GET /loops"]
    assert [str(row) for row in report.untried] == ["GET /users/{id}", "GET /picky"]
    assert report.untried[-1].why.startswith("it answered 422 and did no work: give it")
    assert "--during 'GET /picky'" in report.untried[-1].command
    assert report.exit_code == 1


@pytest.mark.servers
def test_a_document_without_a_route_to_call_says_which_would_need_what(folder: Path) -> None:
    (folder / "shop.py").write_text(APP.replace('"get"', '"put"'))
    error = refused(openapi=True)
    assert error.startswith(
        "--openapi finds no route to try by itself: PUT /fine is left out, for it may change data; "
        "try asgi-liveness check shop:app --during 'PUT /fine' --loop asyncio"
    )


@pytest.mark.servers
def test_an_app_without_a_document_lists_none_and_cannot_be_asked_to() -> None:
    assert "has no OpenAPI document" in refused(target="tiny:make()", openapi=True)


# A server that runs already.


@pytest.mark.servers
def test_a_running_server_has_its_line_and_is_left_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serves, "_RESPONSE_LIMIT", 0.5)
    command = (sys.executable, "-m", "uvicorn", "--port", "{port}", "--loop", "asyncio", "shop:app")
    with Launched(command) as server:
        until(lambda: "running on" in server.log())
        fine = checked("/fine", target=server.url)
        assert fine.routes[1].probes.answered == fine.routes[1].probes.due
        report = checked("/spins", "/fine", target=server.url)
        assert not server.ended
    idle, route, fine_too = report.routes  # a server that stops responding loses no verdict
    assert (fine_too.verdict, fine_too.probes.due) == (Verdict.NOT_CHECKED, 0)
    assert fine_too.because.startswith("it was not tried: http://127.0.0.1:")
    assert route.verdict is Verdict.STALLED
    assert route.culprit
    assert (route.culprit.function, route.culprit.file) == ("spin", "shop.py")
    assert (idle.longest_stall_s, route.longest_stall_s, route.idle_stall_s) == (None, None, None)
    assert (report.target, report.server) == (server.url, "a server that runs already")
    assert report.exit_code == 1
    frozen = f"{server.url} sent no response (ConnectError: "
    assert refused(target=server.url).startswith(frozen)


# A command.


@pytest.mark.servers
def test_a_command_is_watched_with_all_its_workers() -> None:
    words = "-m", "uvicorn", "--port", "{port}", "--loop", "asyncio", "--workers", "2", "shop:app"
    report = checked("/spins", command=(sys.executable, *words), loop="auto", duration=1.5)
    route = report.routes[1]
    assert route.verdict is Verdict.STALLED
    assert route.culprit
    assert (route.culprit.function, route.culprit.file) == ("spin", "shop.py")
    assert ", asyncio, " in report.server


def test_a_server_is_described_by_its_loops_and_workers() -> None:
    class Target:
        described = "granian"

    granian = cast("Served", Target())
    assert described(granian, window()) == "granian, asyncio, 1 worker"
    assert described(granian, window(heartbeats=())) == "granian"
    mixed = (heartbeat(1), heartbeat(2, loop="uvloop"), heartbeat(3))
    assert described(granian, window(heartbeats=mixed)) == "granian, asyncio, uvloop, 3 workers"
    address = Address(Options("http://127.0.0.1:8000"))
    assert described(address, window()) == "a server that runs already"
