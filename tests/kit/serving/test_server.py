"""A server starts as its users start it, is ready once its app answers, and always ends."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from asgi_liveness.errors import TargetError
from asgi_liveness.serving import server as serving
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, ServerKind, choose_servers
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.servers
UVICORN, HYPERCORN = (choose_servers([name])[0] for name in ("uvicorn/asyncio", "hypercorn"))
LIMIT = 10.0  # seconds

APP = """\
import asyncio
from asgi_liveness import LoopBody

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan here")
    if scope["path"] == "/blocking":
        body = LoopBody("/blocking")
        while True:
            body.step()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})

async def silent(scope, receive, send):
    await asyncio.sleep(3600)

async def shy(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database\\nat 127.0.0.1"})

not_an_app = object()
"""
ANSWER_ONCE_AND_END = """\
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    connection, _ = listener.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
        connection.recv(4096)
sys.exit("this is another program")
"""


def as_stranger(script: str) -> ServerKind:
    return ServerKind("stranger", (), ("-c", script, "{port}"))


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Server]]:
    """Start servers in a folder of their own; they end with the test and leave nothing."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "hello.py").write_text(APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")  # a closed port, which no client uses
    servers: list[Server] = []

    def start(kind: ServerKind = UVICORN, target: str = "hello:app", port: int = 0) -> Server:
        server = Server(kind, target, port)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.end()
    assert list(temporary.iterdir()) == []


def ready(server: Server) -> None:
    asyncio.run(server.ready())


def refusal(server: Server) -> str:
    with pytest.raises(TargetError) as raised:
        ready(server)
    return str(raised.value)


def members(server: Server) -> list[str]:
    """Return the command lines of the living processes of the server's group."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            state, _, group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
            command = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
        if int(group) == server.group.id and state not in "ZX":
            found.append(command)
    return found


@pytest.mark.parametrize("kind", SERVERS, ids=lambda kind: kind.name)
def test_a_ready_server_answers_and_an_ended_server_refuses(
    kind: ServerKind, start: Callable[..., Server]
) -> None:
    if kind.missing:
        pytest.fail(f"install {' '.join(kind.missing)}")
    server = start(kind)
    ready(server)
    assert httpx.get(f"{server.url}/hello", trust_env=False).text == "hello"
    assert (server.ledger.starts, server.ended) == (1, False)
    assert server.note["app"] == {"name": None, "package": None, "version": None}
    server.end()
    assert server.ended
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{server.url}/hello", trust_env=False)


def test_a_frozen_hypercorn_is_ended_with_worker_and_tracker(start: Callable[..., Server]) -> None:
    server = start(HYPERCORN)
    ready(server)
    before = members(server)
    with socket.create_connection(("127.0.0.1", server.port), LIMIT) as connection:
        connection.sendall(b"GET /blocking HTTP/1.1\r\nHost: x\r\n\r\n")
        until(lambda: any(loop.steps for loop in server.ledger.loops()))
    server.end()
    for part in ("keeper.py", "-m hypercorn", "multiprocessing.spawn", "resource_tracker"):
        assert any(part in command for command in before)
    assert members(server) == []


def test_a_server_may_be_ended_twice(start: Callable[..., Server]) -> None:
    server = start()
    server.end()
    server.end()
    assert server.ended


@pytest.mark.parametrize(
    ("target", "failure"),
    [
        pytest.param(
            "gone:app",
            "there is no module 'gone' in {folder} or among the installed packages; "
            "start from the folder that holds it",
            id="no module",
        ),
        pytest.param(
            "hello:api",
            "the module hello has no attribute 'api'; name the app as module:attribute",
            id="no attribute",
        ),
        pytest.param(
            "hello:not_an_app",
            "not_an_app is not an ASGI app: it is 'object' and cannot be awaited with "
            "(scope, receive, send)",
            id="no app",
        ),
        pytest.param(
            "raising:app",
            "importing raising failed: ZeroDivisionError: division by zero, at raising.py:1",
            id="raises",
        ),
        pytest.param(
            "exiting:app",
            "exiting exits with 'no settings' when imported, at exiting.py:1",
            id="exits",
        ),
        pytest.param("hello:shy", "its lifespan start-up failed: at 127.0.0.1", id="lifespan"),
    ],
)
def test_an_app_that_does_not_start_is_an_error_with_its_reason(
    start: Callable[..., Server], tmp_path: Path, target: str, failure: str
) -> None:
    (tmp_path / "raising.py").write_text("1 / 0")
    (tmp_path / "exiting.py").write_text("raise SystemExit('no settings')")
    assert refusal(start(target=target)) == f"{target}: {failure.format(folder=tmp_path)}"


def test_an_app_that_starts_twice_without_a_response_is_an_error(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    (tmp_path / "quitting.py").write_text("import os; os._exit(0)")
    assert refusal(start(HYPERCORN, "quitting:app")) == (
        "quitting:app: the app ended while importing quitting:app and hypercorn started it again; "
        "its last words: nothing"
    )


def test_a_server_that_ends_by_itself_is_an_error_with_its_last_line(
    start: Callable[..., Server],
) -> None:
    server = start(as_stranger("import sys; sys.exit('first\\nno such option\\n\\n')"))
    assert refusal(server) == (
        "hello:app: stranger ended with 1 while being started; its last words: no such option"
    )


def test_a_response_of_another_program_is_an_error(start: Callable[..., Server]) -> None:
    assert refusal(start(as_stranger(ANSWER_ONCE_AND_END))) == (
        "hello:app: stranger ended with 1 while being started; "
        "its last words: this is another program"
    )


def test_an_app_that_does_not_answer_is_an_error(
    start: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "READY_LIMIT", 1.0)
    message = refusal(start(target="hello:silent"))
    assert message.startswith("hello:silent: no answer on uvicorn/asyncio within 1 s while ")


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing(start: Callable[..., Server]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = Server(UVICORN, "hello:app", port)
        with pytest.raises(TargetError) as raised:
            server.start()
    assert str(raised.value) == (
        f"cannot listen on port {port} of 127.0.0.1 (Address already in use); choose another port"
    )
    assert start(port=port).port == port


@pytest.mark.parametrize(("recommended", "words"), [(False, "[]"), (True, "['--patient']")])
def test_recommended_arguments_are_added_to_the_command(words: str, *, recommended: bool) -> None:
    stranger = replace(
        as_stranger("import sys; sys.exit(str(sys.argv[2:]))"), recommended=("--patient",)
    )
    with Server(stranger, "hello:app", recommended=recommended) as server:
        assert refusal(server).endswith(f"its last words: {words}")


def test_a_log_is_readable_until_its_server_ends(
    start: Callable[..., Server],
) -> None:
    server = start(as_stranger("import sys; sys.exit('first\\nlast\\n\\n')"))
    assert "last" in refusal(server)
    assert server.log() == "first\nlast\n\n\n"
    server.end()
    assert (server.log(), server.last_words()) == ("", "nothing")


@pytest.mark.parametrize("content", [b"[1]", b"{", b"\xff", b"[" * 100_000, None])
def test_a_note_that_is_none_of_ours_is_no_note(
    content: bytes | None, start: Callable[..., Server]
) -> None:
    server = start(UVICORN)
    ready(server)
    note = server.ledger.path.with_name("note")
    note.unlink()
    if content is None:
        os.mkfifo(note)
    else:
        note.write_bytes(content)
    assert server.note == {}


def test_a_route_in_the_ledger_may_be_garbage(start: Callable[..., Server]) -> None:
    server = start(UVICORN)
    slot = server.ledger.take_slot("/blocking", "app.py:1")
    server.ledger._map[(slot + 4) * 8] = 0xFF
    assert server.ledger.loops()[0].route == "\ufffdblocking"
