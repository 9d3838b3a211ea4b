"""A PID, a port or a name becomes the processes that a user means, or an error of one line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from asgi_liveness.errors import LivenessError
from asgi_liveness.watching import processes
from asgi_liveness.watching.processes import package_in, program_in, target
from tests.waiting import until

# Other workers of pytest run programs of their own at the same time.
NAME = f"word-of-test-process-{os.getpid()}"

FORKS = """\
import os, socket, sys, time
server = socket.create_server(("127.0.0.1", 0))
child = os.fork()
if child:
    print(server.getsockname()[1], child, flush=True)
time.sleep(600)
"""


@pytest.fixture
def forking() -> Iterator[tuple[int, int, int]]:
    """A program that listens, with a child that shares its socket: its pid, the child's, a port."""
    words = [sys.executable, "-c", FORKS, NAME, "myapp.main:app"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    port, child = map(int, process.stdout.readline().split())
    yield process.pid, child, port
    os.kill(child, 9)
    process.kill()
    process.wait()
    process.stdout.close()


def refusal(text: str) -> str:
    with pytest.raises(LivenessError) as raised:
        target(text)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_each_form_finds_a_program_with_its_children(forking: tuple[int, int, int]) -> None:
    pid, child, port = forking
    for text in (f":{port}", str(pid), NAME):
        assert target(text).processes == {pid, child}
    assert target(str(child)).processes == {child}
    assert target(f":{port}").port == port


def test_a_process_never_finds_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert "is this command itself" in refusal(f":{server.getsockname()[1]}")


def test_the_package_of_the_app_is_found_from_a_child(forking: tuple[int, int, int]) -> None:
    for pid in forking[:2]:
        assert package_in(processes.words_of(pid)) == "myapp"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "'' is no process of this machine; attach takes a PID, a port as :8000, or"),
        (":x", "':x' is no port; attach takes"),
        (":0", "':0' is no port: ports are 1 to 65535"),
        (":65536", "':65536' is no port: ports are 1 to 65535"),
        ("127.0.0.1:8000", "did you mean :8000?"),
        ("http://127.0.0.1:8000/", "did you mean :8000?"),
        ("[::1]:8000", "did you mean :8000?"),
        ("0", "there is no process 0; ps -e shows"),
        ("9" * 30, f"there is no process {'9' * 30}; ps -e shows"),
        ("no-such-program", "no process of this machine is called 'no-such-program'; ps -e shows"),
    ],
)
def test_a_bad_target_is_refused_in_one_line(text: str, error: str) -> None:
    assert error in refusal(text)


def test_a_port_without_a_listener_says_how_to_find_one() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        error = refusal(f":{port}")
    assert error.startswith(f"nobody listens on port {port} of this machine; ss -ltnp shows")


def test_a_number_that_is_a_port_and_no_process_gets_its_colon(
    forking: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "pid_exists", lambda _: False)
    assert refusal(str(forking[2])).endswith(f"for the port, write :{forking[2]}")


def test_several_programs_of_a_name_are_listed() -> None:
    words = [sys.executable, "-c", "import time; time.sleep(600)", NAME]
    started = [subprocess.Popen(words) for _ in range(2)]
    try:
        first, second = sorted(each.pid for each in started)
        until(lambda: all(NAME in processes.words_of(each.pid) for each in started))
        assert refusal(NAME) == (
            f"2 programs match {NAME!r}: {first}, {second}; name one: asgi-liveness attach {first}"
        )
    finally:
        for each in started:
            each.kill()
            each.wait()


def test_a_process_that_runs_nothing_is_refused(forking: tuple[int, int, int]) -> None:
    pid, child, _ = forking
    os.kill(pid, 19)
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    assert refusal(str(pid)).endswith(
        f"is stopped by a signal and runs nothing; kill -CONT {pid} goes on"
    )
    os.kill(pid, 18)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    until(lambda: psutil.Process(ended.pid).status() == psutil.STATUS_ZOMBIE)
    assert "is a zombie" in refusal(str(ended.pid))
    ended.wait()
    assert child


@pytest.mark.parametrize(
    ("words", "program"),
    [
        ("/srv/.venv/bin/python /srv/.venv/bin/uvicorn app:app", "uvicorn"),
        ("python3 -m hypercorn app:app", "hypercorn"),
        ("/usr/bin/python3.12 -X dev main.py --token s3cret", "main.py"),
        ("python -m myapp.serve --now", "myapp"),
        ("python -c import-secrets", "python"),
        ("/opt/serve --key s3cret", "serve"),
        ("", "process"),
    ],
)
def test_a_program_is_named_and_none_of_its_secrets(words: str, program: str) -> None:
    assert program_in(words.split()) == program
