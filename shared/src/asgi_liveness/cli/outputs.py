"""``--report FORMAT=FILE`` and ``--badge FORMAT=FILE``: where reports and badges go.

The rule: a report replaces nothing but another report, in one step; and from the start of a run on,
no report of an earlier one is there, which would look like its result. ``-`` is the standard
output; the screen then goes to standard error. Folders are made.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError
from asgi_liveness.files import read_bytes
from asgi_liveness.page import html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO

_STARTS: Final = (
    r'\{\s*"schema": \d+,\s*"(?:verdict|contract|kind)":',
    r'<\?xml [^>]*>\s*<testsuites>\s*<testsuite name="asgi-liveness" ',
    r"::(?:notice|warning|error) (?:file=[^\n]*,line=\d+,)?title=asgi-liveness%3A ",
    r"\*\*[^\n]*\n\n\| while this runs \| verdict \| observed \|\n",
    r"\*\*asgi-liveness: [a-z]+\*\*, ",
    r"\| while this runs, does `/hello` answer\? \|",
    r'\{\s*"schemaVersion": 1,\s*"label": "event loop",',
    r'<svg xmlns="http://www\.w3\.org/2000/svg" data-made-by="asgi-liveness"',
    r'<!DOCTYPE html>\s*<html lang="en" data-made-by="asgi-liveness">',
)
FLAGS: Final = ("--report", "--badge", "--svg", "--html")
"""The options that name files to write."""
_OURS: Final = re.compile("|".join(_STARTS))
"""How a report of each format begins."""
_NAME: Final = 100  # characters of a file's name that its neighbour repeats


@dataclass(frozen=True)
class Output:
    """One report to write; without a path to standard output."""

    form: str
    path: Path | None


def parse_outputs(texts: Sequence[str], forms: Sequence[str], flag: str = FLAGS[0]) -> list[Output]:
    """Return the outputs in the order of *forms*, and remove what an earlier run wrote there.

    Raises ``UsageError`` for a bad one, and for a file that is no report; then nothing is removed.
    """
    found: dict[Path | None, Output] = {}
    for text in texts:
        form, _, name = text.partition("=")
        if form not in forms or not name:
            listed = f"{', '.join(forms[:-1])} or {forms[-1]}"
            raise UsageError(f"{flag} {text!r}: write FORMAT=FILE, with {listed}")
        if form == "html":
            html.require()
        try:
            path = None if name == "-" else _writable(Path(name))
        except UsageError as error:
            raise UsageError(f"{flag} {text!r}: {error}") from error
        if path in found:
            raise UsageError(f"{flag} {text!r}: another report goes there")
        found[path] = Output(form, path)
    for path in filter(None, found):
        path.unlink(missing_ok=True)
    return sorted(found.values(), key=lambda output: forms.index(output.form))


def discard(words: Sequence[str]) -> None:
    """Remove the reports of an earlier run that *words*, a command that was refused, name."""
    own = words[: words.index("--")] if "--" in words else words
    given = [text for flag, text in itertools.pairwise(own) if flag in FLAGS]
    flags = tuple(f"{flag}=" for flag in FLAGS)
    given += [word.partition("=")[2] for word in own if word.startswith(flags)]
    for name in filter(None, (text.partition("=")[2] for text in given)):
        with contextlib.suppress(UsageError, OSError):
            _writable(Path(name)).unlink(missing_ok=True)


def _writable(name: Path) -> Path:
    """Return the file that *name* names or links to; make its folder. Raises ``UsageError``."""
    try:
        path = name.resolve()
        path.parent.mkdir(parents=True, exist_ok=True)
        _refuse(path)
        with _neighbour(path) as neighbour:
            neighbour.touch()
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}") from error
    except (ValueError, RuntimeError) as error:  # of a null byte, and of links in a circle
        raise UsageError("cannot be written: it is no name of a file") from error
    return path


def _refuse(path: Path) -> None:
    """Raise ``UsageError`` if there is a file that a report must not replace."""
    if not path.exists():
        if path.is_symlink():  # from Python 3.13 on, links in a circle are no RuntimeError
            raise UsageError("cannot be written: it is no name of a file")
        return
    if not path.is_file():
        raise UsageError("cannot be written: it is no regular file; - is the standard output")
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                raise UsageError("the screen goes to that file; name another")
    start = read_bytes(path).decode(errors="replace")
    if start and not _OURS.match(start):
        raise UsageError("that file is no report, and would be lost; name another")


@contextlib.contextmanager
def _neighbour(path: Path) -> Iterator[Path]:
    """A free name next to *path*; the file is gone at the end, unless it has been renamed."""
    neighbour = path.with_name(f".{path.name[:_NAME]}.{os.getpid()}")
    try:
        yield neighbour
    finally:
        with contextlib.suppress(OSError):
            neighbour.unlink()


def is_same(path: Path, name: str) -> bool:
    """Whether *name* names the file at *path*."""
    try:
        return path.samefile(name)
    except (OSError, ValueError):  # it is not there, or no name of a file
        return False


def screen(outputs: Sequence[Output]) -> TextIO:
    """Return the stream for the text that people read."""
    return sys.stderr if any(output.path is None for output in outputs) else sys.stdout


def write(outputs: Sequence[Output], rendered: Callable[[str], str]) -> list[str]:
    """Write the text that *rendered* returns for each format; return a line for each failure."""
    unwritten = []
    for output in outputs:
        report = rendered(output.form)
        if output.path is None:
            sys.stdout.write(report)
            continue
        try:
            _refuse(output.path)  # it may have come meanwhile
            with _neighbour(output.path) as neighbour:
                neighbour.write_text(report, encoding="utf-8", errors="backslashreplace")
                neighbour.replace(output.path)
        except OSError as error:
            unwritten.append(f"{output.path} could not be written: {error.strerror}")
        except UsageError as error:
            unwritten.append(f"{output.path}: {error}")
    return unwritten
