"""Write what is generated in the documents: CONTRACT.md, and the marked blocks of README.md.

``nox -s docs`` writes; with ``-- --check`` it writes nothing and says what is stale.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from typing import TYPE_CHECKING

from asgi_liveness.conformance import document, matrix, render
from asgi_liveness.conformance.promises import PROMISES
from asgi_liveness.conformance.report import ConformanceReport
from tools import picture
from tools.comparison import FRAMEWORKS, ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RECORD = ROOT / "results" / "comparison.json"
FRONTIER = ROOT / "results" / "frontier.json"
FIXES = ("background_loop", "background", "cooperative")
REMEDY = ("offloaded_loop", "offloaded")
BLOCK = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def result() -> str:
    """The short table, from the recorded comparison."""
    return render.answering(ConformanceReport.load(RECORD))


def kept() -> str:
    """Remedies by promises, from the recorded comparison."""
    return "\n".join(matrix.markdown(ConformanceReport.load(RECORD))) + "\n"


def promises() -> str:
    """What the promises say."""
    judged = {True: "", False: " (recorded, not judged)"}
    return "".join(f"- **{row.name}**: {row.words}{judged[row.judged]}\n" for row in PROMISES)


def compare() -> str:
    """What ``nox -s compare`` shows first, from the recorded comparison."""
    return f"```text\n{render.seen(ConformanceReport.load(RECORD))}```\n"


def columns() -> str:
    """The two fixes, as they stand in the three columns."""
    return _side_by_side("app.py", FIXES)


def remedy() -> str:
    """One of the remedies, as it stands in the three columns."""
    return _side_by_side("remedies.py", REMEDY)


def _side_by_side(file: str, names: tuple[str, ...]) -> str:
    titles = ConformanceReport.load(RECORD).titles
    heads = "".join(f"<th>{titles[target]}</th>" for target in FRAMEWORKS.values())
    cells = "".join(
        f"<td>\n\n```python\n{_handlers(ROOT / f'{name}_impl' / file, names)}\n```\n\n</td>"
        for name in FRAMEWORKS
    )
    return f"<table>\n<tr>{heads}</tr>\n<tr>{cells}</tr>\n</table>\n"


def _handlers(path: Path, names: tuple[str, ...]) -> str:
    """The source of some functions of a file, docstrings left out."""
    source = path.read_text()
    lines = source.splitlines()
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            documented = node.body[0]
            body = (
                lines[first - 1 : documented.lineno - 1]
                + lines[documented.end_lineno : node.end_lineno]
            )
            found.append("\n".join(body))
    starts = tuple(f'Route("/{name}",' for name in names)
    routed = [line.strip() for line in lines if line.lstrip().startswith(starts)]
    return "\n\n\n".join([*found, *(["\n".join(["# its routes", *routed])] if routed else [])])


def traps() -> str:
    """A row of symptoms for each trap, from its docstring."""
    rows = []
    for path in sorted((ROOT / "examples" / "traps").glob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        symptom, why, out = (" ".join(part.split()) for part in text.split("\n\n"))
        why, out = why.removeprefix("Why: "), out.removeprefix("Way out: ")
        link = f"[{path.stem}](examples/traps/{path.name})"
        rows.append(f"| {symptom.rstrip('.')} | {why} | {out} | {link} |\n")
    return (
        f"| what you see | what it means | the way out | shown by |\n{'| --- ' * 4}|\n"
        + "".join(rows)
    )


def failure() -> str:
    """How a failed case speaks, from the recorded failure of a miniature."""
    (cell,) = ConformanceReport.load(ROOT / "results" / "failure.json").cells
    return f"```text\n{cell.message}\n```\n"


def check() -> str:
    """What a check says of the hanging app, as it was recorded."""
    recorded = (ROOT / "results" / "check.txt").read_text()
    return f"```text\n{recorded}```\n"


def frontier() -> str:
    """Speed and waits of every way to run loops, as they were recorded."""
    return picture.table(json.loads(FRONTIER.read_text()))


def costs() -> str:
    """What the kit itself takes, as it was recorded with the frontier."""
    return picture.costs_table(json.loads(FRONTIER.read_text()))


def pacing() -> str:
    """How ``nox -s pacing`` ended when it was last recorded by hand."""
    recorded = (ROOT / "results" / "pacing.txt").read_text()
    return f"```text\n{recorded}```\n"


def health() -> str:
    """How bare ``nox`` ended when it was last recorded by hand; the tests read it for failures."""
    recorded = (ROOT / "results" / "health.txt").read_text()
    return f"```text\n{recorded}```\n"


BLOCKS: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        result,
        check,
        kept,
        promises,
        compare,
        columns,
        remedy,
        traps,
        failure,
        frontier,
        pacing,
        costs,
        health,
    )
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
