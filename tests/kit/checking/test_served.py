"""What is checked is served, found where it listens, and refused in a line where it can't be."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.checking import served as serves
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.served import Address, App, Command, served, serving
from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.serving.servers import version
from tests.waiting import until

SERVER = """\
import http.server, os, socket, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404)
        self.end_headers()
    def log_message(self, *words): pass
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    def server_bind(self):
        super().server_bind()
        print("listening", file=sys.stderr, flush=True)
Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
TINY = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, temporary: Path) -> Path:
    """Run where an app is; nothing is left."""
    assert temporary.is_dir()
    (tmp_path / "asgi_app.py").write_text(TINY)
    return tmp_path


def python(script: str, *arguments: str) -> tuple[str, ...]:
    return sys.executable, "-c", script, *arguments


def command(*words: str, **changes: Any) -> Command:
    return Command(Options(command=words, **changes))


@contextmanager
def started(target: App | Command) -> Iterator[None]:
    with target:
        asyncio.run(target.answers("/healthz"))
        yield


def refusal(target: App | Command | Address) -> str:
    """Start it, and return why it was refused. Nothing of it runs on."""
    try:
        target.start()
        with pytest.raises(TargetError) as raised:
            asyncio.run(target.answers("/healthz"))
    finally:
        target.end()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_it_is_told_from_the_options_what_is_checked() -> None:
    assert type(served(Options("asgi_app:app"))) is App
    assert type(served(Options("http://127.0.0.1:8000"))) is Address
    assert type(served(Options(command=("x",)))) is Command


# An app.


@pytest.mark.servers
def test_an_app_is_served_and_listens_where_it_is_asked() -> None:
    target = App(Options("asgi_app:app", loop="asyncio"))
    with started(target):
        assert serving(target) == {target.pid}
        assert target.board
        assert target.board.max_stall == 0.2
    assert target.described == f"uvicorn {version('uvicorn')}"
    assert target.name == "asgi_app:app"


@pytest.mark.servers
def test_a_factory_is_called_and_the_app_is_called_by_its_name(folder: Path) -> None:
    (folder / "made.py").write_text(f"{TINY}\ndef make():\n    return app\n")
    with started(target := App(Options("made:make", factory=True, loop="asyncio"))):
        assert (target.name, target.target) == ("made:make", "made:make")


@pytest.mark.servers
def test_an_app_is_looked_for_in_its_folder(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src" / "within.py").write_text(TINY)
    with started(App(Options("within:app", app_dir="src", loop="asyncio"))):
        pass
    assert "there is no module 'within'" in refusal(App(Options("within:app", loop="asyncio")))


@pytest.mark.parametrize(
    ("server", "loop", "name", "word"),
    [
        ("uvicorn", "asyncio", "uvicorn/asyncio", "asyncio"),
        ("uvicorn", "uvloop", "uvicorn/uvloop", "uvloop"),
        ("uvicorn", "auto", "uvicorn/uvloop", "uvloop"),
        ("hypercorn", "auto", "hypercorn", "asyncio"),
        ("hypercorn", "asyncio", "hypercorn", "asyncio"),
        ("hypercorn", "uvloop", "hypercorn/uvloop", "uvloop"),
    ],
)
def test_the_server_and_its_event_loop_are_chosen(
    server: str, loop: str, name: str, word: str
) -> None:
    target = App(Options("a:app", server=server, loop=loop))
    assert target.kind.name == name
    assert word in target.command
    assert {"asyncio", "uvloop"} & set(target.command) == {word}
    assert target.described == f"{server} {version(server)}"


def test_uvicorn_runs_asyncio_of_itself_where_there_is_no_uvloop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serves, "version", lambda _: None)
    assert App(Options("a:app")).kind.name == "uvicorn/asyncio"


@pytest.mark.parametrize(("server", "loop"), [("uvicorn", "asyncio"), ("hypercorn", "auto")])
def test_a_server_that_is_not_installed_is_refused_with_the_way_home(
    server: str, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgi_liveness.serving.servers.version", lambda _: None)
    with pytest.raises(UsageError, match=f"is not installed: pip install {server}$"):
        served(Options("a:app", server=server, loop=loop))
    monkeypatch.setattr(sys, "prefix", "/home/me/.local/share/uv/tools/asgi-liveness")
    with pytest.raises(UsageError, match="this runs in a tool's own environment"):
        served(Options("a:app", server=server, loop=loop))


@pytest.mark.servers
def test_an_app_that_cannot_be_imported_in_a_tools_environment_is_shown_the_way_home(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "needy.py").write_text("import nowhere_else")
    (folder / "broken.py").write_text("1 / 0")
    monkeypatch.setattr(sys, "prefix", "/home/me/.local/pipx/venvs/asgi-liveness")
    needy = refusal(App(Options("needy:app", loop="asyncio")))
    assert "No module named 'nowhere_else'" in needy
    assert needy.endswith("-- .venv/bin/uvicorn --port {port} needy:app")
    assert refusal(App(Options("broken:app", loop="asyncio"))).endswith("division by zero")


@pytest.mark.servers
def test_an_app_has_its_limit_to_start(folder: Path) -> None:
    (folder / "slow.py").write_text("import time; time.sleep(3600)")
    told = refusal(App(Options("slow:app", loop="asyncio", start_limit=1.0)))
    assert told == "slow:app: no answer on uvicorn/asyncio within 1 s while importing slow:app"


# A command.


@pytest.mark.servers
def test_a_command_listens_on_the_port_that_it_is_told() -> None:
    target = command(*python(SERVER, "127.0.0.1", "{port}"))
    with started(target):
        assert target.url == f"http://127.0.0.1:{target.port}"
        assert serving(target) == {target.pid}
    assert target.described == Path(sys.executable).name
    assert target.name.startswith(f"{sys.executable} -c import http.server")


@pytest.mark.servers
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "::1"])  # noqa: S104 (the example)
def test_a_command_that_is_told_no_port_is_found_where_it_listens(host: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.fail("there is no IPv6 here")
    with started(target := command(*python(SERVER, host, "0"))):
        assert target.url.startswith("http://[::1]:" if host == "::1" else "http://127.0.0.1:")
        assert len(serving(target)) == 1


@pytest.mark.servers
def test_all_that_listen_there_serve() -> None:
    shared = (
        "import os, socket, sys\n"
        "listener = socket.create_server((sys.argv[1], int(sys.argv[2])))\n"
        "os.fork()\n"
        "while True:\n"
        "    connection, _ = listener.accept()\n"
        "    connection.recv(4096)\n"
        "    connection.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n')\n"
        "    connection.close()\n"
    )
    with started(target := command(*python(shared, "127.0.0.1", "{port}"))):
        assert len(serving(target)) == 2
        assert target.pid in serving(target)


@pytest.mark.servers
def test_those_that_listen_elsewhere_do_not_serve() -> None:
    beside = "import os, socket, sys\nif not os.fork(): sys.argv[2] = '0'\n"
    with started(target := command(*python(beside + SERVER, "127.0.0.1", "{port}"))):
        until(lambda: target.log().count("listening") == 2)
        assert len(target.group.members()) == 2
        assert serving(target) == {target.pid}


def test_a_connection_is_not_where_a_process_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            listens = serves._listens(os.getpid())
            assert ("127.0.0.1", port) in listens
            assert ("127.0.0.1", client.getsockname()[1]) not in listens
    assert ("127.0.0.1", port) not in serves._listens(os.getpid())


@pytest.mark.servers
def test_a_program_beside_this_python_needs_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    target = command("uvicorn", "--port", "{port}", "asgi_app:app")
    with started(target):
        assert target.described == "uvicorn"
    assert target.name == "uvicorn --port {port} asgi_app:app"


@pytest.mark.servers
@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            "import sys; sys.exit('no such option')",
            "ended with 1 before it answered; its last words: no such option",
        ),
        ("", "ended with 0 before it answered; its last words: nothing"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9 before it answered"),
    ],
)
def test_a_command_that_ends_before_it_answers_is_refused(script: str, told: str) -> None:
    assert told in refusal(command(*python(script)))


@pytest.mark.servers
def test_a_command_that_is_not_there_is_refused() -> None:
    target = command("no-such-server", "{port}")
    with pytest.raises(TargetError, match="no-such-server cannot be started"):
        target.start()
    target.end()


@pytest.mark.servers
def test_a_command_that_listens_nowhere_is_given_up() -> None:
    script = "import sys, time; print('waiting', file=sys.stderr, flush=True); time.sleep(3600)"
    told = refusal(command(*python(script), start_limit=1.0))
    assert "gave no answer within 1 s (--start-limit); it listens on no port; " in told
    assert told.endswith("its last words: waiting")


@pytest.mark.servers
def test_a_command_that_listens_elsewhere_is_told_both_ports() -> None:
    target = command(*python(SERVER, "127.0.0.1", "0", "{port}"), start_limit=1.0)
    told = refusal(target)
    listens = told.partition("it listens on ")[2].split(",")[0]
    assert listens.isdigit()
    assert int(listens) != target.port
    assert f"it listens on {listens}, and was told {target.port}; " in told


@pytest.mark.servers
def test_a_command_that_accepts_and_says_nothing_is_given_up() -> None:
    script = (
        "import socket, sys, time\n"
        "listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
        "time.sleep(3600)"
    )
    target = command(*python(script, "{port}"), start_limit=1.0)
    assert f"it listens on {target.port or ''}" in refusal(target)


# An address.


@pytest.mark.parametrize(
    ("target", "url"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("https://LOCALHOST:8443", "https://localhost:8443"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://me:pa55@127.0.0.1:8000", "http://127.0.0.1:8000"),
    ],
)
def test_an_address_of_this_machine_is_taken(target: str, url: str) -> None:
    address = Address(Options(target))
    assert (address.url, address.name) == (url, url)
    assert serving(address) == set()
    address.start()
    assert (address.board, address.ended, address.last_words()) == (None, False, "nothing")
    address.end(politely=True)


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1", "http://example.org:80", "http://127.0.0.1.example.org"]
)
def test_another_machine_is_asked_only_if_its_owner_says_so(target: str) -> None:
    with pytest.raises(UsageError, match=r"is not this machine; .* --allow-remote"):
        Address(Options(target))
    assert Address(Options(target, allow_remote=True)).url == target


@pytest.mark.parametrize("target", ["http://127.0.0.2:8000", "http://0.0.0.0:8000"])
def test_what_a_server_says_it_listens_on_is_this_machine(target: str) -> None:
    assert Address(Options(target)).url


@pytest.mark.parametrize(
    "target",
    [
        "ftp://127.0.0.1",
        "http://",
        "http://:8000",
        "://",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:port",
        "http://[::1",
        "http://me:pa55@127.0.0.1:99999",
    ],
)
def test_what_is_no_address_is_refused_in_a_line(target: str) -> None:
    with pytest.raises(
        UsageError, match=r"is no address; write http://127\.0\.0\.1:8000$"
    ) as raised:
        Address(Options(target))
    assert "pa55" not in str(raised.value)


@pytest.mark.parametrize("path", ["/api", "/?page=2"])
def test_an_address_with_a_path_is_refused_and_not_cut(path: str) -> None:
    with pytest.raises(UsageError, match="has a path; leave it out") as raised:
        Address(Options(f"http://me:pa55@127.0.0.1:8000{path}"))
    assert "pa55" not in str(raised.value)


def test_an_address_where_nobody_listens_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = refusal(Address(Options(f"http://127.0.0.1:{port}")))
    assert told.startswith(f"http://127.0.0.1:{port} cannot be asked (ConnectError: ")
    assert told.endswith("is the server running, and on that port?")


def test_an_address_that_does_not_answer_may_be_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serves, "_PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        url = f"http://127.0.0.1:{frozen.getsockname()[1]}"
        told = refusal(Address(Options(url)))
    assert told.startswith(f"{url} gave no answer to GET /healthz within 0.1 s; ")
    assert "py-spy dump --pid PID" in told


def test_an_address_of_a_server_that_speaks_no_http_is_refused() -> None:
    async def ask() -> None:
        async def response(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 welcome\r\n")
            writer.close()

        server = await asyncio.start_server(response, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await Address(Options(f"http://127.0.0.1:{port}")).answers("/")

    with pytest.raises(TargetError, match="cannot be asked"):
        asyncio.run(ask())


@pytest.mark.servers
def test_an_address_that_answers_whatever_it_does_is_there() -> None:
    with started(server := command(*python(SERVER, "127.0.0.1", "{port}"))):
        asyncio.run(Address(Options(server.url)).answers("/healthz"))
