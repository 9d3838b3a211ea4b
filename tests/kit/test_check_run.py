"""A check from its options to its report; what cannot be checked is said in a line."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from asgi_liveness.checking import render
from asgi_liveness.checking import run as running
from asgi_liveness.checking import served as serves
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Report, Verdict
from asgi_liveness.checking.run import _Check, _described, _refuse, run
from asgi_liveness.checking.served import Address, Served
from asgi_liveness.checking.watch import Call
from asgi_liveness.errors import LivenessError, UsageError
from asgi_liveness.launching import Launched
from asgi_liveness.servers import version
from tests.kit.windows import call, pulse, window

if TYPE_CHECKING:
    from tests.conftest import Command

LIMIT = 20.0  # seconds for what must come
SECONDS = 0.5
PATIENT = 0.3
"""A limit for stalls that a machine with more to do than cores keeps."""
APP = '''\
import asyncio, os, sys, time

POISONED = False
DOCUMENT = b"""{"paths": {"/fine": {"get": {}}, "/once": {"post": {}}, "/users/{id}": {"get": {}},
"/loops": {"get": {}}}}"""
STATUS = {"/missing": 404, "/moved": 307, "/picky": 422, "/denied": 401, "/breaks": 500}

def spin():
    while True:
        pass

async def app(scope, receive, send):
    global POISONED
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        open("shut down", "a").write("x")
        await send({"type": "lifespan.shutdown.complete"})
        return
    path, body = scope["path"], b""
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    while path == "/loops":
        time.sleep(0.01)
    if path == "/spins":
        spin()
    if path == "/waits":
        await asyncio.sleep(60)
    if path == "/poisons":
        POISONED = True
    if POISONED and path == "/healthz":
        time.sleep(0.6)
    if path == "/exits":
        print("out of", headers["x-token"], file=sys.stderr, flush=True)
        os._exit(3)
    if path == "/import":
        message = await receive()
        open("imported", "ab").write(message["body"] + headers["content-type"].encode())
    if path == "/openapi.json":
        body = DOCUMENT
    moved = [(b"location", b"/fine/")] if path == "/moved" else []
    status = STATUS.get(path, 200)
    await send({"type": "http.response.start", "status": status, "headers": moved})
    await send({"type": "http.response.body", "body": body})

async def hangs(scope, receive, send):
    assert scope["type"] == "http"
    await asyncio.sleep(0.2 if scope["path"] == "/healthz" else 60)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
'''


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, temporary: Path) -> Path:
    """Run where the app is; nothing of a check is left."""
    assert temporary.is_dir()
    (tmp_path / "shop.py").write_text(APP)
    return tmp_path


def options(*during: str, **changes: Any) -> Options:
    fields: dict[str, Any] = {
        "target": "shop:app",
        "during": during,
        "loop": "asyncio",
        "duration": SECONDS,
        "max_stall": PATIENT,
    }
    if "command" in changes:
        fields["target"] = ""
    return Options(**{**fields, **changes})


def checked(*during: str, **changes: Any) -> Report:
    return run(options(*during, **changes))


def refused(*during: str, **changes: Any) -> str:
    with pytest.raises(LivenessError) as raised:
        checked(*during, **changes)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def line_of(text: str) -> int:
    """The line of the app that reads so."""
    (number,) = [n for n, line in enumerate(APP.splitlines(), 1) if line.strip() == text]
    return number


# The report.


def test_a_request_that_stalls_the_loop_is_named_with_its_line() -> None:
    told: list[str] = []
    report = run(options("GET /spins", probe="/healthz"), told.append)
    assert told == ["starting", "idle", "GET /spins"]
    idle, route = report.routes
    assert (idle.during, idle.culprit) == (None, None)
    assert (route.during, route.verdict) == ("GET /spins", Verdict.STALLED)
    assert route.culprit
    assert (route.culprit.file, route.culprit.function) == ("shop.py", "spin")
    assert route.culprit.line in (line_of("pass"), line_of("pass") - 1)
    assert route.probes.due == SECONDS / report.interval_s
    assert route.longest_stall_s
    assert route.longest_stall_s > PATIENT
    assert (report.exit_code, report.ok, report.untried) == (1, False, ())
    assert (report.target, report.probe) == ("shop:app", "GET /healthz")
    assert (report.interval_s, report.max_stall_s) == (0.05, PATIENT)
    assert report.server == f"uvicorn {version('uvicorn')}, asyncio, 1 worker"
    assert report.system["python"] == ".".join(map(str, sys.version_info[:3]))
    assert report.again.startswith("asgi-liveness check shop:app --during 'GET /spins' --probe ")


@pytest.mark.parametrize(
    ("server", "loop", "described"),
    [
        ("uvicorn", "uvloop", f"uvicorn {version('uvicorn')}, uvloop, 1 worker"),
        ("hypercorn", "asyncio", f"hypercorn {version('hypercorn')}, asyncio, 1 worker"),
        ("hypercorn", "uvloop", f"hypercorn {version('hypercorn')}, uvloop, 1 worker"),
    ],
)
def test_the_line_is_named_on_any_server_and_event_loop(
    server: str, loop: str, described: str
) -> None:
    report = checked("/loops", server=server, loop=loop)
    route = report.routes[1]
    assert (route.verdict, report.server) == (Verdict.STALLED, described)
    assert route.culprit
    assert route.culprit.function == "app"


def test_each_request_finds_a_fresh_app() -> None:
    report = checked("POST /poisons", "/fine")
    _, poisons, fine = report.routes
    assert (poisons.verdict, poisons.during) == (Verdict.STALLED, "POST /poisons")
    assert (fine.culprit, fine.during) == (None, "GET /fine")
    assert fine.verdict is not Verdict.STALLED


def test_an_app_at_rest_shuts_itself_down_and_one_that_hangs_is_ended(folder: Path) -> None:
    checked("/fine")
    assert (folder / "shut down").read_text() == "x"
    checked("/loops")
    assert (folder / "shut down").read_text() == "x"


def test_a_request_that_has_no_end_is_closed_and_noted() -> None:
    report = checked("/waits")
    assert any("had not ended after" in note for note in report.routes[1].notes)
    assert report.routes[1].culprit is None


@pytest.mark.parametrize("server", ["uvicorn", "hypercorn"])
def test_an_app_that_ends_in_the_window_died_and_its_words_hold_no_secret(server: str) -> None:
    report = checked("/exits", server=server, headers=("X-Token: s3cr3t-t0ken",))
    assert report.routes[1].verdict is Verdict.DIED
    assert report.routes[1].because.endswith("last words: out of ...")
    assert "s3cr3t" not in report.to_json() + render.text(report)


def test_what_headers_and_bodies_hold_stands_in_no_report(folder: Path) -> None:
    secrets = {"headers": ("Authorization: Bearer s3cr3t",), "body": b'{"password": "pa55w0rd"}'}
    report = checked("POST /import", **secrets)
    assert (folder / "imported").read_bytes() == b'{"password": "pa55w0rd"}application/json'
    written = report.to_json() + render.text(report) + repr(report)
    assert "s3cr3t" not in written
    assert "pa55w0rd" not in written
    assert "s3cr3t" not in refused("POST /picky", **secrets)


@pytest.mark.parametrize(
    ("body", "headers", "type_"),
    [
        (b'{"a": 1}', (), "application/json"),
        (b"[]", ("X-Token: t",), "application/json"),
        (b"{}", ("content-type: text/x",), "text/x"),
        (b"{}", ("CONTENT-TYPE: text/x",), "text/x"),
        (b"a=1", (), None),
        (b"", (), None),
        (b"\xff\xfe", (), None),
        (b"[" * 100_000, (), None),
    ],
)
def test_a_body_of_json_is_called_so(
    body: bytes, headers: tuple[str, ...], type_: str | None
) -> None:
    (made,) = _Check(options("POST /a", body=body, headers=headers), print)._calls
    sent = [value for name, value in made.headers if name.lower() == "content-type"]
    assert sent == ([type_] if type_ else [])
    assert made.body == body


# Apps that do what apps do not.


@pytest.mark.parametrize(
    "habit",
    [
        "import sys; sys.stdout.close(); sys.stdin.close()",
        "import os; os.close(1); os.close(2); os.environ.clear()",
        "import asyncio; asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())",
    ],
    ids=["streams", "descriptors", "policy"],
)
def test_an_app_of_odd_habits_is_checked_as_any(habit: str, folder: Path) -> None:
    (folder / "odd.py").write_text(f"{habit}\nfrom shop import app\n")
    route = checked("/spins", target="odd:app").routes[1]
    assert route.verdict is Verdict.STALLED
    assert route.culprit
    assert route.culprit.function == "spin"


# What cannot be started.


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("nowhere:app", "nowhere:app: there is no module 'nowhere' in "),
        ("shop:application", "the module shop has no attribute 'application'"),
        ("shop:STATUS", "STATUS is not an ASGI app: it is 'dict'"),
        ("shop:spin", "if calling it makes the app, write 'shop:spin()'"),
    ],
)
def test_a_target_that_is_none_is_told_why(target: str, told: str) -> None:
    assert told in refused("/fine", target=target)


FREEZING = """\
import asyncio, time
async def app(scope, receive, send):
    {}
    await asyncio.sleep(60)
"""


def test_an_app_that_freezes_as_it_starts_is_told_its_line(folder: Path) -> None:
    (folder / "freezing.py").write_text(FREEZING.format("time.sleep(60)"))
    told = refused(target="freezing:app", start_limit=1.0)
    assert told == (
        "freezing:app: no answer on uvicorn/asyncio within 1 s while in its lifespan start-up; "
        "its event loop is blocked at freezing.py:3"
    )


def test_an_app_that_only_waits_as_it_starts_is_not_said_to_be_blocked(folder: Path) -> None:
    (folder / "freezing.py").write_text(FREEZING.format("time.sleep(0.5)"))
    assert refused(target="freezing:app", start_limit=1.0).endswith("in its lifespan start-up")


@pytest.mark.parametrize(
    ("during", "changes", "told"),
    [
        ("GET report", {}, "a path begins with one slash"),
        ("FETCH /report", {}, "FETCH is no method; did you mean PATCH?"),
        ("GET", {}, "the path is missing; write 'GET /report'"),
        ("http://127.0.0.1/report", {}, "a path begins with one slash"),
        ("", {}, "a path begins with one slash"),
        ("/fine", {"headers": ("s3cr3t",)}, "one of the headers has no name"),
        ("/fine", {"headers": ("X: s3cr3t\u2603",)}, "the header X has a value that is not plain"),
        ("/fine", {"probe": "healthz"}, "--probe 'healthz': a path begins with one slash"),
        ("/fine", {"target": "ftp://127.0.0.1"}, "is no address"),
        ("/fine", {"target": "http://10.0.0.1"}, "10.0.0.1 is not this machine"),
    ],
)
def test_what_is_asked_for_wrongly_starts_nothing(
    during: str, changes: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Launched, "start", None)
    error = refused(during, **changes)
    assert told in error
    assert "s3cr3t" not in error


# What is probed.


def probed(answers: dict[str, int | None], probe: str | None = None) -> str:
    """Which path is probed of an app that answers so."""

    async def status(_: object, path: str) -> int | None:
        return answers.get(path, 404)

    async def ask() -> Call:
        return await _Check(options(probe=probe), print)._probed(cast("Served", None))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "_status", status)
        return str(asyncio.run(ask()))


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({"/healthz": 200, "/health": 200}, "GET /healthz"),
        ({"/livez": 200, "/": 200}, "GET /livez"),
        ({"/": 200}, "GET /"),
        ({"/health": 503, "/": 200}, "GET /health"),
        ({"/healthz": None, "/": 200}, "GET /"),
        ({}, "GET /healthz"),
        ({"/healthz": None}, "GET /health"),
    ],
)
def test_the_first_path_that_is_there_is_probed(answers: dict[str, int | None], found: str) -> None:
    assert probed(answers) == found


def test_the_path_that_was_named_is_probed_and_must_be_there() -> None:
    assert probed({"/": 200, "/ping?a=b": 401}, "/ping?a=b") == "GET /ping?a=b"
    with pytest.raises(UsageError, match="--probe /ping answered 404; name a path that is there"):
        probed({"/": 200}, "/ping")


def test_where_no_path_answers_nothing_can_be_probed() -> None:
    nothing = dict.fromkeys(running.PROBED)
    with pytest.raises(UsageError, match="/healthz and /health and /livez and / gave no answer"):
        probed(nothing)
    with pytest.raises(UsageError, match=r"^/ping gave no answer within 5 s at rest; name a path"):
        probed({"/ping": None}, "/ping")


def test_a_path_that_answers_once_and_then_no_more_cannot_be_probed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "_PATIENCE", 0.05)
    told = refused(target="shop:hangs", probe="/healthz")
    assert told.startswith("/healthz gave no answer within 0.05 s at rest")


# What the request was answered.


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        (call(0, 1, 404), "POST /report answered 404 and did no work; give it the path, the query"),
        (call(0, 1, 405), "POST /report answered 405 and did no work"),
        (call(0, 1, 422), "POST /report answered 422 and did no work"),
        (call(0, 1, 307, location="/report/"), "POST /report answered 307: its route is /report/;"),
        (call(0, 1, 308, location="/b"), "its route is /b; name that with --during"),
        (call(0, 1, 301), "its route is elsewhere; name that with --during"),
    ],
)
def test_a_request_that_did_nothing_is_refused(answered: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told.replace("?", r"\?")):
        _refuse(Call("POST", "/report"), window(calls=(answered, call(1, 2))))


@pytest.mark.parametrize(
    "calls",
    [
        (),
        (call(0, None),),
        (call(0, 1, error="ReadError"),),
        *((call(0, 1, status),) for status in (200, 204, 302, 303, 401, 403, 429, 500, 503)),
        (call(0, 1, 200), call(1, 2, 404)),
    ],
)
def test_a_request_that_did_something_is_judged(calls: tuple[Any, ...]) -> None:
    _refuse(Call("GET", "/report"), window(calls=calls))


@pytest.mark.parametrize("path", ["/missing", "/picky", "/moved"])
def test_a_request_that_the_app_does_not_take_is_refused(path: str) -> None:
    assert refused(path).startswith(f"GET {path} answered ")


def test_a_request_that_fails_is_noted() -> None:
    _, denied, breaks = checked("/denied", "/breaks").routes
    assert any("itself answered 401" in note for note in denied.notes)
    assert any("itself answered 500" in note for note in breaks.notes)


# The routes that a document lists.


def test_routes_that_were_not_asked_for_are_listed() -> None:
    report = checked()
    assert [route.during for route in report.routes] == [None]
    assert report.untried == ("GET /fine", "GET /loops")


def test_routes_of_a_document_are_run_beside_those_that_are_named() -> None:
    report = checked("POST /once", "/loops", openapi=True)
    during = [route.during for route in report.routes]
    assert during == [None, "POST /once", "GET /loops", "GET /fine"]
    assert report.routes[2].verdict is Verdict.STALLED
    assert report.untried == ()


def test_an_app_without_a_document_lists_none_and_cannot_be_asked_to() -> None:
    assert "has no OpenAPI document" in refused(target="tiny:make()", openapi=True)


# A server that runs already.


def come(what: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT
    while not what():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_a_server_that_runs_is_judged_by_its_answers_and_left_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serves, "_PATIENCE", 0.5)
    command = (sys.executable, "-m", "uvicorn", "--port", "{port}", "--loop", "asyncio", "shop:app")
    with Launched(command) as server:
        come(lambda: "running on" in server.log())
        fine = checked("/fine", target=server.url)
        assert fine.routes[1].probes.answered == fine.routes[1].probes.due
        report = checked("/spins", "/fine", target=server.url)
        assert not server.ended
    idle, route = report.routes  # what it gives no answer to any more takes no verdict away
    assert route.notes[-1] == "the server gives no answer any more; not tried: GET /fine"
    assert (route.verdict, route.culprit) == (Verdict.STALLED, None)
    assert (idle.longest_stall_s, route.longest_stall_s, route.idle_stall_s) == (None, None, None)
    assert (report.target, report.server) == (server.url, "a server that runs already")
    frozen = f"{server.url} cannot be asked (ConnectError: "
    assert refused(target=server.url).startswith(frozen)


# A command.


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
    assert _described(granian, window(pulses=())) == "granian"
    mixed = (pulse(1), pulse(2, loop="uvloop"), pulse(3))
    assert _described(granian, window(pulses=mixed)) == "granian, asyncio, uvloop, 3 workers"
    address = Address(Options("http://127.0.0.1:8000"))
    assert _described(address, window()) == "a server that runs already"


# On the command line.

BLOCKED = "import time\nasync def app(scope, receive, send): time.sleep(60)\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("nowhere:app", "nowhere:app: there is no module 'nowhere'"),
        ("shop:app --during /missing", "GET /missing answered 404 and did no work"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1 cannot be asked (ConnectError"),
        ("http://127.0.0.1:99999", "is no address; write http://127.0.0.1:8000"),
        ("blocked:app --start-limit 1s", "its event loop is blocked at blocked.py:2"),
        ("-- python -c 1/0", "ended with 1 before it answered; its last words: ZeroDivision"),
    ],
)
def test_bad_input_is_a_line_and_leaves_nothing(
    words: str, told: str, command: Command, folder: Path
) -> None:
    (folder / "blocked.py").write_text(BLOCKED)
    short = () if "--" in words.split() else ("--duration", "500ms", "--loop", "asyncio")
    done = command("-m", "asgi_liveness", "check", *words.split(), *short)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("asgi-liveness: ")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("target", [("shop:app",), ("--", "python", "-c", "")])
def test_a_folder_that_cannot_be_written_to_is_a_line(
    target: tuple[str, ...], command: Command
) -> None:
    done = command(
        *("-m", "asgi_liveness", "check", *target),
        prefix=("sh", "-c", 'ulimit -f 16; exec "$@"', "sh"),
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "set TMPDIR" in done.stderr


def test_one_that_is_interrupted_leaves_nothing(command: Command) -> None:
    done = command(
        *("-m", "asgi_liveness", "check", "shop:app", "--during", "/spins", "--duration", "1m"),
        prefix=("env", "--unset=PYTHONWARNINGS", "timeout", "--foreground", "--signal=INT", "3"),
    )
    assert done.stderr.endswith("asgi-liveness: interrupted; every server is ended\n")
    assert "Traceback" not in done.stderr


def test_a_live_app_exits_with_0_and_a_stalled_one_with_1(command: Command, folder: Path) -> None:
    check = ("-m", "asgi_liveness", "check", "shop:app", "--duration", "500ms", "--loop", "asyncio")
    path = folder / "report.json"
    done = command(*check, "--during", "/loops", "--report", f"json={path}")
    assert (done.returncode, done.stderr) == (1, "")
    assert f"shop.py:{line_of('time.sleep(0.01)')} in app()" in done.stdout
    assert json.loads(path.read_text())["verdict"] == "stalled"
    live = command(*check, "--max-stall", "3s")
    assert (live.returncode, live.stderr) == (0, "")
