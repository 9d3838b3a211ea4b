"""Apps of which two copies disturb each other get the verdicts that one copy gets."""

from __future__ import annotations

import socket
import textwrap
from pathlib import Path

import pytest

from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Verdict
from asgi_liveness.checking.run import run
from asgi_liveness.checking.watch import INTERVAL

pytestmark = pytest.mark.servers
DURATION = 1.5  # seconds of a window

APP = """\
import asyncio, os, pathlib, shutil, signal, socket, sqlite3, sys, time

HERE = pathlib.Path(__file__).parent
WORK = HERE / "work"

async def starts(): ...
def work(): ...
def ends(): ...

{what}
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await starts()
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        ends()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    if scope["path"] != "/healthz":
        await asyncio.sleep(0.3)
        work()
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b""}})
"""
MIGRATES = """\
def connected():
    return sqlite3.connect(HERE / "data", timeout=30, isolation_level=None)

async def starts():
    connection = connected()
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("CREATE TABLE IF NOT EXISTS rows (x)")
    await asyncio.sleep(0.8)
    connection.execute("COMMIT")

def work():
    connected().execute("SELECT count(*) FROM rows").fetchone()
"""
TAKES_OVER = """\
async def take_over():
    await asyncio.sleep(0.8)
    try:
        (HERE / "pid").open("x").close()
    except FileExistsError:
        before = (HERE / "pid").read_text()
        command = pathlib.Path(f"/proc/{before}/cmdline")
        if command.exists() and b"asgi_liveness" in command.read_bytes():
            os.kill(int(before), signal.SIGTERM)
    (HERE / "pid").write_text(str(os.getpid()))

async def starts():
    app.task = asyncio.create_task(take_over())
"""
STANDS_ALONE = """\
(HERE / f"{os.getpid()}.pid").touch()
time.sleep(0.5)
others = {int(path.stem) for path in HERE.glob("*.pid")} - {os.getpid()}
if any(os.path.exists(f"/proc/{pid}") for pid in others):
    sys.exit("another instance runs")
"""
HAS_A_PORT = """\
taken = socket.create_server(("127.0.0.1", PORT))
"""
CLEANS_UP = """\
async def starts():
    WORK.mkdir(exist_ok=True)
    (WORK / "rows").touch()

def work():
    (WORK / "rows").read_text()

def ends():
    shutil.rmtree(WORK, ignore_errors=True)
"""
APPS = {
    "migrates at its start": MIGRATES,
    "takes over from another": TAKES_OVER,
    "stands alone": STANDS_ALONE,
    "has a port": HAS_A_PORT,
    "cleans up at its end": CLEANS_UP,
}


def written(what: str, folder: Path) -> None:
    """Write an app that does *what*."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    app = APP.format(what=textwrap.dedent(what).replace("PORT", port))
    (folder / "copied.py").write_text(app)


@pytest.mark.parametrize("what", APPS)
def test_a_live_app_is_live_though_its_copies_disturb_each_other(what: str, tmp_path: Path) -> None:
    written(APPS[what], tmp_path)
    during = ("/a", "/b", "/c")
    report = run(Options("copied:app", during=during, app_dir=str(tmp_path), duration=DURATION))
    assert [route.verdict for route in report.routes] == [Verdict.LIVE] * 4, report.routes
    # A live app is watched to the end.
    assert {route.probes.due for route in report.routes} == {round(DURATION / INTERVAL)}
    assert not [note for route in report.routes for note in route.notes if "answered" in note]
