"""The keeper ends its group and removes its folder at the end of its pipe."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

from asgi_liveness.serving import ending
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 10.0  # seconds
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (only read: the system keeps semaphores there)
COMMAND = [sys.executable, "-I", "-S", str(Path(ending.__file__).with_name("keeper.py"))]

SPIN = "import sys; print('spinning', flush=True)\nwhile True: pass"
SPIN_DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SPIN}"
SPIN_WITH_CHILD = """\
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
print(child.pid, flush=True)
while True: pass
"""
# It waits until the tracker has read its messages, as the tracker of a ready server has.
HOLD_A_SEMAPHORE = """\
import array, fcntl, multiprocessing, termios
from multiprocessing import resource_tracker
semaphore = multiprocessing.get_context("spawn").Semaphore()
unread = array.array("i", [1])
while unread[0]:
    fcntl.ioctl(resource_tracker._resource_tracker._fd, termios.FIONREAD, unread)
print("sem." + semaphore._semlock.name.strip("/"), flush=True)
while True: pass
"""
BE_A_RUNNER = """\
import subprocess, sys
keeper = subprocess.Popen(
    sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
)
spinning = subprocess.Popen([sys.executable, "-c", "while True: pass"], process_group=keeper.pid)
folder = "".join(iter(lambda: keeper.stdout.read(1), "\\0"))
print(keeper.pid, spinning.pid, folder, flush=True)
while True: pass
"""


def read_line(stream: IO[str] | None) -> str:
    assert stream is not None
    assert select.select([stream], [], [], LIMIT)[0], "nothing was printed"
    return stream.readline().rstrip("\n")


def read_record(stream: IO[str] | None) -> str:
    """Return the next record of a keeper, without its NUL."""
    assert stream is not None
    record = ""
    while not record.endswith("\0"):
        assert select.select([stream], [], [], LIMIT)[0], "nothing was reported"
        record += os.read(stream.fileno(), 1).decode()
    return record[:-1]


def is_gone(pid: int) -> bool:
    """Whether the process has ended; its parent may not have reaped it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def kill_group(leader: int) -> None:
    """Kill the group, for a keeper that did not do its work."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


class Kept:
    """A keeper and the processes of its group."""

    def __init__(self, temporary: Path) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, str(temporary)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        self.reported = read_record(self.process.stdout)
        self.folder = Path(self.reported)
        self.members: list[subprocess.Popen[str]] = []

    def start(self, script: str, *arguments: str) -> tuple[int, str]:
        """Start a process in the group; return its id and its first line."""
        member = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            process_group=self.process.pid,
        )
        self.members.append(member)
        return member.pid, read_line(member.stdout)

    def close_pipe(self) -> int:
        """Close the pipe; return the keeper's exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(LIMIT)

    def end(self) -> None:
        kill_group(self.process.pid)
        for process in (self.process, *self.members):
            with process:
                process.wait(LIMIT)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path)
    yield kept
    kept.end()


def test_a_keeper_makes_a_folder_for_its_owner_alone(kept: Kept, tmp_path: Path) -> None:
    assert kept.folder.parent == tmp_path
    assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700


def test_the_folder_is_removed_at_the_end_of_the_pipe(kept: Kept, tmp_path: Path) -> None:
    (kept.folder / "ledger").write_bytes(bytes(4096))
    (kept.folder / "note").write_text("{}")
    kept.close_pipe()
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_ignores_sigterm_ends_with_the_pipe(kept: Kept) -> None:
    pid, _ = kept.start(SPIN_DEAF)
    assert not is_gone(pid)
    kept.close_pipe()
    assert is_gone(pid)


def test_a_child_of_a_member_ends_with_the_pipe(kept: Kept) -> None:
    pid, child = kept.start(SPIN_WITH_CHILD)
    assert not is_gone(int(child))
    kept.close_pipe()
    assert is_gone(pid)
    assert is_gone(int(child))


def test_the_keeper_ends_last_and_prints_no_error(kept: Kept) -> None:
    assert kept.close_pipe() == -signal.SIGKILL
    assert kept.process.stderr is not None
    assert kept.process.stderr.read() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_keeper_does_not_end_it_before_its_work(
    kept: Kept, number: signal.Signals
) -> None:
    kept.process.send_signal(number)
    assert kept.close_pipe() == -signal.SIGKILL
    assert not kept.folder.exists()


def test_a_killed_runner_ends_the_group_and_the_folder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BE_A_RUNNER, *COMMAND, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as runner:
        try:
            keeper_pid, spinning, folder = read_line(runner.stdout).split()
        finally:
            runner.kill()
    try:
        until(lambda: is_gone(int(keeper_pid)), LIMIT)
        assert is_gone(int(spinning))
        assert not Path(folder).exists()
    finally:
        kill_group(int(keeper_pid))


def test_a_folder_without_its_owners_rights_is_removed(kept: Kept) -> None:
    (kept.folder / "locked" / "within").mkdir(parents=True)
    (kept.folder / "locked").chmod(0o500)
    kept.close_pipe()
    assert not kept.folder.exists()


def test_each_folder_has_a_name_of_its_own(kept: Kept, tmp_path: Path) -> None:
    other = Kept(tmp_path)
    assert str(other.process.pid) not in other.folder.name
    assert other.folder != kept.folder
    other.close_pipe()
    other.end()
    assert kept.folder.exists()


@pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason="named semaphores are not files here")
def test_no_semaphore_of_a_resource_tracker_is_left_over(kept: Kept) -> None:
    _, name = kept.start(HOLD_A_SEMAPHORE)
    semaphore = SHARED_MEMORY / name
    assert semaphore.exists()
    kept.close_pipe()
    left_over = semaphore.exists()
    semaphore.unlink(missing_ok=True)
    assert not left_over


def test_a_tracker_that_does_not_end_by_itself_is_killed_in_the_end(kept: Kept) -> None:
    pid, _ = kept.start(SPIN, "multiprocessing.resource_tracker")
    kept.close_pipe()
    until(lambda: is_gone(pid))  # the keeper kills itself with it: either may go first
    assert not kept.folder.exists()


def test_a_keeper_without_a_writable_folder_prints_why_and_ends(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "nowhere")
    try:
        assert kept.reported == "!No such file or directory"
        assert kept.process.wait(LIMIT) == 0
    finally:
        kept.end()
