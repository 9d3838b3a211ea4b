"""The documents say what is: generated parts are up to date, names and links exist."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from asgi_liveness.cases import CASES
from asgi_liveness.report import Report
from asgi_liveness.servers import SERVERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CONTRACT.md"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FRAMEWORKS = PROJECT["tool"]["comparison"]["frameworks"]
NOXFILE = (ROOT / "noxfile.py").read_text()


def test_generated_parts_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.docs", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files(name: str) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", (ROOT / name).read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_sessions_that_are_named_exist(name: str) -> None:
    named = set(re.findall(r"nox -s (\w+)", (ROOT / name).read_text())) - {"NAME"}
    defined = set(re.findall(r"^def (\w+)\(session", NOXFILE, re.MULTILINE)) | {*FRAMEWORKS}
    assert named
    assert named <= defined


def test_cases_that_are_named_exist() -> None:
    named = set(re.findall(r"\b(?:LIVE|CONT)-\d{3}\b", README))
    assert named <= {case.id for case in CASES}


def test_the_record_is_of_the_whole_comparison() -> None:
    report = Report.load(ROOT / "results" / "comparison.json")
    table = PROJECT["tool"]["comparison"]
    assert report.servers == tuple(table["servers"]) == tuple(kind.name for kind in SERVERS)
    assert [row.target for row in report.targets] == list(table["frameworks"].values())
    assert len(report.cells) == len(CASES) * len(table["servers"]) * len(table["frameworks"])
    assert report.exit_code == 0


def test_the_recorded_end_of_bare_nox_has_every_session_as_a_success() -> None:
    recorded = (ROOT / "results" / "health.txt").read_text()
    ran = set(re.findall(r"^nox > \* ([^:(]+).*: success", recorded, re.MULTILINE))
    assert ran == {"lint", "types", "kit", "columns", *FRAMEWORKS, "package"}
    assert ": failed" not in recorded


def test_every_framework_has_a_folder_and_a_group() -> None:
    for name, target in FRAMEWORKS.items():
        assert target == f"{name}_impl.app:app"
        assert (ROOT / f"{name}_impl" / "app.py").exists()
        assert PROJECT["dependency-groups"][name]
