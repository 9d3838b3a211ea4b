"""``--report FORMAT=FILE``: where reports go.

The rule: a file that cannot be written is an error before the run, whose result would be lost.
``-`` is the standard output; the screen then goes to standard error.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO


@dataclass(frozen=True)
class Output:
    """One report to write; without a path to standard output."""

    form: str
    path: Path | None


def parse_outputs(texts: Sequence[str], forms: Sequence[str]) -> list[Output]:
    """Return the outputs in the order of *forms*. Raises ``UsageError`` for a bad one."""
    found: dict[Path | None, Output] = {}
    for text in texts:
        form, _, name = text.partition("=")
        if form not in forms or not name:
            listed = f"{', '.join(forms[:-1])} or {forms[-1]}"
            raise UsageError(f"--report {text!r}: write FORMAT=FILE, with {listed}")
        path = None if name == "-" else Path(name)
        if path in found:
            raise UsageError(f"--report {text!r}: another report goes there")
        found[path] = Output(form, path)
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a").close()
        except OSError as error:
            raise UsageError(f"--report {text!r}: cannot be written: {error.strerror}") from error
    return sorted(found.values(), key=lambda output: forms.index(output.form))


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
            output.path.write_text(report, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            unwritten.append(f"{output.path} could not be written: {error.strerror}")
    return unwritten
