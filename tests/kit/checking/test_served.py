"""A target starts, is found on its port, or is refused in one line."""

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
ALONE = SERVER.replace(
    "        super().server_bind()",
    "        if ':' in sys.argv[1]:\n"
    "            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)\n"
    "        super().server_bind()",
)
"""As uvicorn and hypercorn do: a socket of IPv6 takes no IPv4."""
TINY = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, temporary: Path) -> Path:
    """Run in a folder with an app; a target must leave no temporary file."""
    assert temporary.is_dir()
    (tmp_path / "asgi_app.py").write_text(TINY)
    return tmp_path


def python(script: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs *script*."""
    return sys.executable, "-c", script, *arguments


def command(*words: str, **changes: Any) -> Command:
    """A command as a target."""
    return Command(Options(command=words, **changes))


@contextmanager
def started(target: App | Command) -> Iterator[None]:
    """Run *target*, which must respond."""
    with target:
        asyncio.run(target.wait_until_ready("/healthz"))
        yield


def refusal(target: App | Command | Address) -> str:
    """Start *target*, which must fail, and return the error. End it in any case."""
    try:
        target.start()
        with pytest.raises(TargetError) as raised:
            asyncio.run(target.wait_until_ready("/healthz"))
    finally:
        target.end()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_options_determine_the_kind_of_target() -> None:
    assert type(served(Options("asgi_app:app"))) is App
    assert type(served(Options("http://127.0.0.1:8000"))) is Address
    assert type(served(Options(command=("x",)))) is Command


# An app.


@pytest.mark.servers
def test_an_app_is_served_on_its_port() -> None:
    target = App(Options("asgi_app:app", loop="asyncio"))
    with started(target):
        assert serving(target) == {target.pid}
        assert target.board
        assert target.board.max_stall == 0.2
    assert target.described == f"uvicorn {version('uvicorn')}"
    assert target.name == "asgi_app:app"


@pytest.mark.servers
def test_a_factory_is_called_and_the_target_keeps_its_name(folder: Path) -> None:
    (folder / "made.py").write_text(f"{TINY}\ndef make():\n    return app\n")
    with started(target := App(Options("made:make", factory=True, loop="asyncio"))):
        assert (target.name, target.target) == ("made:make", "made:make")


@pytest.mark.servers
def test_an_app_is_imported_from_app_dir(folder: Path) -> None:
    (folder / "src").mkdir()
    (folder / "src" / "within.py").write_text(TINY)
    with started(App(Options("within:app", app_dir="src", loop="asyncio"))):
        pass
    assert "there is no module 'within'" in refusal(App(Options("within:app", loop="asyncio")))


def test_a_folder_that_does_not_exist_is_refused() -> None:
    for options in (Options("a:app", app_dir="sRc"), Options(command=("x",), app_dir="sRc")):
        with pytest.raises(UsageError, match=r"--app-dir sRc: there is no folder /.*/sRc$"):
            served(options)


@pytest.mark.servers
def test_an_app_with_the_option_for_a_factory_is_refused() -> None:
    error = refusal(App(Options("asgi_app:app", factory=True, loop="asyncio")))
    assert "app is an ASGI app, not a function that returns one; name it without ()" in error


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


def test_uvicorn_runs_on_asyncio_where_uvloop_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serves, "version", lambda _: None)
    assert App(Options("a:app")).kind.name == "uvicorn/asyncio"


@pytest.mark.parametrize(("server", "loop"), [("uvicorn", "asyncio"), ("hypercorn", "auto")])
def test_a_missing_server_is_refused_with_the_commands_to_type(
    server: str, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgi_liveness.serving.servers.version", lambda _: None)
    with pytest.raises(UsageError, match=f"is not installed: pip install {server}$"):
        served(Options("a:app", server=server, loop=loop))
    monkeypatch.setattr(sys, "prefix", "/home/me/.local/share/uv/tools/asgi-liveness")
    with pytest.raises(UsageError, match="this runs in a tool's own environment"):
        served(Options("a:app", server=server, loop=loop))


@pytest.mark.servers
def test_an_import_error_in_a_tools_environment_names_a_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "needy.py").write_text("import nowhere_else")
    (folder / "broken.py").write_text("1 / 0")
    monkeypatch.setattr(sys, "prefix", "/home/me/.local/pipx/venvs/asgi-liveness")
    needy = refusal(App(Options("needy:app", loop="asyncio")))
    assert "No module named 'nowhere_else'" in needy
    assert needy.endswith("-- .venv/bin/uvicorn --port {port} needy:app")
    assert refusal(App(Options("broken:app", loop="asyncio"))).endswith("by zero, at broken.py:1")


@pytest.mark.servers
def test_an_app_that_takes_too_long_to_start_is_refused(folder: Path) -> None:
    (folder / "slow.py").write_text("import time; time.sleep(3600)")
    error = refusal(App(Options("slow:app", loop="asyncio", start_limit=5.0)))
    assert error == "slow:app: no answer on uvicorn/asyncio within 5 s while importing slow:app"


# A command.


@pytest.mark.servers
def test_a_command_gets_a_port_in_place_of_the_braces() -> None:
    target = command(*python(SERVER, "127.0.0.1", "{port}"))
    with started(target):
        assert target.url == f"http://127.0.0.1:{target.port}"
        assert serving(target) == {target.pid}
    assert target.described == Path(sys.executable).name
    assert target.name.startswith(f"{sys.executable} -c import http.server")


@pytest.mark.servers
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::", "::1"])  # noqa: S104 (the example)
def test_a_command_without_a_port_is_found_where_it_listens(host: str) -> None:
    if ":" in host and not socket.has_ipv6:
        pytest.fail("this machine has no IPv6")
    with started(target := command(*python(SERVER, host, "0"))):
        own = {"127.0.0.2": "127.0.0.2", "::": "[::1]", "::1": "[::1]"}.get(host, "127.0.0.1")
        assert target.url.startswith(f"http://{own}:")
        assert len(serving(target)) == 1


@pytest.mark.servers
def test_every_process_that_listens_on_the_port_serves() -> None:
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
def test_a_process_that_listens_on_another_port_does_not_serve() -> None:
    forking = "import os, socket, sys\nif not os.fork(): sys.argv[2] = '0'\n"
    with started(target := command(*python(forking + SERVER, "127.0.0.1", "{port}"))):
        until(lambda: target.log().count("listening") == 2)
        assert len(target.group.members()) == 2
        assert serving(target) == {target.pid}


@pytest.mark.servers
def test_a_program_next_to_this_python_needs_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    target = command("uvicorn", "--port", "{port}", "asgi_app:app")
    with started(target):
        assert target.described == "uvicorn"
    assert target.name == "uvicorn --port {port} asgi_app:app"


@pytest.mark.servers
@pytest.mark.parametrize(
    ("script", "error"),
    [
        (
            "import sys; sys.exit('no such option')",
            "ended with 1 before it responded; its last log line: no such option",
        ),
        ("", "ended with 0 before it responded; its last log line: nothing"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9 before it responded"),
        (
            "import os, time; os.fork() or (os.setsid(), time.sleep(3600))",
            "nothing; if it went to the background, leave that option out (gunicorn: -D)",
        ),
    ],
)
def test_a_command_that_ends_before_it_responds_is_refused(script: str, error: str) -> None:
    assert error in refusal(command(*python(script)))


@pytest.mark.servers
def test_the_host_of_a_command_with_a_port_is_the_one_that_it_listens_on() -> None:
    for host, url in (("127.0.0.2", "http://127.0.0.2"), ("::", "http://[::1]")):
        with started(target := command(*python(ALONE, host, "{port}"))):
            assert target.url == f"{url}:{target.port}"
            assert serving(target) == {target.pid}


@pytest.mark.servers
def test_the_address_of_a_network_is_not_asked_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serves, "listening", lambda _: {("10.1.2.3", 8000)})
    error = refusal(command(*python("import time; time.sleep(60)"), start_limit=1.0))
    assert "it listens on 10.1.2.3:8000, which is not asked: let it listen on 127.0.0.1;" in error


@pytest.mark.servers
def test_a_missing_command_is_refused() -> None:
    target = command("no-such-server", "{port}")
    with pytest.raises(TargetError, match="no-such-server cannot be started"):
        target.start()
    target.end()


@pytest.mark.servers
def test_a_command_that_does_not_listen_is_refused() -> None:
    script = "import sys, time; print('waiting', file=sys.stderr, flush=True); time.sleep(3600)"
    error = refusal(command(*python(script), start_limit=1.0))
    assert "sent no response within 1 s (--start-limit); it listens on no port; " in error
    assert error.endswith("its last log line: waiting")


@pytest.mark.servers
def test_a_command_on_another_port_is_refused_with_both_ports() -> None:
    target = command(*python(SERVER, "127.0.0.1", "0", "{port}"), start_limit=1.0)
    error = refusal(target)
    listens = error.partition("it listens on ")[2].split(" ")[0]
    assert listens.isdigit()
    assert int(listens) != target.port
    assert f"it listens on {listens} ({{port}} was {target.port}); " in error


@pytest.mark.servers
def test_a_command_that_accepts_and_sends_nothing_is_refused() -> None:
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
def test_an_address_of_this_machine_is_accepted(target: str, url: str) -> None:
    address = Address(Options(target))
    assert (address.url, address.name) == (url, url)
    assert serving(address) == set()
    address.start()
    assert (address.board, address.ended, address.last_words()) == (None, False, "nothing")
    address.end(politely=True)


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1", "http://example.org:80", "http://127.0.0.1.example.org"]
)
def test_another_machine_needs_allow_remote(target: str) -> None:
    with pytest.raises(UsageError, match=r"is not this machine; .* --allow-remote"):
        Address(Options(target))
    assert Address(Options(target, allow_remote=True)).url == target


@pytest.mark.parametrize("target", ["http://127.0.0.2:8000", "http://0.0.0.0:8000"])
def test_the_hosts_that_servers_print_are_this_machine(target: str) -> None:
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
def test_a_malformed_address_is_refused_in_one_line(target: str) -> None:
    with pytest.raises(
        UsageError, match=r"is no address; write http://127\.0\.0\.1:8000$"
    ) as raised:
        Address(Options(target))
    assert "pa55" not in str(raised.value)


@pytest.mark.parametrize("path", ["/api", "/?page=2"])
def test_an_address_with_a_path_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="has a path; leave it out") as raised:
        Address(Options(f"http://me:pa55@127.0.0.1:8000{path}"))
    assert "pa55" not in str(raised.value)


def test_an_address_without_a_server_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = refusal(Address(Options(f"http://127.0.0.1:{port}")))
    assert error.startswith(f"http://127.0.0.1:{port} sent no response (ConnectError: ")
    assert error.endswith("check that an HTTP server runs on that port")


def test_the_error_for_a_frozen_server_names_attach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serves, "_RESPONSE_LIMIT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        port = frozen.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        error = refusal(Address(Options(url)))
    assert error.startswith(f"{url} sent no response to GET /healthz within 0.1 s; ")
    assert error.endswith(f"asgi-liveness attach :{port} shows the line")


def test_an_address_of_a_server_without_http_is_refused() -> None:
    async def wait() -> None:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 welcome\r\n")
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await Address(Options(f"http://127.0.0.1:{port}")).wait_until_ready("/")

    with pytest.raises(TargetError, match="sent no response"):
        asyncio.run(wait())


@pytest.mark.servers
def test_an_address_is_ready_with_any_response() -> None:
    with started(server := command(*python(SERVER, "127.0.0.1", "{port}"))):
        asyncio.run(Address(Options(server.url)).wait_until_ready("/healthz"))


@pytest.mark.parametrize("port", ["0", "00"])
def test_the_port_0_of_an_address_is_refused(port: str) -> None:
    with pytest.raises(UsageError, match="has the port 0, on which nothing listens"):
        served(Options(f"http://me:s3cret@127.0.0.1:{port}"))


@pytest.mark.parametrize(
    "target", ["http://me:s3/c@ret@127.0.0.1:8000", "http://me@127.0.0.1:8000"]
)
def test_the_user_of_an_address_is_not_used_and_that_is_said(target: str) -> None:
    address = served(Options(target))
    assert isinstance(address, Address)
    assert address.url == address.name == "http://127.0.0.1:8000"
    assert address.unused.startswith("the user and the password in the address were not used")


@pytest.mark.parametrize(
    "target", ["http://me:s3cret@", "http://me:s3cret@127.0.0.1/x", "ftp://me:s3cret@h"]
)
def test_no_error_on_an_address_has_its_password(target: str) -> None:
    with pytest.raises(UsageError) as raised:
        served(Options(target))
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        Options("a\0b:app"),
        Options("a:\ud800"),
        Options("a:app", app_dir="\0"),
        Options(command=("serve", "\0")),
        Options(command=("\0",)),
    ],
)
def test_a_character_that_no_command_can_have_is_refused(options: Options) -> None:
    with pytest.raises(UsageError, match="has a character that no command can have"):
        served(options)
