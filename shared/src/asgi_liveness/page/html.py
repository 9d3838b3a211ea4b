"""Renders a page as one HTML file that opens from the disk and sends no request.

The rule: style and script are two elements, allowed by their hashes; no other of them runs, and
texts are escaped by the template engine.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError
from asgi_liveness.page.texts import cleaned

if TYPE_CHECKING:
    from asgi_liveness.page.model import Page

_FOLDER: Final = Path(__file__).parent
_NEEDED: Final = ("jinja2", "pygments")


def require() -> None:
    """Raise ``UsageError`` where the libraries of the extra ``page`` are missing."""
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            raise UsageError(
                f"a page needs {name}, which is not installed here: "
                "pip install 'asgi-liveness[page]'"
            )


def render(page: Page) -> str:
    """Return *page* as a file of HTML. Raises ``UsageError`` as ``require`` does."""
    require()
    from asgi_liveness.page.blocks import Blocks  # noqa: PLC0415 (it imports the extra's libraries)

    style = "".join((_FOLDER / name).read_text() for name in ("lanes.css", "page.css"))
    script = "".join((_FOLDER / name).read_text() for name in ("page.js", "tables.js"))
    return Blocks().page(cleaned(page), style, script, _policy(style, script))


def _policy(style: str, script: str) -> str:
    """Return the policy that lets a browser load nothing, and run these two texts alone."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
