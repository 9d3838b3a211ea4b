"""A server process of any kind: its environment and streams, and its end.

``test_server`` tests the servers of the suite.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from asgi_liveness.errors import TargetError
from asgi_liveness.inside.injected import layout as inside
from asgi_liveness.serving import launched as launching
from asgi_liveness.serving.launched import Launched
from tests.waiting import until

NAMES = ("TMPDIR", "PYTHONPATH", inside.BOARD_VARIABLE, inside.LIMIT_VARIABLE)
SERVER = """\
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")
    def log_message(self, *words): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
PATIENT = """\
import os, signal, sys, time
def end(*_):
    print("ended itself", file=sys.stderr, flush=True)
    if sys.argv[1] == "polite":
        os._exit(3)
signal.signal(signal.SIGTERM, end)
print("ready", file=sys.stderr, flush=True)
while True:
    time.sleep(60)
"""

DAEMON = """\
import os, sys, time
def stay():
    if sys.argv[-1] == "stays":
        time.sleep(3600)
if os.fork():
    os.wait()
    stay()
    sys.exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.execl(sys.executable, sys.executable, "-c", sys.argv[1], sys.argv[2])
"""
AWAY = {
    "timeout": lambda server: ("timeout", "60", *server),
    "setsid": lambda server: ("setsid", "-w", *server),
    "own session": lambda server: (*server[:2], f"import os; os.setsid()\n{SERVER}", server[3]),
    "own group": lambda server: (*server[:2], f"import os; os.setpgid(0, 0)\n{SERVER}", server[3]),
    "child in a session": lambda server: python(DAEMON, *server[2:], "stays"),
    "daemon": lambda server: python(DAEMON, *server[2:], "goes"),
}

pytestmark = [pytest.mark.servers, pytest.mark.python, pytest.mark.usefixtures("temporary")]


def python(script: str, *arguments: str) -> tuple[str, ...]:
    return sys.executable, "-c", script, *arguments


def answer(server: Launched) -> str:
    try:
        return httpx.get(server.url, trust_env=False).text
    except httpx.HTTPError:
        return ""


def printed(server: Launched) -> str:
    """Return the standard error of a command that ends by itself."""
    until(lambda: server.ended)
    return server.log()


def test_a_command_listens_on_the_port_that_it_gets(temporary: Path) -> None:
    with Launched(python(SERVER, "{port}")) as server:
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert list(temporary.iterdir())
        assert until(lambda: answer(server)) == "hello"
        assert server.group.members() == [server.pid]
    assert server.ended


@pytest.mark.parametrize("away", AWAY.values(), ids=AWAY)
def test_a_server_that_leaves_its_group_is_found_and_ended(
    away: Callable[[tuple[str, ...]], tuple[str, ...]],
) -> None:
    with Launched(away(python(SERVER, "{port}"))) as server:
        until(lambda: answer(server))
        away_from_it = [pid for pid in server.group.members() if os.getpgid(pid) != server.group.id]
        assert away_from_it
    assert not any(Path(f"/proc/{pid}").exists() for pid in away_from_it)


def test_a_port_that_does_not_exist_is_refused_in_one_line() -> None:
    launched = Launched(("true",), 99999)
    with pytest.raises(TargetError, match=r"cannot listen on port 99999 .*ports end at 65535"):
        launched.start()


def test_every_place_for_a_port_is_filled() -> None:
    script = "import sys; sys.exit(' '.join(sys.argv[1:]))"
    with Launched(python(script, "--bind=x:{port}", "{port}", "{fd}")) as server:
        port = server.port
        bind, plain, descriptor = printed(server).split()
    assert (bind, plain) == (f"--bind=x:{port}", str(port))
    assert int(descriptor) > 2


def test_a_missing_command_is_an_error_and_leaves_nothing() -> None:
    server = Launched(("no-such-server", "--port", "{port}"))
    with pytest.raises(TargetError) as raised:
        server.start()
    assert str(raised.value) == (
        "no-such-server cannot be started (No such file or directory); install it in this "
        "environment, or name it by its path"
    )
    assert server.group.members() == []
    assert (server.exit_code, server.ended) == (None, False)


def test_a_command_that_may_not_be_run_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(TargetError, match=r"plain cannot be started \(Permission denied\)"):
        Launched((str(tmp_path / "plain"),)).start()


def test_a_server_is_watched_only_with_max_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    script = f"import os, sys; sys.exit(repr({{n: os.environ.get(n) for n in {NAMES}}}))"
    monkeypatch.setenv("PYTHONPATH", "/theirs")
    monkeypatch.setenv("TMPDIR", "/their/own")
    with Launched(python(script)) as plain:
        left_alone = eval(printed(plain))  # noqa: S307 (the script above printed it)
    assert left_alone == {
        "TMPDIR": "/their/own",
        "PYTHONPATH": "/theirs",
        inside.BOARD_VARIABLE: None,
        inside.LIMIT_VARIABLE: None,
    }
    assert plain.board is None
    with Launched(python(script), max_stall=0.05) as server:
        assert server.board
        watched = eval(printed(server))  # noqa: S307 (as above)
        assert watched == {
            "TMPDIR": "/their/own",
            "PYTHONPATH": f"{Path(inside.__file__).parent}{os.pathsep}/theirs",
            inside.BOARD_VARIABLE: str(server.board.path),
            inside.LIMIT_VARIABLE: "0.05",
        }
    with pytest.raises(OSError, match="Bad file descriptor"):
        server.board.heartbeats()


@pytest.fixture
def typed() -> Iterator[None]:
    """Put some bytes into the standard input of the runner."""
    reads, writes = os.pipe()
    os.write(writes, b"typed")
    kept = os.dup(0)
    os.dup2(reads, 0)
    yield
    os.dup2(kept, 0)
    for descriptor in (reads, writes, kept):
        os.close(descriptor)


@pytest.mark.usefixtures("typed")
def test_a_server_has_no_input_and_its_output_is_discarded(
    capfd: pytest.CaptureFixture[str],
) -> None:
    script = "import sys; print('x' * 10**6, flush=True); sys.exit(f'read {sys.stdin.read()!r}')"
    with Launched(python(script)) as server:
        assert printed(server) == "read ''\n"
    assert capfd.readouterr() == ("", "")


def test_a_log_of_any_bytes_is_read() -> None:
    script = r"import os; os.write(2, b'first\n\xff last\n  \n')"
    with Launched(python(script)) as server:
        assert printed(server) == "first\n\ufffd last\n  \n"
        assert server.last_words() == "\ufffd last"


FLOOD = """\
import os, sys
os.write(2, b"the first line\\n")
for _ in range(2000):
    os.write(2, b"x" * 65536 + b"\\n")
print("flooded", file=sys.stderr, flush=True)
import time; time.sleep(3600)
"""


def test_a_flood_on_standard_error_is_cut_and_keeps_both_ends() -> None:
    with Launched(python(FLOOD)) as server:
        until(lambda: "bytes are left out here]" in server.log())
        until(lambda: server.last_words() == "flooded" and len(server.log()) < 5 * 10**6)
        assert server.log().startswith("the first line\n")
        assert (server.group.folder / "stderr").stat().st_blocks * 512 < 5 * 10**6


@pytest.mark.parametrize("replaced", ["os.mkfifo(path)", "os.symlink('/etc/hosts', path)", "0"])
def test_a_log_that_is_no_regular_file_is_not_read(replaced: str) -> None:
    script = "import os; path = os.path.realpath('/proc/self/fd/2'); os.unlink(path); "
    with Launched(python(script + replaced)) as server:
        until(lambda: server.ended)
        assert (server.exit_code, server.log(), server.last_words()) == (0, "", "nothing")


@pytest.mark.parametrize(
    ("ends", "words"), [("time.sleep(3600)", "[ERROR] Worker was sent SIGKILL!"), ("", "started")]
)
def test_a_server_that_goes_on_has_more_to_say_than_its_last_line(ends: str, words: str) -> None:
    said = "import sys, time; print('[ERROR] Worker was sent SIGKILL!\\nstarted', file=sys.stderr);"
    with Launched(python(said + ends)) as server:
        until(lambda: "started" in server.log() and bool(ends) is not server.ended)
        assert server.last_words() == words


def test_a_long_last_line_is_cut() -> None:
    with Launched(python("import sys; sys.exit('y' * 10**6)")) as server:
        until(lambda: server.ended)
        assert server.last_words() == "y" * 1000 + " ..."


def test_a_server_has_the_signals_of_a_program_of_its_own() -> None:
    script = """\
import signal, sys
names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGPIPE")
sys.exit(" ".join(n for n in names if signal.getsignal(getattr(signal, n)) == signal.SIG_IGN))
"""
    # What a program of its own ignores here: SIGPIPE as Python does, and SIGHUP below nohup.
    alone = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert "SIGPIPE" in alone.stderr.decode()
    with Launched(python(script)) as server:
        assert printed(server) == alone.stderr.decode()


def test_signals_to_the_whole_group_leave_the_keeper(temporary: Path) -> None:
    script = "import os, signal; os.killpg(0, signal.{})"
    for name in ("SIGTERM", "SIGUSR1", "SIGQUIT", "SIGALRM"):
        with Launched(python(script.format(name))) as server:
            until(lambda: server.ended)
            assert server.exit_code == -signal.Signals[name]
        assert list(temporary.iterdir()) == []


def test_a_server_that_kills_its_keeper_ends_and_leaves_nothing(temporary: Path) -> None:
    script = "import os, signal, time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(3600)"
    server = Launched(python(script))
    server.start()
    until(lambda: os.waitid(os.P_PID, server.group.id, os.WEXITED | os.WNOWAIT))
    assert not server.ended
    server.end()
    assert server.exit_code == -9
    assert list(temporary.iterdir()) == []


RUNNER = """\
import sys, time
from asgi_liveness.serving.launched import Launched
spin = (sys.executable, "-c", "import os; os.setsid()\\nwhile True: pass")
server = Launched(spin)
server.start()
print(server.group.id, server.pid, file=sys.stderr, flush=True)
time.sleep(3600)
"""


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


FORKS_AND_ENDS = """\
import os, sys
os.setsid()
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
for number in range(10**5):
    if os.fork():
        os._exit(0)
    os.pwrite(file, b"%d" % number, 0)
"""


def test_a_chain_of_processes_that_no_listing_shows_is_ended(tmp_path: Path) -> None:
    last = tmp_path / "last"
    command = (sys.executable, "-I", "-S", "-c", FORKS_AND_ENDS, str(last))
    for _ in range(3):
        with Launched(command):
            until(lambda: last.exists() and last.read_bytes())
        reached = last.read_bytes()
        time.sleep(0.1)
        assert last.read_bytes() == reached
        last.unlink()


def test_a_killed_runner_leaves_no_server_in_a_session_of_its_own(temporary: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    with subprocess.Popen(
        python(RUNNER), stderr=subprocess.PIPE, text=True, env=environment
    ) as runner:
        assert runner.stderr
        keeper, spinning = map(int, runner.stderr.readline().split())
        until(lambda: os.getpgid(spinning) != keeper)
        runner.kill()
    until(lambda: not exists(keeper))
    assert not exists(spinning)


def test_a_runner_within_a_server_leaves_nothing_either(temporary: Path) -> None:
    runner = Launched(("env", f"TMPDIR={temporary}", *python(RUNNER)))
    runner.start()
    words = until(lambda: runner.log().split())
    keeper, spinning = map(int, words)
    assert {keeper, spinning} < {*runner.group.members()}
    assert len(list(temporary.iterdir())) == 2
    runner.end()
    assert not list(temporary.iterdir())
    assert not exists(spinning)


def test_a_server_may_shut_down_by_itself_first(tmp_path: Path) -> None:
    server = Launched(python(PATIENT, "polite"))
    server.start()
    until(server.log)
    kept = tmp_path / "kept"
    kept.hardlink_to(server.group.folder / "stderr")
    server.end(politely=True)
    assert server.exit_code == 3
    assert kept.read_text() == "ready\nended itself\n"


@pytest.mark.parametrize("politely", [True, False])
def test_a_server_that_does_not_shut_down_is_ended(
    monkeypatch: pytest.MonkeyPatch, *, politely: bool
) -> None:
    monkeypatch.setattr(launching, "POLITE_LIMIT", 0.1)
    server = Launched(python(PATIENT, "stubborn"))
    server.start()
    until(server.log)
    server.end(politely=politely)
    assert server.exit_code == -9
    assert server.group.members() == []
    server.end(politely=politely)


def test_a_server_that_was_never_started_may_be_ended() -> None:
    server = Launched(("x",))
    server.end(politely=True)
    assert not server.ended
