"""A check from its options to its report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import pytest

from asgi_liveness.checking import render
from asgi_liveness.checking import served as serves
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Verdict
from asgi_liveness.checking.run import _described, run
from asgi_liveness.checking.served import Address, Served
from asgi_liveness.serving.launched import Launched
from asgi_liveness.serving.servers import version
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
from tests.waiting import until

__all__ = ["folder"]  # every test runs in it


FRAIL = """\
import asyncio, os
from shop import app as shop

async def app(scope, receive, send):
    if scope["type"] == "http" and not os.path.exists("once"):
        open("once", "w").close()
        asyncio.get_running_loop().call_later(0.2, os._exit, 3)
    await shop(scope, receive, send)
"""


# The report.


@pytest.mark.servers
def test_a_request_that_stalls_the_loop_is_reported_with_its_line() -> None:
    progress: list[str] = []
    report = run(options("GET /spins", probe="/healthz"), progress.append)
    assert progress == ["starting", "idle", "GET /spins"]
    idle, route = report.routes
    assert (idle.during, idle.culprit) == (None, None)
    assert (route.during, route.verdict) == ("GET /spins", Verdict.STALLED)
    assert route.culprit
    assert (route.culprit.file, route.culprit.function) == ("shop.py", "spin")
    assert route.culprit.line in (line_of("pass"), line_of("pass") - 1)
    assert route.probes.due == DURATION / report.interval_s
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
def test_each_request_gets_a_fresh_app() -> None:
    report = checked("POST /poisons", "/fine")
    _, poisons, fine = report.routes
    assert (poisons.verdict, poisons.during) == (Verdict.STALLED, "POST /poisons")
    assert (fine.culprit, fine.during) == (None, "GET /fine")
    assert fine.verdict is not Verdict.STALLED


@pytest.mark.servers
def test_an_app_that_died_while_idle_is_started_again_for_the_request(folder: Path) -> None:
    (folder / "frail.py").write_text(FRAIL)
    idle, route = checked("/fine", target="frail:app").routes
    assert idle.verdict is Verdict.DIED
    assert route.verdict is not Verdict.DIED


@pytest.mark.servers
def test_an_idle_app_shuts_itself_down_and_a_hanging_app_is_killed(folder: Path) -> None:
    checked("/fine")
    assert (folder / "shut down").read_text() == "x"
    checked("/loops")
    assert (folder / "shut down").read_text() == "x"


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
    assert report.untried == ("GET /fine", "GET /loops")


@pytest.mark.servers
def test_routes_of_a_document_are_run_beside_those_that_are_named() -> None:
    report = checked("POST /once", "/loops", openapi=True)
    during = [route.during for route in report.routes]
    assert during == [None, "POST /once", "GET /loops", "GET /fine"]
    assert report.routes[2].verdict is Verdict.STALLED
    assert report.untried == ()


@pytest.mark.servers
def test_a_route_of_a_document_that_the_app_does_not_take_ends_no_other(folder: Path) -> None:
    (folder / "shop.py").write_text(APP.replace('"/once": {"post"', '"/picky": {"get"'))
    report = checked(openapi=True)
    assert [route.during for route in report.routes] == [None, "GET /fine", "GET /loops"]
    assert report.untried == ("GET /picky",)


@pytest.mark.servers
def test_an_app_without_a_document_lists_none_and_cannot_be_asked_to() -> None:
    assert "has no OpenAPI document" in refused(target="tiny:make()", openapi=True)


# A server that runs already.


@pytest.mark.servers
def test_a_running_server_is_judged_by_its_responses_and_left_running(
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
    idle, route = report.routes  # a server that stops responding loses no verdict
    assert route.notes[-1] == "the server no longer responds; not tried: GET /fine"
    assert (route.verdict, route.culprit) == (Verdict.STALLED, None)
    assert (idle.longest_stall_s, route.longest_stall_s, route.idle_stall_s) == (None, None, None)
    assert (report.target, report.server) == (server.url, "a server that runs already")
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
    assert _described(granian, window()) == "granian, asyncio, 1 worker"
    assert _described(granian, window(heartbeats=())) == "granian"
    mixed = (heartbeat(1), heartbeat(2, loop="uvloop"), heartbeat(3))
    assert _described(granian, window(heartbeats=mixed)) == "granian, asyncio, uvloop, 3 workers"
    address = Address(Options("http://127.0.0.1:8000"))
    assert _described(address, window()) == "a server that runs already"
