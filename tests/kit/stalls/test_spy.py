"""py-spy sees where a process stands that cannot look at itself; or says why it does not."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from asgi_liveness.serving.board import Frame
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
PTRACE = "the system does not let it (ptrace): run as root, or with the capability SYS_PTRACE"


@pytest.fixture
def holding(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in which C code holds the GIL."""
    script = tmp_path / "holds.py"
    script.write_text(HOLDS)
    process = subprocess.Popen([sys.executable, str(script)])
    yield process
    process.kill()
    process.wait()


def seen_at(process: int, script: Path, line: int) -> list[SpiedThread]:
    """What py-spy sees once a thread has come to that line of its script."""

    def look() -> list[SpiedThread]:
        seen = asyncio.run(dump(process))
        stacks = [one.stack for one in seen] if isinstance(seen, list) else []
        there = (str(script), line) in {p[:2] for s in stacks for p in s}
        return seen if isinstance(seen, list) and there else []

    return until(look)


def test_a_process_whose_gil_is_held_is_seen_from_outside(
    holding: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    seen = seen_at(holding.pid, tmp_path / "holds.py", 5)
    (held,) = [one for one in seen if one.thread == holding.pid]
    assert held.holds_gil
    assert (str(tmp_path / "holds.py"), 5, "hold") in held.stack
    assert held.stack[-1] == (str(tmp_path / "holds.py"), 11, "<module>")
    (waiting,) = [one for one in seen if one.thread != holding.pid]
    assert not waiting.holds_gil
    assert (str(tmp_path / "holds.py"), 8, "wait") in waiting.stack


def test_a_loop_that_waits_is_seen_as_such(tmp_path: Path) -> None:
    script = tmp_path / "waits.py"
    script.write_text(
        "import asyncio\nloop = asyncio.SelectorEventLoop()\n"
        "loop.run_until_complete(asyncio.sleep(60))\n"
    )
    process = subprocess.Popen([sys.executable, str(script)])
    try:
        (main,) = seen_at(process.pid, script, 3)
    finally:
        process.kill()
        process.wait()
    assert blamed(main.stack) is None


def test_a_process_that_is_gone_is_refused() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert isinstance(asyncio.run(dump(process.pid)), Refused)


Fake = Callable[[str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put a script in the place of py-spy, beside a Python that is not there."""
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


def test_what_it_says_is_taken_thread_by_thread(fake: Fake) -> None:
    other = {**THREAD, "os_thread_id": None, "thread_name": None, "owns_gil": False, "frames": []}
    fake(f"cat <<'END'\n{json.dumps([THREAD, other])}\nEND\n")
    assert dumped() == [
        SpiedThread(42, True, (Frame("/srv/a.py", 3, "view"),)),
        SpiedThread(140, False, ()),
    ]


def test_it_is_asked_for_one_process_as_json_and_reads_nothing(fake: Fake, tmp_path: Path) -> None:
    fake(f'echo "$@" > {tmp_path}/asked\ncat >> {tmp_path}/asked\necho "[]"')
    assert dumped() == []
    assert (tmp_path / "asked").read_text() == "dump --json --pid 42\n"


def test_one_beside_this_python_is_taken_before_one_on_the_path(
    fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = fake("echo 'beside' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}/path:/usr/bin:/bin")
    (tmp_path / "path").mkdir()
    on_path = tmp_path / "path" / "py-spy"
    on_path.write_text("#!/bin/sh\necho 'on the path' >&2; exit 1\n")
    on_path.chmod(0o755)
    assert dumped() == Refused("py-spy says: beside")
    program.unlink()
    assert dumped() == Refused("py-spy says: on the path")
    on_path.unlink()
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert dumped() == Refused("py-spy is not installed beside this Python")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Error: Permission denied (os error 13)' >&2; exit 1", PTRACE),
        ("printf 'Error: x\\nOperation not permitted? Permission Denied\\n' >&2; exit 1", PTRACE),
        ("printf '\\n  Error: no Python\\nReason: y\\n' >&2; exit 1", "py-spy says: no Python"),
        ("echo what >&2; exit 2", "py-spy says: what"),
        ("printf '\\377\\n' >&2; exit 2", "py-spy says: \ufffd"),
        ("exit 1", "py-spy gave no reason"),
        ("kill -9 $$", "py-spy gave no reason"),
    ],
)
def test_where_it_cannot_look_it_says_why(script: str, reason: str, fake: Fake) -> None:
    fake(script)
    assert dumped() == Refused(reason)


@pytest.mark.parametrize("script", ["echo no json", "echo '[{}]'"])
def test_words_that_nobody_understands_are_a_refusal(script: str, fake: Fake) -> None:
    fake(script)
    assert isinstance(dumped(), Refused)


def test_one_that_may_not_be_run_is_a_refusal(fake: Fake) -> None:
    fake("").chmod(0o644)
    assert isinstance(dumped(), Refused)


@pytest.mark.parametrize("ignores", ["", "trap '' TERM INT\n"])
def test_one_that_takes_too_long_is_given_up_and_killed(
    ignores: str, fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spy, "_LIMIT", 0.3)
    fake(f"{ignores}echo $$ > {tmp_path}/pid\nexec sleep 60")
    assert dumped() == Refused("py-spy gave no answer within 0.3 s")
    if (tmp_path / "pid").exists():  # it may have been killed before it was begun
        assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_one_that_is_no_longer_waited_for_ends_as_well(
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
