"""A file of known differences is read strictly, and a row excuses only the cells that it lists."""

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
    """Return a good row with some values changed; None removes a key."""
    values = {**GOOD, **changes}
    lines = [f"{key} = {value}" for key, value in values.items() if value is not None]
    return "\n".join(["[[difference]]", *lines, ""])


def test_a_row_covers_every_server_and_this_python(file: Path) -> None:
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
    assert [difference.case for difference in known.load(file, ["a:app"])] == [
        ("LIVE-010",),
        ("LIVE-001",),
    ]


def test_an_empty_file_lists_nothing(file: Path) -> None:
    file.write_text("# no known differences\n")
    assert known.load(file, ["a:app"]) == []


NOT_FOUND = (
    "the target 'no_such_module.app:app' is not in this run and cannot be imported here; "
    "correct its name or remove the row"
)
KEYS = "case, target, reason, link, server, python"
BAD_ROWS = {
    "no case": (row(case=None), "'case' is required, as a string or a list of strings"),
    "no target": (row(target=None), "'target' is required, as a string or a list of strings"),
    "no reason": (row(reason=None), "'reason' is required, as a string"),
    "no link": (row(link=None), "'link' is required, as a string"),
    "an empty reason": (row(reason='""'), "'reason' is required, as a string"),
    "a case that is a number": (
        row(case="11"),
        "'case' is required, as a string or a list of strings",
    ),
    "an empty list of cases": (
        row(case="[]"),
        "'case' is required, as a string or a list of strings",
    ),
    "an empty string in a list of targets": (
        row(target='["a:app", ""]'),
        "'target' is required, as a string or a list of strings",
    ),
    "several reasons": (row(reason='["so", "so"]'), "'reason' is required, as a string"),
    "an unknown case among known cases": (
        row(case='["LIVE-011", "POOL-999"]'),
        "there is no case 'POOL-999'; `asgi-liveness explain` lists all cases",
    ),
    "an unknown target among known targets": (
        row(target='["a:app", "no_such_module.app:app"]'),
        NOT_FOUND,
    ),
    "an unknown key": (
        row(sever='["hypercorn"]'),
        f"unknown key 'sever'; choose from: {KEYS}",
    ),
    "a server that is not in a list": (
        row(server='"hypercorn"'),
        "'server' must be a list of strings; omit it for all",
    ),
    "a Python that is a number": (
        row(python="[3.11]"),
        "'python' must be a list of strings; omit it for all",
    ),
    "an empty list": (
        row(server="[]"),
        "'server' must be a list of strings; omit it for all",
    ),
    "an unknown case": (
        row(case='"LIVE-999"'),
        "there is no case 'LIVE-999'; `asgi-liveness explain` lists all cases",
    ),
    "a case by its slug": (
        row(case='"LIVE-001 idle-answers"'),
        "there is no case 'LIVE-001 idle-answers'; `asgi-liveness explain` lists all cases",
    ),
    "an unknown server": (
        row(server='["hypercorn", "uvicorn"]'),
        "there is no server 'uvicorn'; choose from: uvicorn/asyncio, uvicorn/uvloop, hypercorn",
    ),
    "an unknown target": (
        row(target='"no_such_module.app:app"'),
        NOT_FOUND,
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_an_error_in_a_row_names_file_and_row(file: Path, text: str, message: str) -> None:
    file.write_text(row() + text)
    with pytest.raises(UsageError) as raised:
        known.load(file, ["a:app"])
    assert str(raised.value) == f"{file}, row 2: {message}"


def test_a_missing_file_is_an_error(file: Path) -> None:
    with pytest.raises(UsageError) as raised:
        known.load(file, [])
    assert str(raised.value) == f"{file} cannot be read: No such file or directory"


@pytest.mark.parametrize("content", [b"[[difference]\n", b"case = \xff\n"])
def test_a_file_that_is_not_toml_is_an_error_of_one_line(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(UsageError, match=r"known\.toml is not TOML: [^\n]+\Z"):
        known.load(file, [])


def test_an_unknown_table_is_an_error(file: Path) -> None:
    file.write_text("[[differences]]\n")
    with pytest.raises(UsageError) as raised:
        known.load(file, [])
    assert str(raised.value) == f"{file} has 'differences'; begin each row with [[difference]]"


def test_a_target_of_another_run_must_only_be_importable(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "somewhere_else.py").write_text("raise AssertionError('it is not imported')")
    monkeypatch.chdir(tmp_path)
    file.write_text(row(target='"somewhere_else:app"'))
    assert [difference.target for difference in known.load(file, ["a:app"])] == [
        ("somewhere_else:app",)
    ]


@pytest.mark.parametrize("line", ["raise SystemExit(0)", "import os; os._exit(0)", "1/0"])
@pytest.mark.parametrize("target", ["odd:app", "odd.part:app", "odd.within.part:app"])
def test_no_package_is_imported_to_find_a_target(
    line: str, target: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd" / "within").mkdir(parents=True)
    for path in ("odd/__init__.py", "odd/part.py", "odd/within/part.py"):
        (tmp_path / path).write_text(line)
    monkeypatch.chdir(tmp_path)
    file.write_text(row(target=f'"{target}"'))
    assert len(known.load(file, ["a:app"])) == 1


@pytest.mark.parametrize(
    "target", ["odd.missing", "odd.part.missing", ".odd", "odd..part", "", "."]
)
def test_a_target_without_a_file_is_refused(
    target: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "__init__.py").write_text("raise SystemExit(0)")
    (tmp_path / "odd" / "part.py").write_text("")
    monkeypatch.chdir(tmp_path)
    file.write_text(row(target=f'"{target}:app"'))
    with pytest.raises(UsageError, match="cannot be imported here"):
        known.load(file, ["a:app"])


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
def test_a_difference_outside_double_brackets_is_an_error(text: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(UsageError, match="begin each row with"):
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
