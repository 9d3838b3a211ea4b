"""The check on apps rebuilt from public bug reports: its verdict, its line and its advice are right.

``reports/cases.toml`` has what people would type, and the right answer.
"""

from __future__ import annotations

import json
import os
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Command

pytestmark = pytest.mark.servers

FOLDER = Path(__file__).parent / "reports"
CASES: dict[str, dict[str, Any]] = tomllib.loads((FOLDER / "cases.toml").read_text())
MARK = "# the culprit"
EXITS = {"live": 0}
SHELL = (
    "env",
    "--unset=PYTHONWARNINGS",  # a warning of a server or a library is no error
    f"PATH={Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # as if activated
)


def is_right(culprit: dict[str, Any], wanted: list[str], name: str) -> bool:
    """Whether a culprit is a marked line of the app, or of one of the packages *wanted*."""
    file, line = culprit["file"], culprit["line"]
    if "own" in wanted and Path(file).name == f"{name}.py":
        return (FOLDER / f"{name}.py").read_text().splitlines()[line - 1].endswith(MARK)
    return any(f"/{package}/" in f"/{file}" for package in wanted)


def test_every_app_has_a_case() -> None:
    assert CASES.keys() == {path.stem for path in FOLDER.glob("*.py")}


@pytest.mark.parametrize("name", CASES)
def test_a_report_gets_the_right_answer(name: str, command: Command, tmp_path: Path) -> None:
    case, path = CASES[name], tmp_path / "report.json"
    body = tmp_path / "body.json"
    body.write_text(json.dumps([{"word": f"Word {n}", "page": n} for n in range(400_000)]))
    given = {
        "app": f"{name}:app",
        "file": str(FOLDER / f"{name}.py"),
        "folder": str(FOLDER),
        "module": name,
        "body": str(body),
        "port": "{port}",
    }
    words = [word.format(**given) for word in case["command"]]
    done = command(
        *("-m", "asgi_liveness", "check", "--report", f"json={path}", *words),
        cwd=FOLDER,
        prefix=SHELL,
    )
    shown = done.stdout + done.stderr
    assert done.returncode == EXITS.get(case["verdict"], 1), shown
    report = json.loads(path.read_text())
    assert report["verdict"] == case["verdict"], shown
    culprits = [route["culprit"] for route in report["routes"] if route["culprit"]]
    assert bool(culprits) == ("culprit" in case), shown
    assert all(is_right(each, case["culprit"], name) for each in culprits), shown
    flat = " ".join(shown.split())
    assert [words for words in case.get("says", ()) if words not in flat] == [], shown
    assert [words for words in case.get("says_not", ()) if words in flat] == [], shown
