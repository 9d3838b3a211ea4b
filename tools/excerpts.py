"""The generated blocks of the documents that are cut out of the project's own source."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from tools.blocks import columns, recorded
from tools.comparison import COLUMNS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

APP = ("normal", "blocking", "background", "background_async", "cooperative", "hello", "hello_sync")
REMEDIES = ("offloaded", "supervised", "streamed", "process", "paced", "queued")
NAMES = (*APP, *REMEDIES)
_OPTION = re.compile(r"^  (-\S.*?)(?:  +|\n +)(\S.*)$", re.MULTILINE)


class Handlers(NamedTuple):
    """What one file has of one route: its functions, and the rows that mount it."""

    functions: list[str]
    routes: list[str]
    words: str
    """The docstring of the handler."""


def fix() -> str:
    """The two fixes, in FastAPI."""
    path = ROOT / "fastapi_impl" / "app.py"
    shown = [*_handlers(path, "background").functions, *_handlers(path, "cooperative").functions]
    return _python("\n\n\n".join(shown)) + "\n"


def handlers() -> str:
    """The handlers of app.py, each in all frameworks."""
    return _side_by_side("app.py", APP)


def remedies() -> str:
    """The handlers of remedies.py, each in all frameworks."""
    return _side_by_side("remedies.py", REMEDIES)


def _side_by_side(file: str, names: tuple[str, ...]) -> str:
    titles = recorded().titles
    parts = []
    for name in names:
        found = {
            titles[target]: _handlers(ROOT / f"{framework}_impl" / file, name)
            for framework, target in columns().items()
        }
        words = next(iter(found.values())).words
        parts.append(f"### `/{name.replace('_', '-')}`\n\n{words}\n\n:::::{{container}} columns")
        parts += [
            f"::::{{container}}\n**{title}**\n\n{_code(one)}\n::::" for title, one in found.items()
        ]
        parts.append(":::::\n")
    return "\n".join(parts)


def _code(found: Handlers) -> str:
    routes = ["\n".join(["# its routes", *found.routes])] if found.routes else []
    return _python("\n\n\n".join([*found.functions, *routes]))


def _python(source: str) -> str:
    return f"```python\n{source}\n```"


def _handlers(path: Path, name: str) -> Handlers:
    """Return the functions of a route: those whose names begin with its name."""
    lines = path.read_text().splitlines()
    found = Handlers([], [], "")
    for node in ast.parse(path.read_text()).body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _of(node.name) != name:
            continue
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        documented = node.body[0]
        body = lines[documented.end_lineno : node.end_lineno]
        found.functions.append("\n".join(lines[first - 1 : documented.lineno - 1] + body))
        if node.name == name:
            found = found._replace(words=" ".join((ast.get_docstring(node) or "").split()))
    path_of = f"/{name.replace('_', '-')}"
    call = COLUMNS[path.parent.name.removesuffix("_impl")].route_call
    starts = (f'{call}("{path_of}",', f'{call}("{path_of}/') if call else ()
    found.routes.extend(line.strip() for line in lines if line.lstrip().startswith(starts))
    return found


def _of(function: str) -> str:
    """Return the route that a function belongs to: the longest name that it begins with."""
    return max((name for name in NAMES if function.startswith(name)), key=len, default="")


def traps() -> str:
    """A section for each trap: the symptom, why, the way out, and the app that shows it."""
    parts = []
    for path in sorted((ROOT / "examples" / "traps").glob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        symptom, *others = (" ".join(part.split()) for part in text.split("\n\n"))
        # A name that stays when the words of the symptom change.
        parts.append(f"(trap-{path.stem.replace('_', '-')})=\n### {symptom.rstrip('.')}\n")
        parts += [f"{_bold(words)}\n" for words in others]
        parts.append(
            f"The app that shows it: `examples/traps/{path.name}`\n\n"
            f"```{{literalinclude}} ../../examples/traps/{path.name}\n"
            ":language: python\n"
            f":lines: {_after_docstring(path)}-\n```\n"
        )
    return "\n".join(parts)


def _bold(words: str) -> str:
    """Set the first word or two, as ``Why:``, in bold."""
    return re.sub(r"^([A-Z][a-z]+(?: [a-z]+)?:) ", r"**\1** ", words)


def _after_docstring(path: Path) -> int:
    tree = ast.parse(path.read_text())
    return tree.body[1].lineno


def options() -> str:
    """A row for each option of ``check``, from its help."""
    return _options("check")


def run_options() -> str:
    """A row for each option of ``run``, from its help."""
    return _options("run")


def _options(command: str) -> str:
    wide = {**os.environ, "COLUMNS": "500", "NO_COLOR": "1"}  # no option's help is wrapped
    done = subprocess.run(
        [sys.executable, "-m", "asgi_liveness", command, "--help"],
        env=wide,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = _OPTION.findall(done.stdout)
    lines = [f"| `{option}` | {words} |" for option, words in rows if "--help" not in option]
    return "\n".join(["| option | what it says |", "| --- | --- |", *lines]) + "\n"


def sessions() -> str:
    """A row for each session of the noxfile, from its docstring, grouped by its first tag."""
    tree = ast.parse((ROOT / "noxfile.py").read_text())
    tags, rows = _tags(tree), []
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        if [argument.arg for argument in node.args.args][:1] != ["session"]:
            continue
        names = list(columns()) if node.name == "column" else [node.name]
        shown = ", ".join(f"`{name}`" for name in names)
        words = (ast.get_docstring(node) or "").partition("\n")[0]
        rows.append((tags.get(node.name, ""), f"| {shown} | {words} |"))
    parts = []
    for tag in dict.fromkeys(tag for tag, _ in rows):
        if tag:
            parts.append(f"Tag `{tag}` (`nox -t {tag}` runs all of them):\n")
        parts += ["| session | what it does |", "| --- | --- |"]
        parts += [*(row for of, row in rows if of == tag), ""]
    return "\n".join(parts[:-1]) + "\n"


def _tags(tree: ast.Module) -> dict[str, str]:
    """Return the first tag of each session, by the name of its function."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            name, calls = node.name, node.decorator_list
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Name):
            name, calls = node.args[0].id, [node.func]
        else:
            continue
        for call in (call for call in calls if isinstance(call, ast.Call)):
            for keyword in (keyword for keyword in call.keywords if keyword.arg == "tags"):
                found[name] = ast.literal_eval(keyword.value)[0]
    return found
