"""py-spy dumps a process that cannot sample itself, or the kit reports why it does not."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls import spy
from asgi_liveness.stalls.spy import Refused, SpiedThread, dump
from asgi_liveness.stalls.stack import blamed
from tests.waiting import until, until_async

HOLDS = """\
import re, threading, time

class Report:
    def hold(self):
        re.match(r"(a+)+$", "a" * 60 + "b")

def wait():
    threading.Event().wait()

threading.Thread(target=wait, name="waiting", daemon=True).start()
Report().hold()
"""
PTRACE = "the system denies ptrace to py-spy: run as root or with the capability SYS_PTRACE"


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in which C code holds the GIL."""
    script = tmp_path / "holds.py"
    script.write_text(HOLDS)
    process = subprocess.Popen([sys.executable, str(script)])
    yield process
    process.kill()
    process.wait()


def dumped_at(process: int, script: Path, line: int) -> list[SpiedThread]:
    """Return py-spy's dump once a thread has reached *line* of its script."""

    def find() -> list[SpiedThread]:
        threads = asyncio.run(dump(process))
        if isinstance(threads, Refused):
            return []
        frames = {frame[:2] for thread in threads for frame in thread.stack}
        return threads if (str(script), line) in frames else []

    return until(find)


def test_a_process_whose_gil_is_held_can_be_dumped(
    holding: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    threads = dumped_at(holding.pid, tmp_path / "holds.py", 5)
    (held,) = [thread for thread in threads if thread.thread == holding.pid]
    assert held.holds_gil
    assert (str(tmp_path / "holds.py"), 5, "hold") in held.stack
    assert held.stack[-1] == (str(tmp_path / "holds.py"), 11, "<module>")
    (waiting,) = [thread for thread in threads if thread.thread != holding.pid]
    assert not waiting.holds_gil
    assert (str(tmp_path / "holds.py"), 8, "wait") in waiting.stack


def test_an_idle_event_loop_is_not_to_blame_in_a_dump(tmp_path: Path) -> None:
    script = tmp_path / "waits.py"
    script.write_text(
        "import asyncio\nloop = asyncio.SelectorEventLoop()\n"
        "loop.run_until_complete(asyncio.sleep(60))\n"
    )
    process = subprocess.Popen([sys.executable, str(script)])
    try:
        (main,) = dumped_at(process.pid, script, 3)
    finally:
        process.kill()
        process.wait()
    assert blamed(main.stack) == []


def test_a_process_that_has_ended_is_refused() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert isinstance(asyncio.run(dump(process.pid)), Refused)


Fake = Callable[[str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put a script in the place of py-spy, in the folder of a Python that is not there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))

    def fake(script: str) -> Path:
        program = folder / "py-spy"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    return fake


def dumped() -> list[SpiedThread] | Refused:
    return asyncio.run(dump(42))


THREAD = {
    "thread_id": 140,
    "os_thread_id": 42,
    "thread_name": "MainThread",
    "owns_gil": True,
    "active": True,
    "frames": [{"name": "view", "filename": "/srv/a.py", "line": 3, "locals": None}],
}


def test_a_dump_is_read_thread_by_thread(fake: Fake) -> None:
    other = {**THREAD, "os_thread_id": None, "thread_name": None, "owns_gil": False, "frames": []}
    fake(f"cat <<'END'\n{json.dumps([THREAD, other])}\nEND\n")
    assert dumped() == [
        SpiedThread(42, True, (Frame("/srv/a.py", 3, "view"),)),
        SpiedThread(140, False, ()),
    ]


def test_py_spy_is_called_for_one_process_and_gets_no_input(fake: Fake, tmp_path: Path) -> None:
    fake(f'echo "$@" > {tmp_path}/called\ncat >> {tmp_path}/called\necho "[]"')
    assert dumped() == []
    assert (tmp_path / "called").read_text() == "dump --json --pid 42\n"


def test_a_py_spy_next_to_this_python_comes_before_the_path(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = fake("echo 'next to it' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}/path:/usr/bin:/bin")
    (tmp_path / "path").mkdir()
    on_path = tmp_path / "path" / "py-spy"
    on_path.write_text("#!/bin/sh\necho 'on the path' >&2; exit 1\n")
    on_path.chmod(0o755)
    assert dumped() == Refused("py-spy: next to it")
    program.unlink()
    assert dumped() == Refused("py-spy: on the path")
    on_path.unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert dumped() == Refused("py-spy is not installed with this Python: pip install py-spy")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Error: Permission denied (os error 13)' >&2; exit 1", PTRACE),
        ("printf 'Error: x\\nOperation not permitted? Permission Denied\\n' >&2; exit 1", PTRACE),
        ("printf '\\n  Error: no Python\\nReason: y\\n' >&2; exit 1", "py-spy: no Python"),
        ("echo what >&2; exit 2", "py-spy: what"),
        ("printf '\\377\\n' >&2; exit 2", "py-spy: \ufffd"),
        ("exit 1", "py-spy printed no reason"),
        ("kill -9 $$", "py-spy printed no reason"),
    ],
)
def test_a_failure_of_py_spy_has_its_reason(script: str, reason: str, fake: Fake) -> None:
    fake(script)
    assert dumped() == Refused(reason)


@pytest.mark.parametrize("script", ["echo no json", "echo '[{}]'"])
def test_output_of_an_unknown_format_is_refused(script: str, fake: Fake) -> None:
    fake(script)
    assert isinstance(dumped(), Refused)


def test_a_py_spy_that_may_not_be_run_is_refused(fake: Fake) -> None:
    fake("").chmod(0o644)
    assert isinstance(dumped(), Refused)


@pytest.mark.parametrize("ignores", ["", "trap '' TERM INT\n"])
def test_a_py_spy_that_takes_too_long_is_killed(
    ignores: str, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spy, "_LIMIT", 0.3)
    fake(f"{ignores}echo $$ > {tmp_path}/pid\nexec sleep 60")
    assert dumped() == Refused("py-spy did not end within 0.3 s")
    if (tmp_path / "pid").exists():  # the script may have been killed before its first line
        assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_a_py_spy_ends_after_its_caller_was_cancelled(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spy, "_LIMIT", 0.5)
    fake(f"echo $$ > {tmp_path}/draft; mv {tmp_path}/draft {tmp_path}/pid; exec sleep 60")

    async def cancel() -> None:
        task = asyncio.create_task(dump(42))
        await until_async((tmp_path / "pid").exists)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
