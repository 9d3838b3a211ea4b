"""The text of a line, whether the line is in a loop, and the path in a report."""

from __future__ import annotations

import ast
import os
import warnings
from pathlib import Path

import pytest

from asgi_liveness.stalls import source
from asgi_liveness.stalls.source import in_loop, line_of, shown

APP = """\
def before():
    return 1


async def report(rows):
    first = len(rows)
    while first:
        first -= 1
        if first == 3:
            before()
    for row in rows:
        before(
            row,
        )

        def within():
            return before()

        within()
    async for row in rows:
        before()
    return [before() for row in rows]
"""
LOOPS = {*range(7, 16), 18, 19}


@pytest.fixture
def app(tmp_path: Path) -> str:
    (tmp_path / "app.py").write_text(APP)
    return str(tmp_path / "app.py")


@pytest.mark.parametrize("line", range(1, 24))
def test_a_line_in_a_loop_of_its_own_function(line: int, app: str) -> None:
    assert in_loop(app, line) is (line in LOOPS)


def test_a_loop_at_the_top_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "top.py").write_text("while True:\n    pass\n")
    assert in_loop(str(tmp_path / "top.py"), 2)


@pytest.mark.parametrize("content", [b"while True\n  pass", b"while 1:\n  '\0'\n", b"\xff\nx"])
def test_a_file_that_is_not_python_has_no_loops(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_bytes(content)
    assert not in_loop(str(tmp_path / "bad.py"), 2)


def test_a_source_with_warnings_is_read_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "warned.py").write_text('while True:\n    x = "\\d"\n')
    with warnings.catch_warnings(record=True, action="always") as warned:
        assert in_loop(str(tmp_path / "warned.py"), 2)
    assert not warned
    assert in_loop(str(tmp_path / "warned.py"), 2)  # also where warnings are errors


def test_a_line_is_read_without_its_indent(app: str) -> None:
    assert line_of(app, 8) == "first -= 1"
    assert line_of(app, 1) == "def before():"
    assert line_of(app, 22) == "return [before() for row in rows]"


@pytest.mark.parametrize("line", [-1, 0, 23, 999])
def test_a_line_that_is_not_there_is_empty(line: int, app: str) -> None:
    assert line_of(app, line) == ""


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/tty", "pipe", "large"])
def test_only_a_regular_file_of_a_sources_size_is_read(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(2**32)
    assert line_of(str(tmp_path / name), 1) == ""
    assert not in_loop(str(tmp_path / name), 1)


def test_a_name_that_no_file_can_have_has_no_lines() -> None:
    assert line_of("a\0b", 1) == ""


def test_a_source_that_is_nested_too_deep_has_no_loops(tmp_path: Path) -> None:
    (tmp_path / "deep.py").write_text("while 1:\n    " + "(" * 100_000)
    assert not in_loop(str(tmp_path / "deep.py"), 2)
    (tmp_path / "deep.py").write_text("while 1:\n    x = " + "-" * 100_000 + "1")
    in_loop(str(tmp_path / "deep.py"), 2)


def test_a_path_is_shown_as_it_is_where_the_current_folder_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(str(tmp_path / "a.py")) == "a.py"
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert shown(str(tmp_path / "a.py")) == str(tmp_path / "a.py")


def test_a_file_that_cannot_be_read_has_no_lines(tmp_path: Path) -> None:
    for file in ("<string>", str(tmp_path), str(tmp_path / "gone.py")):
        assert line_of(file, 1) == ""
        assert not in_loop(file, 1)


def test_the_syntax_around_a_line_is_searched_once_for_each_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched, path = list[ast.AST](), tmp_path / "app.py"

    def holds(node: ast.AST, _: int) -> bool:
        searched.append(node)
        return False

    monkeypatch.setattr(source, "_holds", holds)
    for text in ("first = 1", "first, second = 1, 2"):
        path.write_text(text)
        assert not in_loop(str(path), 1)
        before = len(searched)
        assert not in_loop(str(path), 1)
        assert len(searched) == before > 0
        searched.clear()


def test_lines_are_counted_as_python_counts_them(tmp_path: Path) -> None:
    source = "import a\n\x0c\nb = '\x85\u2028'\nwhile b:\n    c()\n"
    (tmp_path / "fed.py").write_text(source, encoding="utf-8")
    assert line_of(str(tmp_path / "fed.py"), 5) == "c()"
    assert in_loop(str(tmp_path / "fed.py"), 5)
    assert not in_loop(str(tmp_path / "fed.py"), 3)


def test_bytes_that_are_not_text_hide_no_line(tmp_path: Path) -> None:
    (tmp_path / "latin.py").write_bytes(b"# -*- coding: latin-1 -*-\nprint('\xe4')\n")
    assert line_of(str(tmp_path / "latin.py"), 2).startswith("print(")


def test_a_file_within_the_current_directory_is_shown_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(str(tmp_path / "myapp" / "reports.py")) == "myapp/reports.py"
    assert shown(f"{tmp_path}_too/reports.py") == f"{tmp_path}_too/reports.py"
    assert shown("/usr/lib/python3.12/random.py") == "/usr/lib/python3.12/random.py"
    assert shown("<string>") == "<string>"
