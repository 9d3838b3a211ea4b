"""A command in a terminal, as a user starts it: in a shell's session, and in its foreground.

The rule: the shell is not the command, so that the terminal outlives it; at the end of the block
everything that was started there is killed, and nothing of it may be left.
"""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import psutil

from tests.conftest import LEFT_LIMIT, MARK, marked
from tests.waiting import until

_SHELL: Final = """\
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
command = os.fork()
if not command:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.write(int(sys.argv[1]), b"%d" % os.getpid())
    os.close(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
os.close(int(sys.argv[1]))
signal.signal(signal.SIGHUP, lambda *_: os.killpg(command, signal.SIGKILL))
code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
os.tcsetpgrp(0, os.getpid())
os._exit(code if code >= 0 else 128 - code)
"""
"""Starts a command as a shell with job control does, and ends with its exit code.

When the terminal is gone, as after a test that was killed, it kills the command: gunicorn would
take the signal for a reload."""
_RESPONSE: Final = 30.0  # seconds for a response


@dataclass
class Terminal:
    """A command, its output so far, and the keys and signals that end it."""

    shell: subprocess.Popen[bytes]
    pid: int
    """The id of the command's own process, and of its group."""
    mark: str
    folder: Path
    """Has the files of what the command prints, and ``temporary``, its TMPDIR."""
    port: int
    master: int
    _shown: bytearray = field(default_factory=bytearray)

    @property
    def temporary(self) -> list[Path]:
        """The temporary files of the command."""
        return sorted((self.folder / "temporary").rglob("*"))

    @property
    def stdout(self) -> bytes:
        return (self.folder / "stdout").read_bytes()

    @property
    def stderr(self) -> str:
        """The standard error so far; "" if it goes to the terminal."""
        path = self.folder / "stderr"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def shown(self) -> str:
        """What the terminal shows; without the output that goes to files."""
        with contextlib.suppress(OSError):  # nothing new, or the terminal has no user any more
            while more := os.read(self.master, 1 << 16):
                self._shown += more
        return self._shown.decode(errors="replace")

    @property
    def processes(self) -> dict[int, str]:
        """The living processes that the command started, and the command."""
        return marked(self.mark)

    def type(self, keys: bytes) -> None:
        """Press *keys*."""
        os.write(self.master, keys)

    def send(self, number: int) -> None:
        """Send a signal to the command's own process alone."""
        os.kill(self.pid, number)

    def get(self, path: str) -> str:
        """Return the body of the response to a request."""
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx.get(url, timeout=_RESPONSE, trust_env=False).raise_for_status().text

    def answers(self, path: str = "/healthz") -> str:
        """Return the body of the response to a request, "" while there is none."""
        assert self.shell.poll() is None, self.stderr + self.shown
        with contextlib.suppress(httpx.HTTPError):
            return self.get(path)
        return ""

    def ends(self) -> int:
        """Return the exit code of the command, once it has ended and nothing is left of it."""
        until(self._has_ended)
        with contextlib.suppress(AssertionError):  # the next lines name what is left
            until(lambda: not self.processes, LEFT_LIMIT)
        assert self.processes == {}
        assert self.temporary == []
        return self.shell.returncode

    def _has_ended(self) -> bool:
        """Whether the command has ended; read what it shows, for which it may wait."""
        _ = self.shown
        return self.shell.poll() is not None

    def interrupted(self) -> int:
        """Press Ctrl+C, and return the exit code."""
        self.type(b"\x03")
        return self.ends()


@contextlib.contextmanager
def terminal(
    folder: Path,
    command: Sequence[str],
    *,
    port: int = 0,
    environment: Mapping[str, str] | None = None,
    is_shown: bool = False,
) -> Iterator[Terminal]:
    """Start *command* in *folder*; with *is_shown* its output goes to the terminal."""
    (folder / "temporary").mkdir()
    mark = str(uuid.uuid4())
    master, slave = pty.openpty()
    os.set_blocking(master, False)
    reads, writes = os.pipe()
    with contextlib.ExitStack() as cleanup:
        for end in (master, reads):
            cleanup.callback(os.close, end)
        outputs = [slave, slave]
        if not is_shown:
            names = ("stdout", "stderr")
            outputs = [cleanup.enter_context((folder / n).open("wb")).fileno() for n in names]
        variables = {
            **os.environ,
            **(environment or {}),
            MARK: mark,
            "TMPDIR": str(folder / "temporary"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        variables.pop("PYTHONWARNINGS", None)  # a warning of a server is no error
        shell = subprocess.Popen(
            [sys.executable, "-c", _SHELL, str(writes), *command],
            cwd=folder,
            env=variables,
            stdin=slave,
            stdout=outputs[0],
            stderr=outputs[1],
            pass_fds=[writes],
            start_new_session=True,
        )
        cleanup.callback(_kill, shell, mark)
        os.close(slave)
        os.close(writes)
        pid = int(os.read(reads, 20))
        yield Terminal(shell, pid, mark, folder, port, master)


def watch(*words: str) -> tuple[str, ...]:
    """Return the command ``asgi-liveness watch WORDS``."""
    return (sys.executable, "-m", "asgi_liveness", "watch", *words)


def zombies(ancestor: int) -> list[int]:
    """Return the descendants of a process that have ended and were never reaped."""
    found = []
    for each in psutil.Process(ancestor).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if each.status() == psutil.STATUS_ZOMBIE:
                found.append(each.pid)
    return found


def _kill(shell: subprocess.Popen[bytes], mark: str) -> None:
    """Kill what is left, also what starts meanwhile."""
    end = time.monotonic() + LEFT_LIMIT
    while time.monotonic() < end and (left := marked(mark)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    shell.wait()
