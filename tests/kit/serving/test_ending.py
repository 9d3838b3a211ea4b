"""The processes of a server are found and ended, and its folder is removed whatever it holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asgi_liveness.serving import ending
from tests.waiting import until

needs_proc = pytest.mark.skipif(not ending.sees_members(), reason="there is no /proc")
IN_A_SESSION = """\
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"],
                         start_new_session=True)
print(child.pid, flush=True)
child.wait()
"""


@pytest.fixture
def parent() -> Iterator[tuple[int, int]]:
    """The ids of a process that leads a group, and of its child, which leads a session."""
    with subprocess.Popen(
        [sys.executable, "-c", IN_A_SESSION], stdout=subprocess.PIPE, text=True, process_group=0
    ) as process:
        assert process.stdout
        child = int(process.stdout.readline())
        yield process.pid, child
        os.kill(child, signal.SIGKILL)


@needs_proc
def test_a_descendant_in_another_session_is_a_member(parent: tuple[int, int]) -> None:
    pid, child = parent
    until(lambda: ending.members(pid) == [(child, False)])
    assert ending.members(os.getpid(), pid)[-1][0] in parent


@needs_proc
def test_processes_that_may_not_be_ended_are_returned_at_once(
    parent: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int, _: int) -> None:
        raise PermissionError(1, "Operation not permitted", pid)

    with monkeypatch.context() as patch:
        patch.setattr(os, "kill", refuse)
        assert ending.end_members(parent[0]) == [parent[1]]


def test_what_is_left_is_named_in_a_line_each(capfd: pytest.CaptureFixture[str]) -> None:
    ending.say_left([])
    ending.say_left([4711, 4712], b"/tmp/x")
    assert capfd.readouterr().err == (
        "asgi-liveness: these processes of the server could not be ended: 4711 4712; "
        "try: sudo kill -9 4711 4712\n"
        "asgi-liveness: the folder /tmp/x could not be removed; try: sudo rm -r /tmp/x\n"
    )


def test_a_folder_is_removed_whatever_it_holds(tmp_path: Path) -> None:
    top, kept = tmp_path / "top", tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("")
    locked = top / "locked" / "within"
    locked.mkdir(parents=True)
    (locked / "file").write_text("")
    (top / "link").symlink_to(kept)
    (top / "dangling").symlink_to(top / "nowhere")
    os.mkfifo(top / "fifo")
    locked.chmod(0o500)
    locked.parent.chmod(0)
    assert ending.remove(os.fsencode(top))
    assert list(tmp_path.iterdir()) == [kept]
    assert list(kept.iterdir()) == [kept / "file"]


def test_a_folder_is_removed_however_deep_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    monkeypatch.chdir(top)
    for _ in range(2000):  # a path of all these names would be too long
        Path("a" * 100).mkdir()
        os.chdir("a" * 100)
    os.chdir(tmp_path)
    assert ending.remove(os.fsencode(top))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_stays_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: bytes) -> None:
        raise PermissionError(1, "Operation not permitted", path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rmdir", refuse)
        assert not ending.remove(os.fsencode(tmp_path))
    assert ending.remove(os.fsencode(tmp_path / "nowhere"))
