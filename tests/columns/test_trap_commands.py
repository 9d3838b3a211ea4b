"""Each trap's docstring names a command that shows it, with an app and routes that exist."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.cli.main import parsed
from asgi_liveness.errors import UsageError
from tools.comparison import ROOT

TRAPS = sorted((ROOT / "examples" / "traps").glob("*.py"))
SHOWS = ("asgi-liveness", "uvicorn", "hypercorn", "nox")  # a trap names one of these
ADDRESS = "http://127.0.0.1:8000"


def paths(app: Any, prefix: str = "") -> set[str]:
    """Return the paths of an app of FastAPI, Starlette or Quart."""
    if hasattr(app, "url_map"):
        return {rule.rule for rule in app.url_map.iter_rules()}
    found = set[str]()
    for route in app.routes:
        mounted = getattr(route, "app", None)
        found |= paths(mounted, route.path) if hasattr(mounted, "routes") else {route.path}
    return {prefix + path for path in found}


TESTED = (["-s", "columns"], ["-s", "cluster"])  # the second has a Redis


def wrong(docstring: str, trap: str, there: set[str]) -> str | None:
    """Return what is wrong with the commands of a trap's docstring, or None."""
    starts = [part.partition(": ")[0] for part in docstring.split("\n\n")]
    if starts[1:] != ["Why", "Way out", "See it"]:
        return f"the paragraphs begin with {starts[1:]}"
    shown = " ".join(docstring.split("\n\n")[3].split())
    commands = [shlex.split(code) for code in re.findall(r"`([^`]+)`", shown)]
    if not commands or commands[0][0] not in SHOWS:
        return "no command shows it"
    for command in commands:
        try:
            if said := _wrong(command, trap, there):
                return f"{shlex.join(command)}: {said}"
        except UsageError as error:
            return f"{shlex.join(command)}: {error}"
    return None


def _wrong(command: list[str], trap: str, there: set[str]) -> str | None:
    target, (program, *arguments) = f"examples.traps.{trap}:app", command
    if program == "asgi-liveness":
        found = vars(parsed(arguments))
        if target not in [found.get("target"), *" ".join(found["served"]).split()]:
            return f"it does not check {target}"
        return _missing([*found.get("during", ()), found.get("probe", "/hello")], there)
    if program == "curl":
        address, slash, path = arguments[-1].partition(f"{ADDRESS}/")
        return _missing([f"/{path}"], there) if slash and not address else "another address"
    holds = {
        "uvicorn": target in arguments,
        "hypercorn": target in arguments,
        "touch": (ROOT / arguments[0]).exists(),
        "nox": arguments in ([*start, "--", "-k", trap] for start in TESTED),
    }
    return None if holds.get(program) else f"it does not show {trap}"


def _missing(requests: list[str], there: set[str]) -> str | None:
    missing = [path for path in (text.split()[-1] for text in requests) if path not in there]
    return f"there is no {missing[0]}" if missing else None


@pytest.mark.parametrize("path", TRAPS, ids=lambda path: path.stem)
def test_trap_names_a_command_that_shows_it(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    app = importlib.import_module(f"examples.traps.{path.stem}").app
    assert wrong(docstring, path.stem, paths(app)) is None


HEAD = "It hangs.\n\nWhy: so.\n\nWay out: thus.\n\nSee it: "
CHECK = "asgi-liveness check examples.traps.trap:app --probe /hello"


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        ("look", "no command shows it"),
        ("`true`", "no command shows it"),
        (f"`{CHECK} --durin /report`", "there is no option --durin"),
        (f"`{CHECK} --during /reports`", "there is no /reports"),
        (f"`{CHECK.replace('trap:', 'other:')}`", "it does not check examples.traps.trap:app"),
        ("`uvicorn examples.traps.other:app`", "it does not show trap"),
        ("`uvicorn examples.traps.trap:app`, `curl http://127.0.0.1:8000/`", "there is no /"),
        ("`uvicorn examples.traps.trap:app`, `curl http://127.0.0.1:80/hello`", "another address"),
        ("`uvicorn examples.traps.trap:app`, `touch nowhere.py`", "it does not show trap"),
        ("`uvicorn examples.traps.trap:app`, `wget x`", "it does not show trap"),
        ("`nox -s columns -- -k other`", "it does not show trap"),
    ],
)
def test_wrong_command_is_found(shown: str, words: str) -> None:
    found = wrong(HEAD + shown, "trap", {"/hello", "/report"})
    assert found is not None
    assert words in found


@pytest.mark.parametrize(
    "shown",
    [
        f"`{CHECK} --during /report`",
        "`asgi-liveness check --probe /hello -- uvicorn examples.traps.trap:app --port {port}`",
        "`uvicorn examples.traps.trap:app`, `curl -m 2 http://127.0.0.1:8000/hello`",
    ],
)
def test_right_command_is_accepted(shown: str) -> None:
    assert wrong(HEAD + shown, "trap", {"/hello", "/report"}) is None


def test_missing_paragraph_is_found() -> None:
    found = wrong("It hangs.\n\nWhy: so.\n\nWay out: thus.", "trap", set())
    assert found == "the paragraphs begin with ['Why', 'Way out']"
