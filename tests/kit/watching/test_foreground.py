"""`watch` leaves the terminal, the signals and the exit code of a command as they are."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from asgi_liveness.serving.living import lives
from tests.conftest import Command
from tests.terminal import Terminal, terminal, watch
from tests.waiting import until

pytestmark = pytest.mark.servers

APPS = Path(__file__).parents[2] / "apps"
SIGNALLED = 128  # what shells add to the number of a signal
PRESSED = 5
STOPPED = 2.0  # seconds
LINE = re.compile(r"stalled\S* \d\d:\d\d:\d\d .* s so far +\S*blocked\.py:\d+ in (\w+)\(\)")
WRITES = r"""
import os
for stream, byte in ((1, b"\xff\x1b[31m"), (2, b"\xfe\x1b[32m")):
    os.write(stream, byte)
"""
LOOKS = """
import os
print([os.isatty(stream) for stream in range(3)], os.tcgetpgrp(0) == os.getpgrp(), input())
"""
COUNTS = """
import os, select, signal, sys, time
reads, writes = os.pipe()
os.set_blocking(writes, False)
signal.set_wakeup_fd(writes)  # a handler in Python runs once for two signals that come together
for name in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2"):
    signal.signal(getattr(signal, f"SIG{name}"), lambda *_: None)
print("ready", flush=True)
came = []
while len(came) < int(sys.argv[1]) and select.select([reads], [], [], 60)[0]:
    came += os.read(reads, 9)
time.sleep(0.5)
came += os.read(reads, 9) if select.select([reads], [], [], 0)[0] else b""
print(f"came: {came}", flush=True)
sys.exit(3)
"""


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *arguments)


@contextlib.contextmanager
def serving(folder: Path, *options: str, is_shown: bool = False) -> Iterator[Terminal]:
    """Watch a server of the app, and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ("-m", "uvicorn", "--app-dir", str(APPS), "--port", str(port), "blocked:app")
    command = watch(*options, "--", sys.executable, *server)
    with terminal(folder, command, port=port, is_shown=is_shown) as running:
        until(running.answers)
        yield running


def request(running: Terminal, path: str) -> threading.Thread:
    """Send a request without waiting for its response, which may never come."""

    def get() -> None:
        with contextlib.suppress(Exception):
            running.get(path)

    thread = threading.Thread(target=get, daemon=True)
    thread.start()
    return thread


def freeze(running: Terminal) -> None:
    """Freeze the app, and wait for the line of it."""
    request(running, "/stick")
    until(lambda: "stick" in LINE.findall(running.stderr or running.shown))


def test_the_streams_are_those_of_the_command(tmp_path: Path) -> None:
    with terminal(tmp_path, watch("--", *python(WRITES))) as running:
        assert running.ends() == 0
    assert running.stdout == b"\xff\x1b[31m"
    stderr = (tmp_path / "stderr").read_bytes()
    assert re.match(rb"\xfe\x1b\[32m\n*watched ", stderr)
    assert b"No event loop was seen" in stderr


def test_a_command_has_the_terminal_on_all_streams(tmp_path: Path) -> None:
    with terminal(tmp_path, watch("--", *python(LOOKS)), is_shown=True) as running:
        running.type(b"typed\n")
        assert running.ends() == 0, running.shown
        assert "[True, True, True] True typed" in running.shown


def test_ctrl_c_reaches_a_command_once_each_time(tmp_path: Path) -> None:
    command = watch("--", *python(COUNTS, str(PRESSED)))
    with terminal(tmp_path, command, is_shown=True) as running:
        until(lambda: "ready" in running.shown)
        for _ in range(PRESSED):  # two signals that come at the same moment are one
            running.type(b"\x03")
            time.sleep(0.1)
        assert running.ends() == 3
        assert f"came: {[int(signal.SIGINT)] * PRESSED}" in running.shown
        assert running.shown.index("came:") < running.shown.index("watched ")


@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT", "USR2"])
def test_a_signal_to_the_watch_alone_is_passed_on_once(name: str, tmp_path: Path) -> None:
    number = getattr(signal, f"SIG{name}")
    with terminal(tmp_path, watch("--", *python(COUNTS, "1"))) as running:
        until(lambda: running.stdout)
        running.send(number)
        assert running.ends() == 3
    assert running.stdout.decode() == f"ready\ncame: [{number:d}]\n"
    assert running.stderr.lstrip().startswith("watched ")


def test_sigusr1_prints_the_summary_so_far(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        freeze(running)
        running.send(signal.SIGUSR1)
        until(lambda: "(p99)" in running.stderr)
        assert re.search(r"\n +1 .*blocked\.py:\d+ in stick\(\)", running.stderr)
        assert len(running.processes) > 1
        running.send(signal.SIGTERM)
        running.type(b"\x03")
        until(lambda: "Ctrl+C again kills it" in running.stderr)
        running.interrupted()
    assert running.stderr.count("watched ") == 2


def test_the_prompt_of_a_debugger_works(tmp_path: Path) -> None:
    with serving(tmp_path, is_shown=True) as running:
        asked = request(running, "/debug")
        until(lambda: "(Pdb) " in running.shown)
        running.type(b"p 6 * 7\n")
        until(lambda: "\n42" in running.shown)
        running.type(b"c\n")
        asked.join(30)
        assert running.answers()
        running.send(signal.SIGTERM)  # Ctrl+C is the debugger's from now on
        assert running.ends() == SIGNALLED + signal.SIGTERM, running.shown


def test_a_stopped_job_is_no_stall(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with serving(tmp_path, "--report", f"json={path}") as running:
        server = int(running.get("/healthz"))
        running.type(b"\x1a")
        both = (psutil.Process(server), psutil.Process(running.pid))
        until(lambda: all(each.status() == psutil.STATUS_STOPPED for each in both))
        time.sleep(STOPPED)
        os.killpg(running.pid, signal.SIGCONT)
        until(running.answers)
        time.sleep(0.5)  # the watch looks at it
        running.interrupted()
    rows = json.loads(path.read_text())["culprits"]
    assert all(row["longest_s"] < STOPPED / 2 for row in rows), running.stderr


def test_a_killed_watch_ends_a_frozen_app(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        freeze(running)
        assert running.temporary
        running.send(signal.SIGKILL)
        assert running.ends() == SIGNALLED + signal.SIGKILL


def test_a_kept_app_outlives_a_killed_watch(tmp_path: Path) -> None:
    with serving(tmp_path, "--keep") as running:
        server = int(running.get("/healthz"))
        running.send(signal.SIGKILL)
        until(lambda: running.shell.poll() is not None)
        keepers = [pid for pid, line in running.processes.items() if "keeper.py" in line]
        until(lambda: not any(map(lives, keepers)))
        assert lives(server)
        assert "200 OK" in running.stdout.decode()
        before = running.stdout
        with contextlib.suppress(AssertionError):  # it says that the shell has ended
            running.answers()
        running.get("/healthz")
        assert len(running.stdout) > len(before)
        os.kill(server, signal.SIGTERM)
        running.ends()


def test_a_second_ctrl_c_ends_a_frozen_app(tmp_path: Path) -> None:
    with serving(tmp_path, is_shown=True) as running:
        freeze(running)
        running.type(b"\x03")
        until(lambda: "Ctrl+C again kills it" in running.shown)
        assert running.interrupted() == SIGNALLED + signal.SIGKILL
        assert re.search(r"\n +1 .*blocked\.py:\d+ in stick\(\)", running.shown)


def test_temporary_files_are_private(tmp_path: Path) -> None:
    with serving(tmp_path) as running:
        running.get("/block")
        until(lambda: any(path.name.startswith("samples.") for path in running.temporary))
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in running.temporary}
        wrong = {p: m for p, m in modes.items() if m != (0o700 if p.is_dir() else 0o600)}
        assert wrong == {}
        running.interrupted()


@pytest.mark.parametrize(
    ("ends", "code"),
    [("pass", 0), ("exit(3)", 3), ("os.kill(os.getpid(), 15)", 143), ("os.abort()", 134)],
)
@pytest.mark.parametrize("options", [(), ("--fail",)])
def test_the_exit_code_is_that_of_the_command(
    options: tuple[str, ...], ends: str, code: int, command: Command
) -> None:
    words = watch(*options, "--", *python(f"import os; {ends}"))
    assert command(*words[1:]).returncode == code


def test_fail_makes_the_exit_code_1_after_a_stall(tmp_path: Path) -> None:
    with serving(tmp_path, "--fail") as running:
        running.get("/block")
        assert running.interrupted() == 1


WRONG = {
    "no command": (),
    "no command after the dashes": ("--",),
    "no dashes": ("uvicorn", "app:app", "--reload"),
    "no such command": ("--", "nosuchserver", "app:app"),
    "no such path": ("--", "./nosuchserver"),
    "a folder": ("--", "/"),
    "no duration": ("--max-stall", "soon", "--", "true"),
    "no length": ("--max-stall", "0s", "--", "true"),
    "no report": ("--report", "nosuch=file", "--", "true"),
    "no file": ("--report", "json", "--", "true"),
    "the standard output": ("--report", "json=-", "--", "true"),
    "a stream to the standard output": ("--report", "jsonl=-", "--", "true"),
    "a stream into a folder": ("--report", "jsonl=.", "--", "true"),
    "an unknown option": ("--relaod", "--", "true"),
}


@pytest.mark.parametrize("words", WRONG.values(), ids=WRONG)
def test_bad_input_is_refused_in_one_line(words: tuple[str, ...], command: Command) -> None:
    done = command(*watch(*words)[1:])
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("asgi-liveness: ")
    assert done.stderr.count("\n") == 1
