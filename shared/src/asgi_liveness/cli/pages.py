"""Pages and pictures of recorded reports: where they go, and what is printed about it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from asgi_liveness.cli import outputs
from asgi_liveness.errors import UsageError
from asgi_liveness.foreign import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from asgi_liveness.page.model import Page


def write(page: Page, name: str, recorded: Sequence[Path]) -> bool:
    """Write *page* to the file *name*; return whether it could be written.

    Raises ``UsageError`` for a bad name, as that of one of the files it was *recorded* in.
    """
    from asgi_liveness.page import html

    files = wanted([f"html={name}"], ("html",), "--html", recorded)
    return written(files, {"html": html.render(page)})


def wanted(
    texts: Sequence[str], forms: Sequence[str], flag: str, recorded: Sequence[Path]
) -> list[outputs.Output]:
    """Return the outputs. Raises ``UsageError`` for a bad one, or one that is a report itself."""
    for text in texts:
        name = text.partition("=")[2]
        if name and any(outputs.is_same(path, name) for path in recorded):
            raise UsageError(f"{flag} {text!r}: that is the report itself; name another")
    return outputs.parse_outputs(texts, forms, flag)


def written(files: Sequence[outputs.Output], made: Mapping[str, str]) -> bool:
    """Write each output, and print where it is; return whether all could be written."""
    unwritten = outputs.write(files, lambda form: made[form])
    for line in unwritten:
        print(f"asgi-liveness: {plain(line)}", file=sys.stderr)
    if not unwritten:
        for file in files:
            if file.path:
                print(f"wrote {plain(str(file.path))}")
    return not unwritten
