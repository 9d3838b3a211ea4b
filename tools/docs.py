"""Write what is generated in the documents: CONTRACT.md, and the marked blocks of README.md.

``nox -s docs`` writes; with ``-- --check`` it writes nothing and says what is stale.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from asgi_liveness import document, render
from asgi_liveness.report import Report

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
COMPARISON = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["comparison"]
RECORD = ROOT / "results" / "comparison.json"
SHOWN = ("background_loop", "background", "cooperative")
ROUTED = tuple(f'Route("/{name}",' for name in SHOWN)
BLOCK = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def result() -> str:
    """The short table, from the recorded comparison."""
    return render.markdown(Report.load(RECORD))


def compare() -> str:
    """What ``nox -s compare`` shows, from the recorded comparison."""
    return f"```text\n{render.text(Report.load(RECORD))}```\n"


def columns() -> str:
    """The two fixes, as they stand in the three columns."""
    titles = Report.load(RECORD).titles
    frameworks: dict[str, str] = COMPARISON["frameworks"]
    heads = "".join(f"<th>{titles[target]}</th>" for target in frameworks.values())
    cells = "".join(f"<td>\n\n```python\n{_handlers(name)}\n```\n\n</td>" for name in frameworks)
    return f"<table>\n<tr>{heads}</tr>\n<tr>{cells}</tr>\n</table>\n"


def _handlers(framework: str) -> str:
    """The source of the shown functions of a column, docstrings left out."""
    source = (ROOT / f"{framework}_impl" / "app.py").read_text()
    lines = source.splitlines()
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in SHOWN:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            documented = node.body[0]
            body = (
                lines[first - 1 : documented.lineno - 1]
                + lines[documented.end_lineno : node.end_lineno]
            )
            found.append("\n".join(body))
    routed = [line.strip() for line in lines if line.lstrip().startswith(ROUTED)]
    return "\n\n\n".join([*found, *(["\n".join(["# its routes", *routed])] if routed else [])])


def failure() -> str:
    """How a failed case speaks, from the recorded failure of a miniature."""
    (cell,) = Report.load(ROOT / "results" / "failure.json").cells
    return f"```text\n{cell.message}\n```\n"


def health() -> str:
    """How bare ``nox`` ended when it was last recorded by hand; the tests read it for failures."""
    recorded = (ROOT / "results" / "health.txt").read_text()
    return f"```text\n{recorded}```\n"


BLOCKS: dict[str, Callable[[], str]] = {
    function.__name__: function for function in (result, compare, columns, failure, health)
}


def documents() -> dict[Path, str]:
    """What each generated document must hold."""
    readme = ROOT / "README.md"
    filled = BLOCK.sub(
        lambda match: f"{match[1]}{BLOCKS[match[2]]()}{match[3]}", readme.read_text()
    )
    return {readme: filled, ROOT / "CONTRACT.md": document.markdown()}


def stale() -> list[str]:
    """The documents that are not what they must be."""
    return [
        path.name
        for path, text in documents().items()
        if not path.exists() or path.read_text() != text
    ]


def main() -> int:
    """Write the documents, or check them."""
    if "--check" in sys.argv[1:]:
        for name in (names := stale()):
            print(f"{name} is not up to date: run `nox -s docs`", file=sys.stderr)
        return len(names)
    for path, text in documents().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
