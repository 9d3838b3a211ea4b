"""Bad input gets one line that says what was found and what to do, and leaves nothing running."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from asgi_liveness import cli, servers

if TYPE_CHECKING:
    from tests.conftest import Command

ROOT = Path(__file__).parents[2]
LIFESPAN = """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        {}
"""
APP = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    status = {} if scope["path"] in {} else 404
    await send({{"type": "http.response.start", "status": status, "headers": []}})
    await send({{"type": "http.response.body", "body": b""}})
"""
BROKEN = {
    "no_module": ("", "nowhere:app", "no module 'nowhere'"),
    "no_attribute": ("", "broken:app", "no attribute 'app'"),
    "no_asgi_app": ("app = 42", "broken:app", "not an ASGI app: it is 'int'"),
    "a_wsgi_app": ("def app(environ, start): ...", "broken:app", "not an ASGI app"),
    "import_raises": ("1 / 0", "broken:app", "ZeroDivisionError: division by zero"),
    "import_misses": ("import missing_too", "broken:app", "No module named 'missing_too'"),
    "import_exits_0": ("import sys; sys.exit(0)", "broken:app", "exits with 0 when imported"),
    "import_exits_3": ("import sys; sys.exit(3)", "broken:app", "exits with 3 when imported"),
    "dies_with_0": ("import os; os._exit(0)", "broken:app", "while importing broken"),
    "dies_with_3": ("import os; os._exit(3)", "broken:app", "while importing broken"),
    "start_up_fails": (
        LIFESPAN.format(
            "await receive(); "
            "await send({'type': 'lifespan.startup.failed', 'message': 'no database'})"
        ),
        "broken:app",
        "lifespan start-up failed: no database",
    ),
    "start_up_dies": (LIFESPAN.format("import os; os._exit(3)"), "broken:app", "while in its"),
    "start_up_never_ends": (
        LIFESPAN.format("import asyncio; await asyncio.sleep(3600)"),
        "broken:app",
        "within 10 s while in its lifespan start-up",
    ),
    "start_up_blocks": (
        LIFESPAN.format("while True: pass"),
        "broken:app",
        "within 10 s while in its lifespan start-up",
    ),
    "no_hello": (APP.format(200, "()"), "broken:app", "GET /hello answered 404"),
    "no_hello_sync": (APP.format(200, "('/hello',)"), "broken:app", "GET /hello-sync answered 404"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_target_that_cannot_be_set_up(name: str, command: Command, tmp_path: Path) -> None:
    source, target, told = BROKEN[name]
    (tmp_path / "broken.py").write_text(source)
    done = command("-m", "asgi_liveness", "run", target, "--report", "json=out.json")
    assert done.returncode == 2
    assert done.stderr.startswith(f"asgi-liveness: {target}: ")
    assert done.stderr.count("\n") == 1
    cells = json.loads((tmp_path / "out.json").read_text())["cells"]
    assert {cell["server"] for cell in cells} == {kind.name for kind in servers.SERVERS}
    assert all(cell["verdict"] == "error" and told in cell["message"] for cell in cells)


def test_a_missing_loop_route_is_named_and_the_rest_is_judged(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(
        "from tests import bare_app\n"
        "del bare_app.ROUTES['/cooperative']\n"
        "app = bare_app.make_app(bare_app.ROUTES)\n"
    )
    code = f"import sys; sys.path.append({str(ROOT)!r}); from asgi_liveness.__main__ import main; "
    target = ("run", "broken:app", "--server", "uvicorn/asyncio", "--report", "json=out.json")
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    done = command("-c", f"{code} sys.argv[1:] = {target!r}; sys.exit(main())")
    assert done.returncode == 2
    assert done.stderr == (
        "asgi-liveness: broken:app: GET /cooperative answered 404, the route is missing; "
        "add it as CONTRACT.md#routes defines it\n"
    )
    cells = json.loads((tmp_path / "out.json").read_text())["cells"]
    errors = {cell["case"] for cell in cells if cell["verdict"] == "error"}
    assert errors == {"LIVE-006", "LIVE-009"}
    assert {cell["verdict"] for cell in cells if cell["case"] not in errors} == {"passed"}


def test_the_ledger_cannot_be_written(command: Command) -> None:
    done = command(
        *("-m", "asgi_liveness", "run", "x:app", "--server", "hypercorn"),
        prefix=("sh", "-c", 'ulimit -f 16; exec "$@"', "sh"),
    )
    assert done.returncode == 2
    assert done.stderr.startswith("asgi-liveness: the ledger ")
    assert "set TMPDIR" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--server", "gunicorn"), "no server is called 'gunicorn'; choose from: uvicorn/asyncio"),
        (("--lacks", "threads"), "no feature is called 'threads'; there is: sync"),
        (("-k", "LIVE-999"), "no case has 'LIVE-999' in its name"),
        (("--known", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("--report", "xml=out.xml"), "write FORMAT=FILE"),
        (("--report", "json=/dev/null/out.json"), "cannot be written"),
    ],
)
def test_a_bad_option(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", "x:app", *arguments]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_a_server_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(servers, "version", lambda _: None)
    assert cli.main(["run", "x:app", "--server", "hypercorn"]) == 2
    told = "hypercorn was asked for and is not installed: pip install hypercorn"
    assert capsys.readouterr().err == f"asgi-liveness: {told}\n"
    assert cli.main(["run", "x:app"]) == 2
    assert "no supported server is installed" in capsys.readouterr().err


def test_it_stops_where_the_port_is_taken(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("-m", "asgi_liveness", "serve", "x:app", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr.startswith(f"asgi-liveness: port {port} on 127.0.0.1 cannot be listened on")
