"""One command, run within this process; and what must hold of anything that it prints."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn
from xml.etree import ElementTree as ET

from asgi_liveness.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT: Final = 90  # seconds for one input
_CONTROL: Final = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_COMMAND: Final = re.compile(
    r"^\s*::(?!(?:notice|warning|error) (?:file|title)=)[a-z]", re.MULTILINE
)
_FENCE: Final = re.compile(r"^ {0,3}(~{4,})(text)?$")
_WORST: Final = 3  # the highest exit code


@dataclass
class Ran:
    """What one input gave, and the rules that it broke."""

    said: str = ""
    broken: list[str] = field(default_factory=list)

    def require(self, holds: object, rule: str) -> None:
        """Note *rule* as broken unless it *holds*."""
        if not holds:
            self.broken.append(rule)


class TooLong(BaseException):
    """An input that took longer than ``LIMIT``."""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    """Raise ``TooLong`` in the block if it takes longer than ``LIMIT``."""

    def raise_it(*_: object) -> NoReturn:
        raise TooLong

    before = signal.signal(signal.SIGALRM, raise_it)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def command(words: list[str], secret: str = "") -> Ran:
    """Run the command with *words*, and judge its exit code and what it prints."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2)]
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(streams[0]))
        stack.enter_context(contextlib.redirect_stderr(streams[1]))
        before, sys.argv = sys.argv, ["asgi-liveness", *words]
        stack.callback(setattr, sys, "argv", before)
        code = main()
    out, err = (_written(stream) for stream in streams)
    return judged(code, out, err, secret)


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.detach()
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode(errors="surrogateescape")


def judged(code: int, out: str, err: str, secret: str = "") -> Ran:
    """Return what a command gave, judged by the rules for all of them."""
    ran = Ran(f"exit {code}\n{out[:3000]}\n{err[:3000]}")
    ran.require(code in range(_WORST + 1), f"the exit code is {code}")
    ran.require("Traceback (most" not in out + err, "there is a traceback")
    ran.require("a bug of asgi-liveness" not in err, "there is a bug")
    ran.require(not _CONTROL.search(out + err), "a character controls the terminal")
    ran.require(not _COMMAND.search(out + err), "a line begins a command of a workflow")
    ran.require(code != 2 or err.strip(), "nothing says why it ended with 2")  # noqa: PLR2004 (the code)
    if code == 2 and not out:  # noqa: PLR2004 (the code)
        ran.require(err.count("\n") == 1, "an error has more than one line")
    ran.require(len(err) < 100_000, "the error is endless")  # noqa: PLR2004 (no person reads that)
    ran.require(not secret or secret.lower() not in (out + err).lower(), "a secret is shown")
    return ran


def judge_reports(ran: Ran, folder: Path, secret: str = "") -> None:
    """Judge the files that a command wrote into *folder*, by the ends of their names."""
    for path in folder.iterdir():
        written = path.read_text(errors="surrogateescape")
        name = path.name
        ran.require(not _CONTROL.search(written), f"{name}: a character controls the terminal")
        leaks = secret and secret.lower() in written.lower()
        ran.require(not leaks, f"{name}: a secret is shown")
        try:
            if path.suffix == ".json":
                json.loads(written)
            if path.suffix == ".xml":
                ET.fromstring(written)  # noqa: S314 (our own)
        except (ValueError, ET.ParseError):
            ran.require(False, f"{name} is not what its format asks")
        if path.suffix == ".md":
            ran.require(_is_closed(written), f"{name}: a line leaves its fence")
        if path.suffix == ".github":
            lines = written.splitlines()
            ran.require(
                all(line.startswith("::") for line in lines), f"{name}: a line is no command"
            )


def _is_closed(markdown: str) -> bool:
    """Whether each fence is closed by the line that should: only blank lines stand between two."""
    fence = ""
    for line in markdown.splitlines():
        found = _FENCE.match(line)
        if found and fence and len(found[1]) >= len(fence) and not found[2]:
            if found[1] != fence:
                return False
            fence = ""
        elif found and not fence:
            if not found[2]:
                return False
            fence = found[1]
    return not fence
