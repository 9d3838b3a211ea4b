"""A column's file is read strictly, and tools import no tests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools import comparison
from tools.comparison import COLUMNS, FRAMEWORKS, ROOT, Column, Deviation

COMPLETE = """\
title = "Blank"
server = "uvicorn"
threads = "anyio"
uvicorn_waits = true
"""
DEVIATION = '[[deviation]]\nfunction = "hello"\nhere = "pass"\n'


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(comparison, "ROOT", tmp_path)
    monkeypatch.setattr(comparison, "FRAMEWORKS", {"blank": "blank_impl.app:app"})
    (tmp_path / "blank_impl").mkdir()
    return tmp_path


def test_column_needs_only_four_keys(root: Path) -> None:
    (root / "blank_impl" / "column.toml").write_text(COMPLETE)
    assert comparison.column("blank") == Column("blank", "Blank", "uvicorn", "anyio", True)


def test_column_has_deviations_and_lists(root: Path) -> None:
    text = f'{COMPLETE}responses = ["Response"]\n{DEVIATION}'
    (root / "blank_impl" / "column.toml").write_text(text)
    found = comparison.column("blank")
    assert found.responses == ("Response",)
    assert found.deviations == (Deviation("hello", here="pass"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = \n", "is not TOML: "),
        (COMPLETE.replace("title", "name"), "there is no key 'name'; the keys are "),
        (COMPLETE.replace('title = "Blank"\n', ""), "the key 'title' is missing"),
        (COMPLETE.replace("anyio", "40"), "threads must be 'anyio' or 'asyncio'"),
        (COMPLETE.replace("true", '"yes"'), "uvicorn_waits must be true or false"),
        (COMPLETE + DEVIATION.replace("here", "hear"), "a [[deviation]] has the keys function, "),
    ],
)
def test_wrong_column_is_one_line(root: Path, text: str, words: str) -> None:
    (root / "blank_impl" / "column.toml").write_text(text)
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        comparison.column("blank")
    assert str(caught.value).startswith("blank_impl/column.toml")
    assert words in str(caught.value)


@pytest.mark.usefixtures("root")
def test_missing_column_is_one_line() -> None:
    with pytest.raises(ValueError, match=r"^blank_impl/column.toml cannot be read: [^\n]+$"):
        comparison.column("blank")


def test_known_differences_are_the_shared_file_and_the_columns_own(root: Path) -> None:
    shared = root / "known_differences.toml"
    assert comparison.known_differences() == [shared]
    own = root / "blank_impl" / "known_differences.toml"
    own.touch()
    assert comparison.known_differences() == [shared, own]


def test_every_row_has_a_folder_and_requirements() -> None:
    for name, requirements in comparison.COMPARISON["frameworks"].items():
        assert (ROOT / f"{name}_impl" / "app.py").exists()
        assert requirements
        assert set(COLUMNS[name].made_of) <= FRAMEWORKS.keys() - {name}


def imports_tests(source: str) -> list[str]:
    """Return the modules of tests that a file imports or names as an app."""
    tree = ast.parse(source)
    names = [n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    names += [text for text in texts if isinstance(text, str) and ":" in text and " " not in text]
    return [name for name in names if name == "tests" or name.startswith("tests.")]


@pytest.mark.parametrize("path", sorted((ROOT / "tools").rglob("*.py")), ids=lambda path: path.stem)
def test_tool_imports_no_tests(path: Path) -> None:
    assert imports_tests(path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    ["import tests.apps", "from tests.apps.made import app", 'TARGET = "tests.apps.made:app"'],
)
def test_import_of_tests_is_found(source: str) -> None:
    assert len(imports_tests(source)) == 1
