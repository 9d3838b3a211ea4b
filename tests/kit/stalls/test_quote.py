"""A culprit with its source, if the file can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls import quote
from asgi_liveness.stalls.culprit import Culprit


def culprit(path: Path, line: int, source: str) -> Culprit:
    return Culprit(str(path), line, "work", source)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "app.py"
    path.write_text("def work():\n\n\ta()\n\tb()\n\tif c:\n\t\td()\n\te()\n\tf()\n")
    return path


def test_a_quote_has_two_numbered_lines_on_each_side(file: Path) -> None:
    assert quote.source(culprit(file, 5, "if c:")) == [
        "  3 | a()",
        "  4 | b()",
        "> 5 | if c:",
        "  6 |     d()",
        "  7 | e()",
    ]


def test_an_empty_line_ends_the_quote(file: Path) -> None:
    assert quote.source(culprit(file, 3, "a()"))[0] == "> 3 | a()"
    assert quote.source(culprit(file, 1, "def work():")) == ["> 1 | def work():"]


def test_the_end_of_the_file_ends_the_quote(file: Path) -> None:
    shown = quote.source(culprit(file, 8, "f()"))
    assert shown == ["  6 |     d()", "  7 | e()", "> 8 | f()"]


def test_a_file_that_changed_is_not_quoted(file: Path) -> None:
    assert quote.source(culprit(file, 5, "while c:")) == ["> 5 | while c:"]
    file.write_text("while True:\n")
    assert quote.source(culprit(file, 1, "def work():")) == ["> 1 | def work():"]


@pytest.mark.parametrize("line", [0, 9])
def test_a_line_that_is_not_there_is_quoted_alone(line: int, file: Path) -> None:
    assert quote.source(culprit(file, line, "gone()")) == [f"> {line} | gone()"]


def test_a_file_that_cannot_be_read_has_no_quote(tmp_path: Path) -> None:
    assert quote.source(culprit(tmp_path / "missing.py", 5, "")) == []


def test_a_long_line_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "long.py"
    text = f"a = '{'x' * 200}'"
    path.write_text(text)
    (shown,) = quote.source(culprit(path, 1, text))
    assert shown.endswith("xxx ...")
    assert len(shown) < 110


@pytest.mark.parametrize(
    ("file", "shown"),
    [
        ("/usr/lib/python3.12/random.py", "random.py"),
        ("/usr/lib64/python3.13t/json/decoder.py", "json/decoder.py"),
        ("/v/lib/python3.11/site-packages/requests/api.py", "requests/api.py"),
        ("/usr/lib/python3/dist-packages/yaml/reader.py", "yaml/reader.py"),
        ("myapp/main.py", "myapp/main.py"),
        ("/srv/myapp/main.py", "/srv/myapp/main.py"),
        ("<string>", "<string>"),
    ],
)
def test_a_librarys_file_is_named_without_its_folder(file: str, shown: str) -> None:
    assert quote.frame(Frame(file, 7, "work")) == f"{shown}:7 in work()"


def test_a_module_has_no_parentheses() -> None:
    assert quote.frame(Frame("a.py", 7, "<module>")) == "a.py:7 in <module>"
