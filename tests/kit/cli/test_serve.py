"""``asgi-liveness serve``: its lines are true of the app, and it starts no loop by itself."""

from __future__ import annotations

import asyncio
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from asgi_liveness.cli.serve import SCRIPT, find_routes, instructions
from asgi_liveness.conformance.contract import ROUTES
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import choose_servers
from examples import bare_asgi
from tests.waiting import until

if TYPE_CHECKING:
    from tests.conftest import Command

ROOT = Path(__file__).parents[3]
LIMIT = 30.0  # seconds for a response that must come
URL = "http://127.0.0.1:8000"
DOCUMENTED = """
import json
from examples.bare_asgi import ROUTES, answer, make_app

PATHS = {"/hello": {"get": {}}, "/loop;it": {"get": {}}, "/a/{id}": {"get": {}}, "/b": {"post": {}}}

async def document(send):
    await answer(send, {"paths": PATHS})

app = make_app({**ROUTES, "/openapi.json": document})
"""
ANY_METHOD = """
from examples.bare_asgi import ROUTES, make_app

del ROUTES["/normal"]
app = make_app(ROUTES, ("GET", "OPTIONS"))
"""


# What is printed for which routes.


def test_an_implementation_of_the_contract_has_the_freeze_and_both_fixes() -> None:
    text = instructions(URL, [*SCRIPT, "/normal"])
    for path in SCRIPT:
        assert f"curl {URL}{path} " in text.replace("-m 2 ", "")
    assert "# no answer: frozen" in text


@pytest.mark.parametrize("missing", sorted(SCRIPT))
def test_an_app_without_one_of_these_routes_has_no_line_for_it(missing: str) -> None:
    text = instructions(URL, sorted(SCRIPT - {missing}))
    paths = {*re.findall(rf"curl (?:-m 2 )?{URL}(\S+)", text)}
    assert paths <= SCRIPT - {missing} | {"/hello"}
    assert "frozen\n" not in text
    assert ("a 404 is an answer" in text) is (missing == "/hello")


def test_another_app_has_its_first_route_and_a_question() -> None:
    text = instructions(URL, ["/hello", "/not-awaited", "/awaited", "/c"])
    lines = [" ".join(line.split()) for line in text.splitlines() if "curl" in line]
    assert lines == [
        f"curl -m 2 {URL}/hello # answers",
        f"curl {URL}/not-awaited & # a route of the app",
        f"curl -m 2 {URL}/hello # does it still answer?",
    ]
    assert "The other GET routes of the app: /awaited, /c\n" in text


@pytest.mark.parametrize("routes", [[], ["/hello"]])
def test_an_app_without_a_route_to_start_has_no_curl_line(routes: list[str]) -> None:
    assert instructions(URL, routes) == (
        "No GET route was found to start a loop with. Ctrl+C ends the server."
    )


def test_a_path_is_quoted_for_the_shell() -> None:
    assert f"curl '{URL}/$(touch x)' &" in instructions(URL, ["/$(touch x)"])


# Which routes an app has.


def found(folder: Path, source: str) -> list[str]:
    """The routes that are found of an app, which runs no loop afterwards."""
    (folder / "served_app.py").write_text(source)
    (folder / "examples").symlink_to(ROOT / "examples")
    kind = choose_servers(["uvicorn/asyncio"])[0]
    with Server(kind, "served_app:app", app_dir=str(folder)) as server:
        asyncio.run(server.ready())
        routes = asyncio.run(find_routes(server))
        httpx.get(f"{server.url}/hello", timeout=LIMIT).raise_for_status()
        until(lambda: all(loop.ended for loop in server.ledger.loops()))
        return routes


@pytest.mark.servers
def test_the_routes_of_an_openapi_document_are_found(tmp_path: Path) -> None:
    assert found(tmp_path, DOCUMENTED) == ["/hello", "/loop;it"]


@pytest.mark.servers
def test_the_routes_of_the_contract_are_found_without_a_document(tmp_path: Path) -> None:
    paths = found(tmp_path, "from examples.bare_asgi import app")
    assert paths == [row.path for row in ROUTES if row.path in bare_asgi.ROUTES]


@pytest.mark.servers
def test_an_app_that_takes_any_method_is_left_with_no_loop(tmp_path: Path) -> None:
    paths = found(tmp_path, ANY_METHOD)
    assert {*paths} >= SCRIPT
    assert "/normal" not in paths


# The command.


@pytest.mark.servers
def test_a_port_that_is_taken_is_an_error_of_one_line(command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = command("-m", "asgi_liveness", "serve", "x:app", "--port", str(port))
    assert done.returncode == 2
    assert done.stderr.startswith(f"asgi-liveness: cannot listen on port {port} of 127.0.0.1 (")
    assert done.stderr.count("\n") == 1


@pytest.mark.servers
def test_the_printed_lines_work_and_enter_ends_the_freeze() -> None:
    words = ("-m", "asgi_liveness", "serve", "examples.bare_asgi:app", "--port", "0")
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            lines = iter(process.stdout.readline, "")
            printed = ""
            for line in lines:
                printed += line
                if "Ctrl+C" in line:
                    break
            hello, blocking = (
                re.findall(rf"curl (?:-m 2 )?(http\S+{path})", printed)[0]
                for path in ("/hello", "/blocking")
            )
            assert httpx.get(hello, timeout=LIMIT).json() == {"Hello": "World"}
            with pytest.raises(httpx.TimeoutException):
                httpx.get(blocking, timeout=0.5)
            with pytest.raises(httpx.TimeoutException):
                httpx.get(hello, timeout=0.5)
            process.stdin.write("\n")
            process.stdin.flush()
            assert next(lines) == "the stop flag is set\n"
            assert httpx.get(hello, timeout=LIMIT).json() == {"Hello": "World"}
            process.send_signal(signal.SIGINT)
            assert process.wait(LIMIT) == 130
        finally:
            process.kill()
