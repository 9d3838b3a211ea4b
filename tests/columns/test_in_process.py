"""``watch_loop`` in the lifespan of each framework, on a server; and the gate with its client."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from asgi_liveness.serving.launched import Launched
from tests.conftest import Command
from tests.waiting import until

pytestmark = pytest.mark.servers

LIFESPAN = """\
import time
from contextlib import asynccontextmanager
import asgi_liveness

@asynccontextmanager
async def lifespan(app):
    async with asgi_liveness.watch_loop(requests=True, max_stall=0.1):
        yield

def render():
    time.sleep(0.5)
"""
FASTAPI = """\
from fastapi import FastAPI

app = FastAPI(lifespan=lifespan)

@app.get("/report/{number}")
async def report(number: int):
    render()
"""
STARLETTE = """\
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def report(request):
    render()
    return PlainTextResponse("")

app = Starlette(routes=[Route("/report/{number}", report)], lifespan=lifespan)
"""
QUART = """\
from quart import Quart

app = Quart(__name__)

@app.while_serving
async def watched():
    async with lifespan(app):
        yield

@app.get("/report/<int:number>")
async def report(number):
    render()
    return ""
"""
APPS = {"fastapi": FASTAPI, "starlette": STARLETTE, "quart": QUART}
NAMED = {"fastapi": ", GET /report/{number}", "starlette": ", GET /report/{number}"}
NAMED["quart"] = ", GET /report/<int:number>"
LINE = LIFESPAN.splitlines().index("    time.sleep(0.5)") + 1
WITH_CLIENT = """\
from {module}.testclient import TestClient
from own import app

def test_report():
    with TestClient(app) as client:
        assert client.get("/report/7").status_code == 200
"""
WITH_QUART = """\
import pytest
from own import app

@pytest.mark.asyncio
async def test_report():
    assert (await app.test_client().get("/report/7")).status_code == 200
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    def write(framework: str) -> Path:
        (tmp_path / "own.py").write_text(LIFESPAN + APPS[framework])
        return tmp_path

    return write


@pytest.mark.parametrize("server", ["uvicorn --loop asyncio", "uvicorn --loop uvloop", "hypercorn"])
@pytest.mark.parametrize("framework", APPS)
def test_a_server_logs_what_blocks_its_app(
    framework: str, server: str, write: Callable[[str], Path]
) -> None:
    module, *options = server.split()
    listens = ("--bind", "fd://{fd}") if module == "hypercorn" else ("--fd", "{fd}")
    folder = write(framework)
    app = f"{folder / 'own'}:app" if module == "hypercorn" else "own:app"
    folders = () if module == "hypercorn" else ("--app-dir", str(folder))
    with Launched((sys.executable, "-m", module, *options, *folders, *listens, app)) as running:
        assert until(lambda: answered(running.url)) == 200
        until(lambda: "event loop stalled" in running.log())
        log = running.log()
    wanted = rf"event loop stalled for \d\.\d+ s at .*own\.py:{LINE} in render\(\)"
    found = re.findall(f"{wanted}(.*)", log)
    assert found == [NAMED[framework]], log


def answered(url: str) -> int:
    try:
        return httpx.get(f"{url}/report/7", timeout=30.0).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize("framework", APPS)
def test_a_test_with_the_frameworks_client_fails(
    framework: str, command: Command, write: Callable[[str], Path]
) -> None:
    folder = write(framework)
    tests = WITH_QUART if framework == "quart" else WITH_CLIENT.format(module=framework)
    (folder / "test_own.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\nliveness_max_stall = 100ms\npythonpath = .\n")
    done = command("-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore")
    assert "1 failed" in done.stdout, done.stdout
    assert f"own.py:{LINE} in render() stalled the event loop for 0." in done.stdout
