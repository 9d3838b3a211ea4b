"""Write what is generated in the documents: CONTRACT.md, pictures, and the marked blocks.

``nox -s docs`` writes; with ``-- --check`` it writes nothing and names the files that are stale.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from asgi_liveness.conformance import document
from tools import blocks, excerpts, pictures
from tools.comparison import FRAMEWORKS, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLOCK = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)
BLOCKS: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        blocks.agreement,
        blocks.attach,
        blocks.check,
        blocks.cluster,
        blocks.compare,
        blocks.costs,
        blocks.differences,
        blocks.engines,
        blocks.failure,
        blocks.frontier,
        blocks.health,
        blocks.kept,
        blocks.pacing,
        blocks.promises,
        blocks.result,
        blocks.scale,
        blocks.watch,
        blocks.watching,
        excerpts.fix,
        excerpts.handlers,
        excerpts.options,
        excerpts.remedies,
        excerpts.run_options,
        excerpts.sessions,
        excerpts.traps,
    )
}
"""What stands between ``<!-- begin NAME -->`` and ``<!-- end NAME -->``."""


def pages() -> list[Path]:
    """Return the documents that are written by hand and may have blocks."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def documents() -> dict[Path, str]:
    """Return what each generated document must hold."""
    filled = {
        page: BLOCK.sub(lambda match: f"{match[1]}{BLOCKS[match[2]]()}{match[3]}", page.read_text())
        for page in pages()
    }
    return {
        **filled,
        ROOT / "CONTRACT.md": document.markdown(),
        ROOT / "docs" / "_static" / "probes.svg": pictures.probes(blocks.recorded()),
        ROOT / "docs" / "_static" / "frontier.svg": blocks.frontier_picture(),
    }


def stale() -> list[str]:
    """Return the documents that are not what they must be."""
    return [
        str(path.relative_to(ROOT))
        for path, text in documents().items()
        if not path.exists() or path.read_text() != text
    ]


def main() -> int:
    """Write the documents, or check them."""
    if missing := FRAMEWORKS.keys() - blocks.columns().keys():
        print(f"not recorded yet: {', '.join(sorted(missing))} (nox -s record)", file=sys.stderr)
    if "--check" in sys.argv[1:]:
        for name in (names := stale()):
            print(f"{name} is not up to date: run `nox -s docs`", file=sys.stderr)
        return bool(names)
    for path, text in documents().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
