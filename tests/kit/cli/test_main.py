"""Bad input gets one line that says what was found and what to do, and leaves nothing running."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from asgi_liveness.cli import main as cli
from asgi_liveness.conformance.cases import CASES, Case
from asgi_liveness.conformance.cases.promised import SPEED
from asgi_liveness.conformance.promises import PROMISES, REMEDIES
from asgi_liveness.errors import UsageError
from asgi_liveness.serving import servers

if TYPE_CHECKING:
    from tests.conftest import Command

ROOT = Path(__file__).parents[3]
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
START_UPS = (
    "import asyncio; await asyncio.sleep(3600)",
    "import time; time.sleep(3600)",  # it blocks the event loop
)
UNASKED = {case.id for case in CASES if case.needs & {remedy.name for remedy in REMEDIES}}
BROKEN = {
    "import_raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "import_exits_0": ("import sys; sys.exit(0)", "exits with 0 when imported"),
    "import_exits_3": ("import sys; sys.exit(3)", "exits with 3 when imported"),
    "dies_with_0": ("import os; os._exit(0)", "while importing broken"),
    "dies_with_3": ("import os; os._exit(3)", "while importing broken"),
    "start_up_fails": (
        LIFESPAN.format(
            "await receive(); "
            "await send({'type': 'lifespan.startup.failed', 'message': 'no database'})"
        ),
        "lifespan start-up failed: no database",
    ),
    "start_up_dies": (LIFESPAN.format("import os; os._exit(3)"), "while in its"),
}
"""What servers might take in different ways."""
FOUND_BY_US = {
    "no_attribute": ("", "no attribute 'app'"),
    "no_asgi_app": ("app = 42", "not an ASGI app: it is 'int'"),
    "a_wsgi_app": ("def app(environ, start): ...", "not an ASGI app"),
    "import_misses": ("import missing_too", "No module named 'missing_too'"),
    "no_hello": (APP.format(200, "()"), "GET /hello answered 404"),
    "no_hello_sync": (APP.format(200, "('/hello',)"), "GET /hello-sync answered 404"),
}


def refuse(command: Command, folder: Path, target: str, told: str) -> None:
    """Run the target of that folder on all servers; it must be refused in a line."""
    run = ("-m", "asgi_liveness", "run", target, "--report", "json=out.json")
    done = command(*run, cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith(f"asgi-liveness: {target}: ")
    assert done.stderr.count("\n") == 1
    cells = json.loads((folder / "out.json").read_text())["cells"]
    assert {cell["server"] for cell in cells} == {kind.name for kind in servers.SERVERS}
    # Of a remedy that the target does not say it has, nothing is asked.
    assert {cell["verdict"] for cell in cells if cell["case"] in UNASKED} == {"not applicable"}
    asked = [cell for cell in cells if cell["case"] not in UNASKED]
    assert all(cell["verdict"] == "error" and told in cell["message"] for cell in asked)


@pytest.mark.servers
@pytest.mark.parametrize("name", BROKEN)
def test_a_target_that_cannot_be_set_up(name: str, command: Command, tmp_path: Path) -> None:
    source, told = BROKEN[name]
    (tmp_path / "broken.py").write_text(source)
    refuse(command, tmp_path, "broken:app", told)


@pytest.mark.servers
def test_each_of_several_targets_that_cannot_be_set_up_gets_a_line(
    command: Command, tmp_path: Path
) -> None:
    for name, (source, _) in FOUND_BY_US.items():
        (tmp_path / f"{name}.py").write_text(source)
    targets = [f"{name}:app" for name in FOUND_BY_US]
    run = ("-m", "asgi_liveness", "run", "nowhere:app", *targets, "--server", "uvicorn/asyncio")
    done = command(*run, cwd=tmp_path)
    assert done.returncode == 2
    told = ["no module 'nowhere'", *(told for _, told in FOUND_BY_US.values())]
    for target, words, line in zip(
        ["nowhere:app", *targets], told, done.stderr.splitlines(), strict=True
    ):
        assert line.startswith(f"asgi-liveness: {target}: ")
        assert words in line


@pytest.mark.servers
def test_a_target_whose_start_up_does_not_end(command: Command, tmp_path: Path) -> None:
    def start(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "broken.py").write_text(LIFESPAN.format(START_UPS[number]))
        refuse(command, folder, "broken:app", "within 10 s while in its lifespan start-up")

    with ThreadPoolExecutor() as pool:  # both of them wait for most of their time
        list(pool.map(start, range(len(START_UPS))))


@pytest.mark.servers
def test_a_missing_loop_route_is_named_and_the_rest_is_judged(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(
        "from examples import bare_asgi as bare_app\n"
        "del bare_app.ROUTES['/cooperative']\n"
        "app = bare_app.make_app(bare_app.ROUTES)\n"
    )
    code = f"import sys; sys.path.append({str(ROOT)!r}); from asgi_liveness.__main__ import main; "
    target = ("run", "broken:app", "--server", "uvicorn/asyncio", "--report", "json=out.json")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    done = command("-c", f"{code} sys.argv[1:] = {target!r}; sys.exit(main())")
    assert done.returncode == 2
    assert done.stderr == (
        "asgi-liveness: broken:app: GET /cooperative answered 404, the route is missing; "
        "add it as `asgi-liveness explain routes` says\n"
    )
    cells = json.loads((tmp_path / "out.json").read_text())["cells"]
    errors = {cell["case"] for cell in cells if cell["verdict"] == "error"}
    assert errors == {"LIVE-006", "LIVE-009"}
    others = errors | UNASKED
    assert {cell["verdict"] for cell in cells if cell["case"] not in others} == {"passed"}


@pytest.mark.servers
def test_what_a_target_has_is_held_against_a_promise(command: Command, tmp_path: Path) -> None:
    done = command(
        *("-m", "asgi_liveness", "run", "examples.bare_asgi:app", "--server", "uvicorn/asyncio"),
        *("--has", "cooperative", "-k", "speed", "--report", f"json={tmp_path}/out.json"),
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert f"-r{'-' * (len(SPEED) - 2)}  1 of {len(SPEED)}\n" in done.stdout
    assert "kept by examples.bare_asgi:app speed\n" in done.stdout
    cells = json.loads((tmp_path / "out.json").read_text())["cells"]
    (recorded,) = [cell for cell in cells if cell["verdict"] == "recorded"]
    assert (recorded["case"], recorded["remedy"]) == ("SPEED-002", "cooperative")
    assert recorded["measured"]["ratio"] > 0


@pytest.mark.parametrize(
    ("arguments", "families"),
    [
        ((), {"LIVE", "CONT", "POOL", "LEAVES", "GIL", "SPEED", "ERRORS"}),
        (("--all",), {"LIVE", "CONT", *(promise.family for promise in PROMISES)}),
        (("-k", "exits"), {"EXITS"}),
    ],
)
def test_cases_that_end_servers_are_run_if_asked_for(
    arguments: tuple[str, ...], families: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[Case] = []

    def runner(_: object, __: object, cases: list[Case], *___: object) -> None:
        chosen.extend(cases)
        raise UsageError("nothing is run here")

    monkeypatch.setattr(cli, "Runner", runner)
    assert cli.main(["run", "x:app", *arguments]) == 2
    assert {case.id.partition("-")[0] for case in chosen} == families


@pytest.mark.servers
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
        (("--lacks", "threads"), "nothing is called 'threads'; choose from: sync"),
        (
            ("--has", "process,threads"),
            "nothing is called 'threads'; choose from: background, coop",
        ),
        (("-k", "LIVE-999"), "no case has 'LIVE-999' in its name"),
        (("--known", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("--known", "/dev/null", "--known", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("--known", "nowhere.toml", "--known", "/dev/null"), "nowhere.toml cannot be read"),
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
    told = "hypercorn is not installed: pip install hypercorn"
    assert capsys.readouterr().err == f"asgi-liveness: {told}\n"
    assert cli.main(["run", "x:app"]) == 2
    assert "no supported server is installed" in capsys.readouterr().err


@pytest.mark.servers
def test_it_stops_where_the_port_is_taken(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("-m", "asgi_liveness", "serve", "x:app", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr.startswith(f"asgi-liveness: cannot listen on port {port} of 127.0.0.1 (")
