"""The page of a job on GitHub: each command appends its Markdown to it, if it runs in a workflow.

The rule: the page is an extra. Nothing that goes wrong here changes an exit code; it is one line.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.foreign import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asgi_liveness.cli.outputs import Output

ACTIONS: Final = "GITHUB_ACTIONS"
"""The variable that GitHub sets to ``true`` in a workflow."""
SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""The variable that names the file of the step's page."""
MOST: Final = 2**20
"""Bytes of one step's page; GitHub shows nothing of a larger one (its documentation: 1 MiB)."""
_CUT: Final = "\n*The rest does not fit on this page.*\n"
_FENCE: Final = re.compile(r"~{3,}|`{3,}")


def append(rendered: Callable[[], str], outputs: Sequence[Output] = ()) -> None:
    """Append the Markdown that *rendered* returns to the page of the step, if there is one.

    Not if one of the *outputs* goes there anyway. A page that cannot be written is a line on
    standard error.
    """
    name = os.environ.get(SUMMARY)
    if os.environ.get(ACTIONS) != "true" or not name:
        return
    try:
        path = Path(name).resolve()
        if not any(output.path == path for output in outputs):
            _append(path, rendered())
    except OSError as error:
        _warn(error.strerror or type(error).__name__)
    except (ValueError, RuntimeError) as error:  # of a null byte, and of links in a circle
        _warn(str(error))


def _append(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    with os.fdopen(os.open(path, flags, 0o666), "ab", buffering=0) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is no regular file")
        before = "\n" if found.st_size else ""
        page = shortened(before + text, MOST - found.st_size)
        if not page:
            raise ValueError("it is full")
        file.write(page)


def shortened(text: str, most: int) -> bytes:
    """Return at most *most* bytes of Markdown, cut at a whole line, with a note where it was cut.

    A fence that the cut leaves open is closed. Empty if not even a line fits.
    """
    whole = text.encode(errors="backslashreplace")
    if len(whole) <= most:
        return whole
    kept, size, fence = list[bytes](), 0, ""
    for line in whole.splitlines(keepends=True):
        found = _FENCE.match(line.decode())
        after = fence
        if found and not fence:
            after = found[0]
        elif found and found[0] == fence and line.decode().strip() == fence:
            after = ""
        end = _end(after)
        if size + len(line) + len(end) > most:
            break
        kept.append(line)
        size, fence = size + len(line), after
    return b"".join([*kept, _end(fence)]) if b"".join(kept).strip() else b""


def _end(fence: str) -> bytes:
    return f"{fence}\n{_CUT}".encode() if fence else _CUT.encode()


def _warn(reason: str) -> None:
    line = f"the page of ${SUMMARY} was not written: {reason}"
    with contextlib.suppress(OSError):  # the terminal of a watch may be gone
        print(f"asgi-liveness: {plain(line)}", file=sys.stderr, flush=True)
