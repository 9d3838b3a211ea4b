"""``--report FORMAT=FILE``: checked before the run, written after it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asgi_liveness.cli import outputs
from asgi_liveness.cli.outputs import Output, parse_outputs
from asgi_liveness.errors import UsageError

FORMS = ("json", "junit", "github", "md")


def test_outputs_are_in_the_order_of_the_formats(tmp_path: Path) -> None:
    found = parse_outputs([f"md={tmp_path}/a/b.md", "github=-", f"json={tmp_path}/c=d"], FORMS)
    assert found == [
        Output("json", tmp_path / "c=d"),
        Output("github", None),
        Output("md", tmp_path / "a" / "b.md"),
    ]
    assert (tmp_path / "a" / "b.md").exists()


def test_an_existing_file_is_not_emptied_before_the_run(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("of the last run")
    parse_outputs([f"json={path}"], FORMS)
    assert path.read_text() == "of the last run"


@pytest.mark.parametrize("text", ["xml=a", "json", "json=", "=a", "", "JSON=a"])
def test_a_bad_output_is_an_error_that_names_the_formats(text: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_outputs([text], FORMS)
    assert str(raised.value) == (
        f"--report {text!r}: write FORMAT=FILE, with json, junit, github or md"
    )


@pytest.mark.parametrize("name", ["", "/dev/null/report.json"])
def test_a_file_that_cannot_be_written_is_an_error(name: str, tmp_path: Path) -> None:
    text = f"json={name or tmp_path}"
    with pytest.raises(UsageError, match=r"cannot be written: (Is a directory|File exists)\Z"):
        parse_outputs([text], FORMS)


@pytest.mark.parametrize("texts", [("json=-", "md=-"), ("json=a", "junit=./a")])
def test_two_reports_cannot_go_to_one_file(
    texts: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="another report goes there"):
        parse_outputs(texts, FORMS)


def test_the_screen_makes_room_for_a_report_on_standard_output() -> None:
    assert outputs.screen([Output("json", Path("a"))]) is sys.stdout
    assert outputs.screen([Output("json", Path("a")), Output("md", None)]) is sys.stderr


def test_reports_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [Output("json", tmp_path / "a"), Output("md", None)]
    assert outputs.write(wanted, lambda form: f"in {form} ·\n") == []
    assert (tmp_path / "a").read_text(encoding="utf-8") == "in json ·\n"
    assert capsys.readouterr().out == "in md ·\n"


def test_characters_that_no_encoding_has_are_escaped(tmp_path: Path) -> None:
    assert outputs.write([Output("md", tmp_path / "a")], lambda _: "a\udcff") == []
    assert (tmp_path / "a").read_text() == "a\\udcff"


def test_a_failed_write_is_returned_and_the_rest_is_written(tmp_path: Path) -> None:
    wanted = [Output("json", Path("/dev/full")), Output("md", tmp_path / "b")]
    assert outputs.write(wanted, lambda form: form) == [
        "/dev/full could not be written: No space left on device"
    ]
    assert (tmp_path / "b").read_text() == "md"
