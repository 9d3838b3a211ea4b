"""What is set up for the project's home: each file is YAML, and names what exists."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.comparison import COMPARISON, FRAMEWORKS, ROOT

FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
FORMS = sorted((FOLDER / "ISSUE_TEMPLATE").glob("*.yml"))
OTHERS = [FOLDER / "dependabot.yml", ROOT / ".pre-commit-config.yaml"]
PINNED = re.compile(r"[\w-]+/[\w/.-]+@[0-9a-f]{40} # v\d+(\.\d+)*")
NOXFILE = (ROOT / "noxfile.py").read_text()
SESSIONS = {*re.findall(r"^def (\w+)\(session", NOXFILE, re.MULTILINE), *FRAMEWORKS}


def named(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.stem)


def load(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text())
    assert isinstance(found, dict)
    return found


def commands(job: dict[str, Any]) -> Iterator[str]:
    """The lines that a job runs, once for each entry of its matrix."""
    matrix: dict[str, list[str]] = job.get("strategy", {}).get("matrix", {})
    for values in itertools.product(*matrix.values()):
        for step in job["steps"]:
            line = step.get("run", "")
            for name, value in zip(matrix, values, strict=True):
                line = line.replace(f"${{{{ matrix.{name} }}}}", value)
            yield line


def asked(path: Path) -> list[str]:
    """The sessions that a workflow asks for."""
    lines = [line for job in load(path)["jobs"].values() for line in commands(job)]
    return [name.strip('"') for line in lines for name in re.findall(r"nox -s (\S+)", line)]


def test_there_are_workflows_and_forms() -> None:
    assert {path.stem for path in WORKFLOWS} == {"fast", "nightly", "release", "test"}
    assert {path.stem for path in FORMS} == {"config", "difference", "feature", "verdict"}


@named(WORKFLOWS)
def test_every_session_of_a_workflow_exists(path: Path) -> None:
    names = asked(path)
    assert names
    assert {name.partition("(")[0] for name in names} <= SESSIONS


def test_every_python_of_the_table_is_tested() -> None:
    pythons = {f"kit({version})" for version in COMPARISON["pythons"]}
    assert pythons <= set(asked(FOLDER / "workflows" / "test.yml"))


@named(WORKFLOWS)
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text())
    assert used
    assert [action for action in used if not PINNED.fullmatch(action)] == []


@named(WORKFLOWS)
def test_a_workflow_may_write_nothing_but_the_publishers_token(path: Path) -> None:
    workflow = load(path)
    granted = [workflow["permissions"]]
    granted += [job.get("permissions", {}) for job in workflow["jobs"].values()]
    written = [name for rights in granted for name, right in rights.items() if right != "read"]
    assert written == (["id-token"] if path.stem == "release" else [])


@named(WORKFLOWS)
def test_every_job_has_a_limit(path: Path) -> None:
    assert all(job["timeout-minutes"] <= 60 for job in load(path)["jobs"].values())


@named([path for path in FORMS if path.stem != "config"])
def test_a_form_asks_for_something_and_each_question_has_its_own_id(path: Path) -> None:
    form = load(path)
    assert form["name"]
    assert form["description"]
    ids = [question["id"] for question in form["body"]]
    assert len(set(ids)) == len(ids) > 0
    assert any(question.get("validations", {}).get("required") for question in form["body"])


def test_the_form_of_a_wrong_verdict_asks_for_the_report() -> None:
    questions = {question["id"]: question for question in load(FORMS[-1])["body"]}
    assert "--report json=-" in questions["report"]["attributes"]["description"]


@named(OTHERS)
def test_other_settings_are_yaml(path: Path) -> None:
    assert load(path)


@named([*WORKFLOWS, *FORMS, *OTHERS, ROOT / "SECURITY.md", ROOT / "noxfile.py"])
def test_no_file_names_the_version_or_a_home(path: Path) -> None:
    text = path.read_text()
    assert importlib.metadata.version("asgi-liveness") not in text
    assert "github.com/" not in text
    assert "pypi.org/" not in text
