"""A check that cannot run ends soon, with one line, and leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from asgi_liveness.serving.launched import Launched
from tests.kit.checking.shop import checked, folder, line_of, refused

if TYPE_CHECKING:
    from tests.conftest import Command

__all__ = ["folder"]  # every test runs in it


# Targets that do not start.


@pytest.mark.servers
@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("nowhere:app", "nowhere:app: there is no module 'nowhere' in "),
        ("shop:application", "the module shop has no attribute 'application'"),
        ("shop:STATUS", "STATUS is not an ASGI app: it is 'dict'"),
        ("shop:spin", "if calling it returns the app, write 'shop:spin()'"),
    ],
)
def test_the_error_for_a_bad_target_says_why(target: str, error: str) -> None:
    assert error in refused("/fine", target=target)


FREEZING = """\
import asyncio, time
async def app(scope, receive, send):
    {}
    await asyncio.sleep(60)
"""


@pytest.mark.servers
def test_the_error_for_an_app_that_blocks_its_start_names_the_line(folder: Path) -> None:
    (folder / "freezing.py").write_text(FREEZING.format("time.sleep(60)"))
    error = refused(target="freezing:app", start_limit=5.0)
    assert error == (
        "freezing:app: no answer on uvicorn/asyncio within 5 s while in its lifespan start-up; "
        "its event loop is blocked at freezing.py:3"
    )


@pytest.mark.servers
def test_the_error_for_an_app_that_waits_in_its_start_names_no_line(folder: Path) -> None:
    (folder / "freezing.py").write_text(FREEZING.format("time.sleep(0.5)"))
    assert refused(target="freezing:app", start_limit=5.0).endswith("in its lifespan start-up")


@pytest.mark.parametrize(
    ("during", "changes", "part"),
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
def test_a_malformed_option_starts_no_server(
    during: str, changes: dict[str, Any], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Launched, "start", None)
    error = refused(during, **changes)
    assert part in error
    assert "s3cr3t" not in error


# Rejected requests.


@pytest.mark.servers
@pytest.mark.parametrize("path", ["/missing", "/picky", "/moved", "/denied"])
def test_a_request_that_the_app_rejects_is_refused(path: str) -> None:
    assert refused(path).startswith(f"GET {path} answered ")


@pytest.mark.servers
def test_every_refused_request_is_named_where_all_are() -> None:
    error = refused("/missing", "/denied")
    assert error.startswith("GET /missing answered 404 and did no work: ")
    assert "; GET /denied answered 401 and did no work: " in error


@pytest.mark.servers
def test_a_request_that_fails_is_noted() -> None:
    _, breaks = checked("/breaks").routes
    assert any("itself answered 500" in note for note in breaks.notes)


# On the command line.

BLOCKED = "import time\nasync def app(scope, receive, send): time.sleep(60)\n"


@pytest.mark.servers
@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("nowhere:app", "nowhere:app: there is no module 'nowhere'"),
        ("shop:app --during /missing", "GET /missing answered 404 and did no work"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1 sent no response (ConnectError"),
        ("http://127.0.0.1:99999", "is no address; write http://127.0.0.1:8000"),
        ("blocked:app --start-limit 5s", "its event loop is blocked at blocked.py:2"),
        ("-- python -c 1/0", "ended with 1 before it responded; its last log line: ZeroDivision"),
    ],
)
def test_bad_input_prints_one_line_and_leaves_nothing(
    words: str, error: str, command: Command, folder: Path
) -> None:
    (folder / "blocked.py").write_text(BLOCKED)
    short = () if "--" in words.split() else ("--duration", "500ms", "--loop", "asyncio")
    done = command("-m", "asgi_liveness", "check", *words.split(), *short)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("asgi-liveness: ")
    assert error in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.servers
@pytest.mark.parametrize("target", [("shop:app",), ("--", "python", "-c", "")])
def test_a_full_disk_prints_one_line(target: tuple[str, ...], command: Command) -> None:
    done = command(
        *("-m", "asgi_liveness", "check", *target),
        prefix=("sh", "-c", 'ulimit -f 16; exec "$@"', "sh"),
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "set TMPDIR" in done.stderr


@pytest.mark.servers
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_check_runs_with_closed_standard_streams(
    closed: str, command: Command, folder: Path
) -> None:
    path = folder / "report.json"
    words = ("check", "shop:app", "--during", "/loops", "--duration", "500ms")
    done = command(
        *("-m", "asgi_liveness", *words, "--report", f"json={path}"),
        prefix=("sh", "-c", f'exec "$@" {closed}', "sh"),
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert json.loads(path.read_text())["verdict"] == "stalled"


@pytest.mark.servers
def test_an_interrupted_check_leaves_nothing(command: Command) -> None:
    done = command(
        *("-m", "asgi_liveness", "check", "shop:app", "--during", "/spins", "--duration", "1m"),
        prefix=("env", "--unset=PYTHONWARNINGS", "timeout", "--foreground", "--signal=INT", "3"),
    )
    assert done.stderr.endswith(
        "asgi-liveness: interrupted; every server that it started is ended\n"
    )
    assert "Traceback" not in done.stderr


@pytest.mark.servers
def test_a_live_app_exits_with_0_and_a_stalled_one_with_1(command: Command, folder: Path) -> None:
    check = ("-m", "asgi_liveness", "check", "shop:app", "--duration", "500ms", "--loop", "asyncio")
    path = folder / "report.json"
    done = command(*check, "--during", "/loops", "--report", f"json={path}")
    assert (done.returncode, done.stderr) == (1, "")
    assert f"shop.py:{line_of('time.sleep(0.01)')} in app()" in done.stdout
    assert json.loads(path.read_text())["verdict"] == "stalled"
    live = command(*check[:4], "--duration", "1s", "--max-stall", "500ms", "--during", "/fine")
    assert (live.returncode, live.stderr) == (0, "")
