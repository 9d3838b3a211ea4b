"""What cannot be checked is said in a line, ends soon, and leaves nothing."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from asgi_liveness.checking import run as running
from asgi_liveness.checking.run import _Check, _not_done
from asgi_liveness.checking.served import Served
from asgi_liveness.checking.watch import Call
from asgi_liveness.errors import UsageError
from asgi_liveness.serving.launched import Launched
from tests.kit.checking.shop import (
    checked,
    folder,
    line_of,
    options,
    refused,
)
from tests.kit.checking.windows import call, window

if TYPE_CHECKING:
    from tests.conftest import Command

__all__ = ["folder"]  # every test runs in it


# What cannot be started.


@pytest.mark.servers
@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("nowhere:app", "nowhere:app: there is no module 'nowhere' in "),
        ("shop:application", "the module shop has no attribute 'application'"),
        ("shop:STATUS", "STATUS is not an ASGI app: it is 'dict'"),
        ("shop:spin", "if calling it returns the app, write 'shop:spin()'"),
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


@pytest.mark.servers
def test_an_app_that_freezes_as_it_starts_is_told_its_line(folder: Path) -> None:
    (folder / "freezing.py").write_text(FREEZING.format("time.sleep(60)"))
    told = refused(target="freezing:app", start_limit=1.0)
    assert told == (
        "freezing:app: no answer on uvicorn/asyncio within 1 s while in its lifespan start-up; "
        "its event loop is blocked at freezing.py:3"
    )


@pytest.mark.servers
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


@pytest.mark.servers
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
def test_a_request_that_did_nothing_is_told(answered: Any, told: str) -> None:
    assert told in _not_done(Call("POST", "/report"), window(calls=(answered, call(1, 2))))


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
    assert _not_done(Call("GET", "/report"), window(calls=calls)) == ""


@pytest.mark.servers
@pytest.mark.parametrize("path", ["/missing", "/picky", "/moved"])
def test_a_request_that_the_app_does_not_take_is_refused(path: str) -> None:
    assert refused(path).startswith(f"GET {path} answered ")


@pytest.mark.servers
def test_a_request_that_fails_is_noted() -> None:
    _, denied, breaks = checked("/denied", "/breaks").routes
    assert any("itself answered 401" in note for note in denied.notes)
    assert any("itself answered 500" in note for note in breaks.notes)


# On the command line.

BLOCKED = "import time\nasync def app(scope, receive, send): time.sleep(60)\n"


@pytest.mark.servers
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


@pytest.mark.servers
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


@pytest.mark.servers
def test_one_that_is_interrupted_leaves_nothing(command: Command) -> None:
    done = command(
        *("-m", "asgi_liveness", "check", "shop:app", "--during", "/spins", "--duration", "1m"),
        prefix=("env", "--unset=PYTHONWARNINGS", "timeout", "--foreground", "--signal=INT", "3"),
    )
    assert done.stderr.endswith("asgi-liveness: interrupted; every server is ended\n")
    assert "Traceback" not in done.stderr


@pytest.mark.servers
def test_a_live_app_exits_with_0_and_a_stalled_one_with_1(command: Command, folder: Path) -> None:
    check = ("-m", "asgi_liveness", "check", "shop:app", "--duration", "500ms", "--loop", "asyncio")
    path = folder / "report.json"
    done = command(*check, "--during", "/loops", "--report", f"json={path}")
    assert (done.returncode, done.stderr) == (1, "")
    assert f"shop.py:{line_of('time.sleep(0.01)')} in app()" in done.stdout
    assert json.loads(path.read_text())["verdict"] == "stalled"
    live = command(*check, "--max-stall", "3s")
    assert (live.returncode, live.stderr) == (0, "")
