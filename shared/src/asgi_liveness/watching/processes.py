"""The processes that a user means by a PID, a port or a name.

The rule: nothing is guessed. Where several programs match, the user names one.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from asgi_liveness.errors import TargetError, UsageError
from asgi_liveness.serving.ports import listeners_on, offspring, polled
from asgi_liveness.stalls.spy import PYTHON, is_python

_PORTS: Final = range(1, 65536)
_MOST: Final = 10  # pids that an error lists
_APP: Final = re.compile(r"(?P<package>[A-Za-z_]\w*)(?:\.\w+)*:[\w.]+(?:\(\))?")
"""A word of a command line that names an app."""
_WITH_VALUE: Final = ("-W", "-X", "--check-hash-based-pycs")
"""Options of Python that take the next word."""
_FORMS: Final = "attach takes a PID, a port as :8000, or the name of a program"
PROGRAMS: Final = ("uvicorn", "gunicorn", "hypercorn", "granian", "daphne")
"""Servers by the names of their packages, which are those of their programs."""


class Target(NamedTuple):
    """The processes to sample."""

    processes: set[int]
    """All that may run the app: those that were named, and what they started."""
    port: int = 0
    """The port that was named; 0 if none was."""


def target(text: str) -> Target:
    """Return the processes that *text* means, without this one.

    Raises ``UsageError`` or ``TargetError``.
    """
    found = _target(text)
    others = found.processes - {os.getpid()}
    if not others:
        raise UsageError(f"{text!r} is this command itself; {_FORMS}")
    return found._replace(processes=others)


def _target(text: str) -> Target:
    if text.startswith(":"):
        return _on_port(_number(text[1:], text))
    if text.isascii() and text.isdigit():
        return _of_pid(int(text))
    if not text.strip() or "://" in text or re.fullmatch(r"\[?[\w.:]*\]?:[0-9]+", text):
        meant = re.search(r":([0-9]+)/?$", text)
        hint = f"; did you mean :{meant[1]}?" if meant else ""
        raise UsageError(f"{text!r} is no process of this machine; {_FORMS}{hint}")
    return _named(text)


def serving_one(text: str) -> tuple[int, str]:
    """Return the one process that serves, of those that *text* means, and its program.

    Raises ``UsageError`` where there are several, or ``TargetError``.
    """
    meant = target(text)
    found = sorted(polled(meant.processes, meant.port)) or sorted(meant.processes)
    if len(found) > 1:
        listed = ", ".join(map(str, found[:_MOST]))
        raise UsageError(f"{text!r} means several processes that serve: {listed}; name one")
    return found[0], program_in(words_of(found[0]))


def ended(pid: int) -> str:
    """Return why a process cannot be sampled, whoever asks; "" if it runs."""
    try:
        status = psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return f"process {pid} has ended"
    except psutil.Error:
        return ""
    if status == psutil.STATUS_ZOMBIE:
        return f"process {pid} is a zombie: it has ended, and its parent has not read its exit code"
    if status == psutil.STATUS_STOPPED:
        return f"process {pid} is stopped by a signal and runs nothing; kill -CONT {pid} goes on"
    return ""


def words_of(pid: int) -> list[str]:
    """Return the command line of a process, without those of the programs that only start it."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for each in (process, *process.parents()):
            words: list[str] = each.cmdline()
            if any(map(_APP.fullmatch, words)):
                return words
        return list(process.cmdline())
    return []


def package_in(words: list[str]) -> str:
    """Return the package of the app that a command line names; "" if it names none."""
    found = (_APP.fullmatch(word) for word in words)
    return next((match["package"] for match in found if match), "")


def program_in(words: list[str]) -> str:
    """Return the name of the server that a command line starts, else of its program.

    It is a name alone: the other words may hold anything.
    """
    names = [Path(word).name for word in words]
    known = (name for name in names[:4] if name in PROGRAMS)
    own = names[0] if names else "process"
    return next(known, _script(words[1:]) or own if own.startswith(PYTHON) else own)


def _script(words: list[str]) -> str:
    """Return the script or the module that Python runs; "" where it is code."""
    left = iter(words)
    for word in left:
        if word == "-m":
            return next(left, "").partition(".")[0]
        if word == "-c":
            return ""
        if word in _WITH_VALUE:
            next(left, "")
        elif not word.startswith("-"):
            return Path(word).name
    return ""


def _number(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdigit()):
        raise UsageError(f"{text!r} is no port; {_FORMS}")
    if int(digits) not in _PORTS:
        raise UsageError(f"{text!r} is no port: ports are 1 to {_PORTS[-1]}; {_FORMS}")
    return int(digits)


def _on_port(port: int) -> Target:
    found = listeners_on(port)
    if found.processes:
        return Target(found.processes | offspring(found.processes), port)
    if found.hidden:
        raise HiddenError(f"this user may not see which process listens on port {port}")
    raise TargetError(
        f"nobody listens on port {port} of this machine; ss -ltnp shows who listens where, and "
        f"asgi-liveness attach NAME finds a program by its name"
    )


def _of_pid(pid: int) -> Target:
    try:
        exists = pid > 0 and psutil.pid_exists(pid)
    except (OverflowError, psutil.Error):
        exists = False
    if not exists:
        is_port = pid in _PORTS and bool(listeners_on(pid).processes)
        hint = f"for the port, write :{pid}" if is_port else "ps -e shows those that there are"
        raise TargetError(f"there is no process {pid}; {hint}")
    if why := ended(pid):
        raise TargetError(why)
    return Target({pid} | offspring({pid}))


def _named(name: str) -> Target:
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found: dict[int, int] = {}
    for process in psutil.process_iter(["ppid", "name", "cmdline"]):
        known = process.info
        words = known["cmdline"] or []
        names = {known["name"], *words, *(Path(word).name for word in words[:4])}
        if name in names and process.pid not in own:
            found[process.pid] = known["ppid"]
    trees = {pid: {pid} | offspring({pid}) for pid, parent in found.items() if parent not in found}
    inner = {pid for root in trees for pid in trees[root] - {root}}
    pythons = {
        root: tree
        for root, tree in trees.items()
        if root not in inner and any(map(is_python, tree))
    }
    chosen = pythons or trees
    if not chosen:
        raise TargetError(
            f"no process of this machine is called {name!r}; ps -e shows those that there are, "
            f"and ss -ltnp who listens where"
        )
    if len(chosen) > 1:
        pids = [str(pid) for pid in sorted(chosen)]
        listed = ", ".join([*pids[:_MOST], *(["..."] if pids[_MOST:] else [])])
        raise UsageError(
            f"{len(pids)} programs match {name!r}: {listed}; name one: asgi-liveness attach "
            f"{pids[0]}"
        )
    (processes,) = chosen.values()
    return Target(processes)


class HiddenError(TargetError):
    """A process that this user may not look into."""
