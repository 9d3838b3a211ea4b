"""`watch` with the commands that people run: one click through the app, and both lines are there.

Each command runs in a terminal, and ends by Ctrl+C, unless its test says otherwise.
"""

from __future__ import annotations

import contextlib
import functools
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conftest import LIMIT
from tests.terminal import Terminal, terminal, watch, zombies
from tests.waiting import until
from tools.marks import marks

pytestmark = pytest.mark.servers

FOLDER = Path(__file__).parent / "commands"
ROUTES = ("/", "/items/pen", "/search", "/export", "/wait", "/print", "/fork")
BLOCKING = ("/report/2024", "/digest")
PRINTED = b"\x1b[1mbold\x1b[0m \xff, and no end of the line"
TOLD = re.compile(r"stalled \d\d:\d\d:\d\d .*")
ROW = re.compile(r"^ +(\d+) +[\d.]+ s +[\d.]+ s +(\S+):(\d+) in (\w+)\(\)", re.MULTILINE)
SIGNALLED = 128
NAMESPACE = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")
UVICORN = "uvicorn --port {port} ten_routes:app"
COMMANDS = {
    "hypercorn": "hypercorn --bind 127.0.0.1:{port} ten_routes:app",
    "granian": "granian --interface asgi --port {port} ten_routes:app",
    "fastapi dev": "fastapi dev --port {port} ten_routes.py",
    "quart run": "quart --app ten_routes_in_quart run --port {port}",
    "python": "python ten_routes.py",
    "uvicorn, two workers": "uvicorn --workers 2 --port {port} ten_routes:app",
}


@contextlib.contextmanager
def watched(
    folder: Path, line: str, *options: str, prefix: tuple[str, ...] = (), **further: Any
) -> Iterator[Terminal]:
    """Watch the command *line* in a folder that has the apps, and wait until it answers."""
    for app in FOLDER.glob("ten_routes*.py"):
        shutil.copy(app, folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"PORT": str(port), **further.pop("environment", {})}
    words = watch(*options, "--", *line.format(port=port).split())
    with terminal(
        folder, (*prefix, *words), port=port, environment=environment, **further
    ) as running:
        until(running.answers)
        yield running


def click_through(running: Terminal) -> None:
    """Request each route once; the line of a stall comes while it still blocks."""
    for path in (*ROUTES, *BLOCKING):
        running.get(path)


def lines_of(app: str, path: str) -> set[str]:
    """The lines that may be blamed for a stall in a request: ``file:line in function()``."""
    function = path.split("/")[1]
    (mark,) = [mark for mark in marks((FOLDER / app).read_text()) if f"/{function}" in mark.request]
    return {f"{app}:{line} in {function}()" for line in mark.lines}


def shows_both(running: Terminal, app: str = "ten_routes.py", clicks: int = 1) -> None:
    """Check what was printed once the command has ended: both lines, and no other."""
    told, _, summed_up = running.stderr.rpartition("\nwatched ")
    rows = {f"{file}:{line} in {name}()": int(n) for n, file, line, name in ROW.findall(summed_up)}
    stalls, lines = TOLD.findall(told), {path: lines_of(app, path) for path in BLOCKING}
    for path, right in lines.items():
        assert sum(rows.pop(row) for row in list(rows) if row in right) == clicks, running.stderr
        named = [stall for stall in stalls if any(line in stall for line in right)]
        assert named, running.stderr
        assert all(f"GET /{path.split('/')[1]}" in stall for stall in named), named
    assert rows == {}, running.stderr
    # A line may not be known so soon: py-spy has to look at C code, and the machine may be busy.
    assert sum("so far" in stall for stall in stalls) >= len(BLOCKING), running.stderr


def leaves_the_output_alone(running: Terminal, clicks: int = 1) -> None:
    """Check that each stream has what the command wrote, and that ours is on stderr alone."""
    stderr = (running.folder / "stderr").read_bytes()
    assert running.stdout.count(PRINTED) == clicks
    assert stderr.count(PRINTED) == clicks
    assert not re.search(rb"(stalled|starved) \d|watched \d", running.stdout)


@pytest.mark.parametrize("line", COMMANDS.values(), ids=COMMANDS)
def test_both_lines_of_a_command_are_named(line: str, tmp_path: Path) -> None:
    app = "ten_routes_in_quart.py" if "quart" in line else "ten_routes.py"
    with watched(tmp_path, line) as running:
        click_through(running)
        code = running.interrupted()
    shows_both(running, app)
    leaves_the_output_alone(running)
    # Without a watch as well, Quart ends with 3 after Ctrl+C on Python 3.13.
    assert code == 0 or ("quart" in app and code == 3), running.stderr


def test_both_lines_are_named_after_each_reload(tmp_path: Path) -> None:
    with watched(tmp_path, f"{UVICORN} --reload") as running:
        workers = [running.get("/healthz")]
        click_through(running)
        for _ in range(2):
            app = tmp_path / "ten_routes.py"
            app.write_text(f"{app.read_text()}\n")
            workers.append(until(lambda: others(running, workers)))
            click_through(running)
        assert running.interrupted() == 0, running.stderr
    shows_both(running, clicks=3)
    leaves_the_output_alone(running, clicks=3)
    assert " s, 3 processes ·" in running.stderr


def others(running: Terminal, workers: list[str]) -> str:
    """The worker that answers, "" if it is one of *workers*."""
    found = running.answers()
    return "" if found in workers else found


def test_both_lines_are_named_while_workers_are_recycled(tmp_path: Path) -> None:
    gunicorn = "gunicorn -k uvicorn_worker.UvicornWorker -w 2 --max-requests 4"
    with watched(tmp_path, f"{gunicorn} -b 127.0.0.1:{{port}} ten_routes:app") as running:
        workers = list[str]()
        while len(workers) < 4:
            workers.append(until(lambda: others(running, workers)))
        for path in BLOCKING:
            until(functools.partial(running.answers, path))
        running.send(signal.SIGTERM)
        assert running.ends() == 0, running.stderr
    shows_both(running)
    summed_up = running.stderr.rpartition("\nwatched ")[2]
    assert int(re.findall(r"(\d+) process", summed_up)[0]) >= 4


def test_a_sitecustomize_of_the_app_runs_as_well(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("OF_THE_APP = 'it ran'\n")
    with watched(tmp_path, UVICORN, environment={"PYTHONPATH": str(own)}) as running:
        assert running.get("/") == '"it ran"'
        click_through(running)
        assert running.interrupted() == 0, running.stderr
    shows_both(running)


def test_both_processes_of_an_app_that_forks_are_watched(tmp_path: Path) -> None:
    with watched(tmp_path, "python ten_routes.py forks") as running:
        click_through(running)
        click_through(running)
        first = running.get("/healthz")
        until(lambda: others(running, [first]))
        assert running.interrupted() == 0, running.stderr
    shows_both(running, clicks=2)
    assert "2 processes ·" in running.stderr


def unshared() -> str:
    """Why no namespace of processes can be made here; "" if one can."""
    try:
        done = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


@pytest.mark.skipif(bool(unshared()), reason=unshared() or "namespaces of processes work")
def test_the_first_process_of_a_container_passes_sigterm_on(tmp_path: Path) -> None:
    with watched(tmp_path, UVICORN, prefix=NAMESPACE) as running:
        (first,) = psutil.Process(running.pid).children()
        running.get("/orphan")
        click_through(running)
        leave_an_orphan(first.pid)
        until(lambda: "sleep" in names_below(first))
        until(lambda: "sleep" not in names_below(first))  # nor as a zombie
        assert zombies(running.pid) == []
        first.send_signal(signal.SIGTERM)
        assert running.ends() == SIGNALLED + signal.SIGTERM, running.stderr
    shows_both(running)
    assert running.stderr.count("Shutting down") == 1


def leave_an_orphan(first: int) -> None:
    """Start a process in the namespace of *first*, and end its parent, as ``docker exec`` may."""
    entered = ("nsenter", f"--target={first}", "--user", "--pid", "--mount", "--preserve")
    subprocess.run([*entered, "sh", "-c", "sleep 1 & exit 0"], check=True, timeout=LIMIT)


def names_below(process: psutil.Process) -> set[str]:
    """The names of the descendants of a process."""
    found = set()
    for each in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.add(each.name())
    return found
