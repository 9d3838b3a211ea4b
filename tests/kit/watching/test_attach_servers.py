"""``attach`` to real servers that were started without it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kit.watching.servers import Running, line_of, running
from tests.waiting import until

if TYPE_CHECKING:
    import subprocess

    from tests.conftest import Command

pytestmark = pytest.mark.servers
UVICORN = ("uvicorn", "frozen_app:app", "--port", "{port}", "--no-access-log")
ADVICE = {
    "freeze": "This loop never yields to the event loop",
    "hold": "This is C code that holds the GIL",
}
"""What to do about each function of the app that freezes it."""


def attach(command: Command, target: object) -> subprocess.CompletedProcess[str]:
    done = command("-m", "asgi_liveness", "attach", str(target), "--duration", "1s")
    assert done.stderr == ""
    return done


def freeze_one_of_two(server: Running, command: Command) -> None:
    """Freeze one worker of two, and find it by the master and by the port."""
    both = until(lambda: pids if len(pids := server.all_serving()) > 1 else set())
    server.request("freeze")
    live = until(server.serving)
    (frozen,) = both - {live}
    for target in (server.pid, f":{server.port}"):
        done = attach(command, target)
        assert done.returncode == 1, done.stdout
        pids = re.findall(r", pid (\d+) ·.*\n\n  (\w+) ", done.stdout)
        assert pids == [(str(frozen), "FROZEN"), (str(live), "LIVE")]
        assert "in freeze()" in done.stdout


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("name", ADVICE)
def test_a_frozen_app_is_found_by_its_port_with_its_line(
    loop: str, name: str, command: Command, tmp_path: Path
) -> None:
    with running(tmp_path, *UVICORN, "--loop", loop) as server:
        server.request(name)
        done = attach(command, f":{server.port}")
    assert done.returncode == 1, done.stdout
    assert re.match(rf"uvicorn, pid {server.pid} · Python 3\.\d+\.\d+ · \d+ samples", done.stdout)
    count = re.search(r"FROZEN   the event loop's thread .* (\d+) of (\d+) samples", done.stdout)
    assert count
    assert count[1] == count[2]
    found = re.search(rf"frozen_app\.py:(\d+) in {name}\(\)", done.stdout)
    assert found
    first = line_of(name) + 1
    assert int(found[1]) in (first, first + 1)  # of an empty loop Python may be at either line
    assert f"how it got there: uvicorn > app() > {name}()" in done.stdout
    assert ADVICE[name] in done.stdout
    assert "its samples alone" not in done.stdout


def test_c_code_in_a_thread_that_holds_the_gil_freezes_the_app(
    command: Command, tmp_path: Path
) -> None:
    with running(tmp_path, *UVICORN) as server:
        server.request("hold_in_thread")
        done = attach(command, server.pid)
    assert done.returncode == 1, done.stdout
    assert "FROZEN   another thread held the GIL in" in done.stdout
    assert re.search(r"re/__init__\.py:\d+ in match\(\)", done.stdout)


def test_a_thread_that_computes_in_python_leaves_the_app_busy(
    command: Command, tmp_path: Path
) -> None:
    with running(tmp_path, *UVICORN) as server:
        server.request("spin_in_thread")
        done = attach(command, f":{server.port}")
    assert done.returncode == 0, done.stdout
    assert "BUSY   another thread held the GIL in" in done.stdout
    assert re.search(r"frozen_app\.py:\d+ in spin\(\)", done.stdout)


def test_a_loop_that_yields_is_busy_and_its_line_is_named(command: Command, tmp_path: Path) -> None:
    with running(tmp_path, *UVICORN) as server:
        server.request("cooperate")
        done = attach(command, f":{server.port}")
    assert done.returncode == 0, done.stdout
    assert "BUSY   the event loop waited for events in" in done.stdout
    assert re.search(
        r"frozen_app\.py:\d+ in (?:work|cooperate)\(\)   \d+ of \d+ samples", done.stdout
    )


def test_a_live_app_is_live_and_stays_so(command: Command, tmp_path: Path) -> None:
    with running(tmp_path, *UVICORN) as server:
        done = attach(command, f":{server.port}")
        assert until(server.serving) == server.pid
    assert done.returncode == 0, done.stdout
    assert "LIVE   the event loop waited for events in" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        (*UVICORN, "--workers", "2"),
        ("hypercorn", "-w", "2", "-b", "127.0.0.1:{port}", "frozen_app:app"),
    ],
    ids=lambda words: words[0],
)
def test_one_worker_of_two_is_frozen_and_found_by_its_master(
    words: tuple[str, ...], command: Command, tmp_path: Path
) -> None:
    with running(tmp_path, *words) as server:
        freeze_one_of_two(server, command)


def test_a_reloader_is_no_server_of_its_own(command: Command, tmp_path: Path) -> None:
    with running(tmp_path, *UVICORN, "--reload") as server:
        worker = server.serving()
        assert worker != server.pid
        server.request("freeze")
        done = attach(command, server.pid)
    assert done.returncode == 1, done.stdout
    assert re.findall(r", pid (\d+) ·", done.stdout) == [str(worker)]
