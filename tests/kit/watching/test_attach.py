"""Which processes ``attach`` judges, why it refuses others, and what it prints."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asgi_liveness.cli import main as cli
from asgi_liveness.errors import LivenessError
from asgi_liveness.serving import ports
from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls import spy
from asgi_liveness.stalls.culprit import Culprit
from asgi_liveness.stalls.spy import Refused
from asgi_liveness.watching import attach as attaching
from asgi_liveness.watching.attach import Attached, attach
from asgi_liveness.watching.attach_text import text
from asgi_liveness.watching.judged import Condition, Finding
from asgi_liveness.watching.sampling import EVERY
from tests.waiting import until

SECONDS = 0.4
SUPERVISED = """\
import asyncio, os, socket

async def main():
    if os.getpid() != supervisor:
        await asyncio.start_server(lambda *_: None, sock=server)
    os.write(1, b"%d\\n" % os.getpid())
    await asyncio.sleep(600)

server, supervisor = socket.create_server(("127.0.0.1", 0)), os.getpid()
os.fork()
asyncio.run(main())
"""
FROZEN = "import asyncio, time\nasync def stuck():\n    time.sleep(600)\nasyncio.run(stuck())\n"
BESIDE_A_THREAD = """\
import asyncio, re, threading

def spin():
    while True:
        pass

async def wait_for_gil():
    await asyncio.to_thread(re.match, r"(a+)+$", "a" * 60 + "b")

async def wait_for_lock():
    threading.Thread(target=spin, daemon=True).start()
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()
"""
"""What a loop's thread may wait for while another thread always holds the GIL."""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start commands, each in a session that is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            words, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        os.killpg(process.pid, 9)
        process.wait()
        assert process.stdout
        process.stdout.close()


def refusal(target: object) -> str:
    with pytest.raises(LivenessError) as raised:
        attach(str(target), SECONDS, ["attach", str(target)])
    assert "\n" not in str(raised.value)
    return str(raised.value)


def is_in(function: str, process: subprocess.Popen[str]) -> bool:
    """Whether py-spy sees the process in a function."""
    threads = spy._dump(process.pid)
    return not isinstance(threads, Refused) and any(
        frame.function == function for each in threads for frame in each.stack[:1]
    )


def test_a_supervisor_with_a_loop_of_its_own_is_left_out(start: Start) -> None:
    process = start(sys.executable, "-c", SUPERVISED)
    assert process.stdout
    pids = {int(process.stdout.readline()) for _ in range(2)}
    (child,) = pids - {process.pid}
    until(lambda: ports.polled(pids))
    (found,) = attach(str(process.pid), SECONDS, [])
    assert found.process == child
    assert found.finding.state is Condition.LIVE


def test_a_frozen_script_has_its_file_from_its_own_folder(start: Start, tmp_path: Path) -> None:
    (tmp_path / "stuck.py").write_text(FROZEN)
    process = start(sys.executable, "stuck.py")
    until(lambda: is_in("stuck", process))
    (found,) = attach(str(process.pid), SECONDS, [])
    assert found.finding.state is Condition.FROZEN
    (culprit,) = found.finding.culprits
    assert culprit.file == str(tmp_path / "stuck.py")
    assert culprit.source == "time.sleep(600)"
    assert found.program == "stuck.py"
    assert found.python == ".".join(map(str, sys.version_info[:3]))
    (note,) = found.finding.notes
    assert "listens on no port" in note


@pytest.mark.parametrize(
    ("waits", "holder", "words"),
    [
        ("wait_for_gil", "match", "another thread held the GIL in "),
        ("wait_for_lock", "spin", "the event loop's thread stood in one place in "),
    ],
)
def test_samples_that_take_long_show_what_a_loop_waits_for(
    waits: str, holder: str, words: str, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    dump = spy.dump

    async def slow(pid: int) -> list[spy.SpiedThread] | Refused:
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(2 * EVERY)
        os.kill(pid, signal.SIGCONT)
        return await dump(pid)

    process = start(sys.executable, "-c", f"{BESIDE_A_THREAD}\nasyncio.run({waits}())")
    until(lambda: is_in(holder, process))
    monkeypatch.setattr(spy, "dump", slow)
    (found,) = attach(str(process.pid), 2 * SECONDS, [])
    assert found.finding.state is Condition.FROZEN
    assert found.finding.words.startswith(words)


def test_a_program_that_is_no_python_is_refused(start: Start) -> None:
    process = start("/bin/sleep", "600")
    assert refusal(process.pid) == (
        f"process {process.pid} is no Python; name the server: asgi-liveness attach :8000"
    )


def test_python_without_an_event_loop_is_refused(start: Start) -> None:
    process = start(sys.executable, "-c", "import time; time.sleep(600)")
    until(lambda: is_in("<module>", process))
    assert f"process {process.pid} runs Python and no event loop" in refusal(process.pid)


def test_a_refused_sample_comes_with_the_command_to_type(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(sys.executable, "-c", "import time; time.sleep(600)")
    monkeypatch.setattr(spy, "_printed", lambda *_: Refused(spy.DENIED))
    monkeypatch.setattr(attaching, "permitted", lambda words: f"type sudo {' '.join(words)}")
    assert refusal(process.pid) == (
        f"process {process.pid}: the system denies ptrace to py-spy; type sudo attach {process.pid}"
    )


def test_a_hidden_listener_comes_with_the_command_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = ports.Listeners(set(), hidden=True)
    monkeypatch.setattr("asgi_liveness.watching.processes.listeners_on", lambda _: hidden)
    monkeypatch.setattr(attaching, "permitted", lambda words: f"type sudo {' '.join(words)}")
    assert refusal(":8000") == (
        "this user may not see which process listens on port 8000; type sudo attach :8000"
    )


def test_another_failure_of_py_spy_keeps_its_reason(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = start(sys.executable, "-c", "import time; time.sleep(600)")
    monkeypatch.setattr(spy, "_printed", lambda *_: Refused("py-spy is not installed"))
    assert refusal(process.pid) == (
        f"process {process.pid} cannot be sampled: py-spy is not installed"
    )


# What it prints.

CULPRIT = Culprit(
    "/srv/gone.py",
    12,
    "report",
    "while True:",
    seen=60,
    looks=60,
    way=("uvicorn", "report()"),
    below=Frame("/srv/gone.py", 3, "work"),
)


def attached(finding: Finding, process: int = 4711) -> Attached:
    return Attached(process, "uvicorn", "3.12.1", 60, 3.01, finding)


def test_a_frozen_process_is_shown_with_line_way_and_advice() -> None:
    finding = Finding(
        Condition.FROZEN, "it stood", (CULPRIT,), "Do this. More: asgi-liveness explain x", ("so",)
    )
    assert (
        text([attached(finding)], lambda shown, word: f"<{word}>{shown}</>")
        == """\
uvicorn, pid 4711 · Python 3.12.1 · 60 samples in 3.0 s

  <frozen>FROZEN</>   it stood
  /srv/gone.py:12 in report()
    > 12 | while True:
  which called /srv/gone.py:3 in work()
  how it got there: uvicorn > report()

  so

  Do this.
  More: asgi-liveness explain x
"""
    )


def test_each_process_is_a_block_and_busy_lines_are_counted() -> None:
    busy = attached(Finding(Condition.BUSY, "it runs", (CULPRIT,)))
    live = attached(Finding(Condition.LIVE, "it waits"), process=4712)
    shown = text([busy, live])
    assert "  BUSY   it runs\n  /srv/gone.py:12 in report()   60 of 60 samples\n" in shown
    assert "\n\nuvicorn, pid 4712 · Python 3.12.1" in shown
    assert shown.endswith("\n\n  LIVE   it waits\n")


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([Condition.LIVE, Condition.BUSY], 0),
        ([Condition.FROZEN, Condition.UNCLEAR], 1),
        ([Condition.LIVE, Condition.UNCLEAR], 3),
    ],
)
def test_the_exit_code_is_that_of_the_worst_process(
    states: list[Condition], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [attached(Finding(state, "")) for state in states]
    monkeypatch.setattr(attaching, "attach", lambda *_: rows)
    assert cli.main(["attach", ":8000"]) == code


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["attach"], "the following arguments are required: TARGET; see asgi-liveness attach"),
        (["attach", "1", "2"], "there is one word too many; see asgi-liveness attach --help"),
        (["attach", ":1", "--duration", "0"], "--duration 0: write a time of up to 600 s"),
        (["attach", ":1", "--duration", "11m"], "--duration 11m: write a time of up to 600 s"),
        (["attach", ":1", "--duration", "x"], "--duration 'x': write a time as 2.5,"),
    ],
)
def test_bad_words_are_refused_in_one_line(
    words: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"asgi-liveness: {error}")
    assert printed.count("\n") == 1
