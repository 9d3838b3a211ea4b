"""Requests that need a login first, and WebSockets, against an app that has both."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asgi_liveness.checking import render
from asgi_liveness.checking.before import Before
from asgi_liveness.checking.formats import FORMATS
from asgi_liveness.checking.report import Report, Verdict
from tests.kit.checking.shop import checked, folder, refused

if TYPE_CHECKING:
    from tests.conftest import Command

__all__ = ["folder"]  # every test runs in it

MEMBERS = """\
import asyncio, json, os, sys, time

LOGINS = 0
TOKEN = f"t0ken-{os.getpid()}"

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        return await send({"type": "lifespan.startup.complete"})
    headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
    cookie, bearer = headers.get("cookie", ""), headers.get("authorization", "")
    known = cookie == f"sid={TOKEN}" and bearer == f"Bearer {TOKEN}"
    if scope["type"] == "websocket":
        return await socket(scope["path"], known, receive, send)
    status, body, extra = 200, b"", []
    if scope["path"] == "/login":
        given = (await receive())["body"]
        open("logins", "ab").write(given + b"\\n")
        status = 200 if b"pa55w0rd" in given else 401
        extra = [(b"set-cookie", f"sid={TOKEN}; Secure; Path=/login".encode())]
        body = json.dumps({"data": {"token": TOKEN}}).encode() if status == 200 else given
    elif scope["path"] not in ("/healthz", "/"):
        status = 200 if known else 401
        if known and scope["path"] == "/stalls":
            time.sleep(2)
        if scope["path"] == "/exits":
            print("out of", TOKEN, headers, file=sys.stderr, flush=True)
            os._exit(3)
    await send({"type": "http.response.start", "status": status, "headers": extra})
    await send({"type": "http.response.body", "body": body})

async def socket(path, known, receive, send):
    await receive()
    if path in ("/none", "/never") or (path == "/private" and not known):
        if path == "/never":
            await asyncio.sleep(60)
        return await send({"type": "websocket.close", "code": 1000})
    await send({"type": "websocket.accept"})
    if path == "/blames":
        return await send({"type": "websocket.close", "code": 4401})
    if path == "/fails":
        raise RuntimeError("no")
    if path == "/first":
        assert (await receive())["text"] == "hello"
    while True:
        time.sleep(2) if path in ("/stalls", "/first") else await asyncio.sleep(0.05)
        await send({"type": "websocket.send", "text": "x"})
"""
LOGIN = Before("POST /login?key=qu3ry", ("X-Key: h3ader",), b'{"password": "pa55w0rd"}')
BEARER = ("Authorization: Bearer {data.token}",)
SECRETS = ("qu3ry", "h3ader", "pa55w0rd", "t0ken")


@pytest.fixture(autouse=True)
def members(folder: Path) -> None:
    (folder / "members.py").write_text(MEMBERS)


def logged_in(*during: str, **changes: Any) -> Report:
    fields = {"target": "members:app", "before": (LOGIN,), "header_from": BEARER, **changes}
    report = checked(*during, **fields)
    written = [repr(report), render.text(report), *(form(report) for form in FORMATS.values())]
    assert not [secret for secret in SECRETS for text in written if secret in text]
    return report


# A login first.


@pytest.mark.servers
@pytest.mark.parametrize("server", ["uvicorn", "hypercorn"])
def test_a_request_behind_a_login_is_judged(server: str) -> None:
    route = logged_in("/stalls", server=server).routes[1]
    assert route.verdict is Verdict.STALLED
    assert route.culprit
    assert route.culprit.source.startswith("time.sleep(2)")


@pytest.mark.servers
def test_every_start_of_the_app_logs_in_anew(folder: Path) -> None:
    report = logged_in("/a", "/b", "WS /private")
    assert Verdict.NOT_CHECKED not in [route.verdict for route in report.routes]
    assert (folder / "logins").read_bytes().splitlines() == [LOGIN.body] * len(report.routes)


@pytest.mark.servers
def test_without_the_login_the_request_is_not_checked() -> None:
    error = refused("/a", target="members:app")
    assert error.startswith("GET /a answered 401 and did no work: give it what lets it in: -H 'Au")


@pytest.mark.servers
def test_a_report_on_an_app_that_logs_its_token_does_not_hold_it() -> None:
    route = logged_in("/exits").routes[1]
    assert route.verdict is Verdict.DIED
    assert "last log line: out of ..." in route.because


@pytest.mark.servers
def test_a_command_that_logs_in_repeats_nothing_of_it(command: Command, folder: Path) -> None:
    words = "check members:app --before 'POST /login' -d @login.json --during /a --duration 500ms"
    check = ("-m", "asgi_liveness", *shlex.split(words))
    (folder / "login.json").write_bytes(b'{"password": "wr0ng"}')
    done = command(*check)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "asgi-liveness: --before POST /login answered 401; check its path, -H and -d\n"
    )
    (folder / "login.json").write_bytes(LOGIN.body)
    done = command(*check, "--header-from", "Authorization: Bearer {token}")
    assert (done.returncode, done.stdout) == (2, "")
    assert "answered JSON with {token}; write the name" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not [secret for secret in (*SECRETS, "wr0ng") if secret in done.stderr]


# WebSockets.


@pytest.mark.servers
@pytest.mark.parametrize("server", ["uvicorn", "hypercorn"])
def test_a_websocket_that_stalls_is_judged_as_any_request(server: str) -> None:
    report = checked("WS /stalls", target="members:app", server=server)
    route = report.routes[1]
    assert (route.during, route.verdict) == ("WS /stalls", Verdict.STALLED)
    assert route.culprit
    assert (route.culprit.file, route.culprit.function) == ("members.py", "socket")
    assert any("stayed open for the whole window" in note for note in route.notes)


@pytest.mark.servers
def test_a_websocket_gets_its_first_message() -> None:
    route = checked("WS /first", target="members:app", body=b"hello").routes[1]
    assert route.verdict is Verdict.STALLED


@pytest.mark.servers
def test_a_live_websocket_is_live() -> None:
    route = checked("WS /ticks", target="members:app").routes[1]
    assert route.culprit is None
    assert route.verdict is not Verdict.NOT_CHECKED


@pytest.mark.servers
@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/none", "WS /none answered 403 and did no work: give it the path"),
        ("/blames", "WS /blames was closed with 4401 and did no work: give it the path"),
    ],
)
def test_a_websocket_that_is_refused_is_not_checked(path: str, error: str) -> None:
    assert refused(f"WS {path}", target="members:app").startswith(error)


@pytest.mark.servers
@pytest.mark.parametrize(
    ("path", "note"),
    [("/fails", "itself failed ("), ("/never", "itself was not accepted in the")],
)
def test_a_websocket_that_fails_or_waits_is_judged_and_noted(path: str, note: str) -> None:
    route = checked(f"WS {path}", target="members:app").routes[1]
    assert any(note in each for each in route.notes), route.notes


@pytest.mark.servers
def test_a_server_without_a_library_for_websockets_is_said_to_lack_it() -> None:
    words = ("uvicorn", "--ws", "none", "--port", "{port}", "members:app")
    error = refused("WS /ticks", command=words)
    assert "its server has no library for WebSockets; pip install websockets into" in error
