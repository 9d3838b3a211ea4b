"""A list of known differences is read strictly, and a row excuses what it lists alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from asgi_liveness.conformance import known
from asgi_liveness.conformance.known import PYTHON, Difference
from asgi_liveness.errors import UsageError
from asgi_liveness.serving.servers import SERVERS

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {"case": '"LIVE-011"', "target": '"a:app"', "reason": '"it is so"', "link": '"https://x"'}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "known.toml"


def row(**changes: str | None) -> str:
    """A good row with some values changed; None leaves one out."""
    values = {**GOOD, **changes}
    lines = [f"{key} = {value}" for key, value in values.items() if value is not None]
    return "\n".join(["[[difference]]", *lines, ""])


def test_a_good_row_is_on_every_server_and_on_this_python(file: Path) -> None:
    file.write_text(row())
    names = tuple(kind.name for kind in SERVERS)
    assert known.load(file, ["a:app"]) == [
        Difference(("LIVE-011",), ("a:app",), "it is so", "https://x", names, (PYTHON,))
    ]


def test_a_row_may_name_servers_and_pythons(file: Path) -> None:
    file.write_text(row(server='["hypercorn"]', python='["3.11", "3.12"]'))
    (difference,) = known.load(file, ["a:app"])
    assert difference.server == ("hypercorn",)
    assert difference.python == ("3.11", "3.12")


def test_rows_keep_their_order(file: Path) -> None:
    file.write_text(row(case='"LIVE-010"') + row(case='"LIVE-001"'))
    assert [found.case for found in known.load(file, ["a:app"])] == [("LIVE-010",), ("LIVE-001",)]


def test_an_empty_file_lists_nothing(file: Path) -> None:
    file.write_text("# nothing is known to differ\n")
    assert known.load(file, ["a:app"]) == []


KEYS = "case, target, reason, link, server, python"
BAD_ROWS = {
    "no case": (row(case=None), "'case' must be there and be a text, or several"),
    "no target": (row(target=None), "'target' must be there and be a text, or several"),
    "no reason": (row(reason=None), "'reason' must be there and be a text"),
    "no link": (row(link=None), "'link' must be there and be a text"),
    "an empty reason": (row(reason='""'), "'reason' must be there and be a text"),
    "a case that is no text": (row(case="11"), "'case' must be there and be a text, or several"),
    "no case in a list": (row(case="[]"), "'case' must be there and be a text, or several"),
    "an empty target in a list": (
        row(target='["a:app", ""]'),
        "'target' must be there and be a text, or several",
    ),
    "several reasons": (row(reason='["so", "so"]'), "'reason' must be there and be a text"),
    "an unknown case among known ones": (
        row(case='["LIVE-011", "POOL-999"]'),
        "there is no case 'POOL-999'; `asgi-liveness explain` lists all",
    ),
    "a target that is nowhere among others": (
        row(target='["a:app", "no_such_module.app:app"]'),
        "the target 'no_such_module.app:app' is not in this run and cannot be found here",
    ),
    "an unknown key": (
        row(sever='["hypercorn"]'),
        f"there is no 'sever'; known: {KEYS}",
    ),
    "a server that is no list": (
        row(server='"hypercorn"'),
        "'server' must be a list of texts, or left out for all",
    ),
    "a Python that is no text": (
        row(python="[3.11]"),
        "'python' must be a list of texts, or left out for all",
    ),
    "an empty list": (
        row(server="[]"),
        "'server' must be a list of texts, or left out for all",
    ),
    "an unknown case": (
        row(case='"LIVE-999"'),
        "there is no case 'LIVE-999'; `asgi-liveness explain` lists all",
    ),
    "a case by its slug": (
        row(case='"LIVE-001 idle-answers"'),
        "there is no case 'LIVE-001 idle-answers'; `asgi-liveness explain` lists all",
    ),
    "an unknown server": (
        row(server='["hypercorn", "uvicorn"]'),
        "no server is called 'uvicorn'; uvicorn/asyncio, uvicorn/uvloop, hypercorn are",
    ),
    "a target that is nowhere": (
        row(target='"no_such_module.app:app"'),
        "the target 'no_such_module.app:app' is not in this run and cannot be found here",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_named_with_file_and_number(file: Path, text: str, message: str) -> None:
    file.write_text(row() + text)
    with pytest.raises(UsageError) as raised:
        known.load(file, ["a:app"])
    assert str(raised.value) == f"{file}, row 2: {message}"


def test_a_file_that_is_not_there_is_an_error(file: Path) -> None:
    with pytest.raises(UsageError) as raised:
        known.load(file, [])
    assert str(raised.value) == f"{file} cannot be read: No such file or directory"


@pytest.mark.parametrize("content", [b"[[difference]\n", b"case = \xff\n"])
def test_a_file_that_is_not_toml_is_an_error_of_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"known\.toml is not TOML: [^\n]+\Z"):
        known.load(file, [])


def test_another_table_than_the_rows_is_an_error(file: Path) -> None:
    file.write_text("[[differences]]\n")
    with pytest.raises(UsageError) as raised:
        known.load(file, [])
    assert str(raised.value) == f"{file} has 'differences'; a row begins with [[difference]]"


def test_a_target_of_another_run_need_only_be_found(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "somewhere_else.py").write_text("raise AssertionError('it is not imported')")
    monkeypatch.chdir(tmp_path)
    file.write_text(row(target='"somewhere_else:app"'))
    assert [found.target for found in known.load(file, ["a:app"])] == [("somewhere_else:app",)]


COVERING = Difference(("LIVE-011",), ("a:app",), "it is so", "https://x", ("hypercorn",), (PYTHON,))


def test_a_row_covers_its_case_on_its_target_and_server() -> None:
    assert COVERING.covers("LIVE-011", "a:app", "hypercorn")


@pytest.mark.parametrize(
    ("case", "target", "server"),
    [
        ("LIVE-010", "a:app", "hypercorn"),
        ("LIVE-011", "b:app", "hypercorn"),
        ("LIVE-011", "a:app", "uvicorn/asyncio"),
    ],
)
def test_a_row_covers_nothing_else(case: str, target: str, server: str) -> None:
    assert not COVERING.covers(case, target, server)


def test_a_row_of_another_python_covers_nothing() -> None:
    other = replace(COVERING, python=("2.7",))
    assert not other.covers("LIVE-011", "a:app", "hypercorn")


@pytest.mark.parametrize("text", ["[difference]\ncase = 'x'\n", "difference = 3\n"])
def test_rows_that_are_no_rows_are_an_error(text: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(UsageError, match="a row begins with"):
        known.load(file, ["a:app"])


def test_a_row_may_name_several_cases_and_targets(file: Path) -> None:
    file.write_text(row(case='["POOL-001", "POOL-003"]', target='["a:app", "b:app"]'))
    (difference,) = known.load(file, ["a:app", "b:app"])
    assert difference.case == ("POOL-001", "POOL-003")
    assert difference.target == ("a:app", "b:app")
    for target in ("a:app", "b:app"):
        assert difference.covers("POOL-003", target, "hypercorn")
    assert not difference.covers("POOL-002", "a:app", "hypercorn")
    assert not difference.covers("POOL-003", "c:app", "hypercorn")
