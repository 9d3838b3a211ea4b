"""py-spy, which samples a process from outside: where C code holds the GIL, its watcher cannot."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.stack import callback

_LIMIT: Final = 1.0
"""Seconds that a dump may take, which delays the end of a window by as much. On an idle machine it
takes 0.013 to 0.05 s."""
_PATIENCE: Final = 5.0
"""Seconds that a dump may take which nothing but a report waits for."""

DENIED: Final = "the system denies ptrace to py-spy: run as root or with the capability SYS_PTRACE"
"""The reason of a dump that this user may not make."""
PYTHON: Final = "python"
"""How the names of Python's programs begin, and after ``lib`` those of its libraries."""
_VERSION: Final = re.compile(r"^Python v(?P<version>\S+)", re.MULTILINE)


@dataclass(frozen=True)
class SpiedThread:
    """One thread in a dump of py-spy."""

    thread: int
    """Its native id."""
    holds_gil: bool
    stack: tuple[Frame, ...]
    name: str = field(default="", compare=False)

    @property
    def waits(self) -> bool:
        """Whether its event loop waits for events, as far as its stack shows."""
        frames = callback(self.stack)
        if not frames:  # uvloop and trio wait in C code, which has no frame
            return not self.holds_gil
        return all(frame.file.endswith("/selectors.py") for frame in frames)


@dataclass(frozen=True)
class Refused:
    """A dump that failed."""

    reason: str
    """Why, and what to do about it, in one line."""


async def dump(process: int) -> list[SpiedThread] | Refused:
    """Return the stacks of all threads of *process*."""
    return await asyncio.to_thread(_dump, process)


async def python_of(process: int) -> str:
    """Return the version of Python that *process* runs; "" where it is unknown."""
    printed = await asyncio.to_thread(_printed, "--pid", str(process), limit=_PATIENCE)
    found = (
        _VERSION.search(printed.decode(errors="replace")) if isinstance(printed, bytes) else None
    )
    return found["version"] if found else ""


def is_python(process: int) -> bool:
    """Whether *process* runs Python, as its program or as a library; also if nobody can tell."""
    folder = Path(f"/proc/{process}")
    try:
        if PYTHON in (folder / "exe").readlink().name:
            return True
        return f"lib{PYTHON}" in (folder / "maps").read_text(errors="replace")
    except OSError:
        return True


def _dump(process: int) -> list[SpiedThread] | Refused:
    printed = _printed("--json", "--pid", str(process))
    if isinstance(printed, Refused):
        return printed
    try:
        return [_spied(thread) for thread in json.loads(printed)]
    except (ValueError, KeyError, TypeError):
        return Refused("py-spy prints an unknown format: pip install --upgrade py-spy")


def _printed(*words: str, limit: float | None = None) -> bytes | Refused:
    """Return what ``py-spy dump`` prints within *limit* seconds, by default ``_LIMIT``."""
    limit = limit or _LIMIT
    program = Path(sys.executable).with_name("py-spy")
    found = str(program) if program.exists() else shutil.which("py-spy")
    if found is None:
        return Refused("py-spy is not installed with this Python: pip install py-spy")
    try:
        done = subprocess.run(
            [found, "dump", *words], capture_output=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        return Refused(f"py-spy did not end within {limit:g} s")
    except OSError as error:
        return Refused(f"py-spy cannot be started: {error.strerror}")
    if done.returncode:
        return Refused(_reason(done.stderr.decode(errors="replace")))
    return done.stdout


def _spied(thread: dict[str, Any]) -> SpiedThread:
    return SpiedThread(
        thread=thread["os_thread_id"] or thread["thread_id"],
        holds_gil=thread["owns_gil"],
        stack=tuple(
            # From some Pythons py-spy reads "Class.function"; samples from inside have no class.
            Frame(frame["filename"], frame["line"], frame["name"].rpartition(".")[2])
            for frame in thread["frames"]
        ),
        name=thread.get("thread_name") or "",
    )


def _reason(printed: str) -> str:
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    if any("ermission" in line for line in lines):
        return DENIED
    return f"py-spy: {lines[0].removeprefix('Error: ')}" if lines else "py-spy printed no reason"
