"""``--report FORMAT=FILE``: checked before the run, written after it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from asgi_liveness.checking import formats, render
from asgi_liveness.cli import outputs
from asgi_liveness.cli.outputs import Output, parse_outputs
from asgi_liveness.conformance import render as conformance
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.errors import UsageError
from tests.kit.checking.made import IDLE, INCONCLUSIVE, STALLED, report
from tools.comparison import ROOT

FORMS = ("json", "junit", "github", "md")


def test_outputs_are_in_the_order_of_the_formats(tmp_path: Path) -> None:
    found = parse_outputs([f"md={tmp_path}/a/b.md", "github=-", f"json={tmp_path}/c=d"], FORMS)
    assert found == [
        Output("json", tmp_path / "c=d"),
        Output("github", None),
        Output("md", tmp_path / "a" / "b.md"),
    ]
    assert (tmp_path / "a").is_dir()


REPORTS = {
    "empty": "",
    "json of a check": report(STALLED).to_json(),
    "json of a run": (ROOT / "results" / "failure.json").read_text(),
    "junit": formats.junit(report(STALLED)),
    "github": formats.github(report(STALLED)),
    "github of the idle app": formats.github(report(IDLE)),
    "md of a check": render.markdown(report(STALLED, INCONCLUSIVE)),
    "md of a run": conformance.markdown(
        ConformanceReport.load(ROOT / "results" / "comparison.json")
    ),
}
OTHERS = {
    "settings": "[project]\n",
    "source": "import os\n",
    "json": '{"schema": 1}',
    "a list": "[]",
    "xml": '<?xml version="1.0" encoding="utf-8"?>\n<testsuites><testsuite name="pytest" />',
    "md": "# Notes\n\n| while this runs | verdict | observed |\n",
    "a space": " ",
    "bytes": "\udcff",
}


@pytest.mark.parametrize("text", REPORTS.values(), ids=REPORTS)
def test_a_report_of_an_earlier_run_is_gone_before_the_run(text: str, tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text(text, encoding="utf-8")
    parse_outputs([f"json={path}"], FORMS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_a_file_that_is_no_report_is_refused_and_stays(text: str, tmp_path: Path) -> None:
    path, old = tmp_path / "file", tmp_path / "old.json"
    path.write_text(text, errors="surrogateescape")
    old.write_text(REPORTS["json of a check"])
    with pytest.raises(UsageError, match="no report, and would be lost; name another"):
        parse_outputs([f"json={old}", f"md={path}"], FORMS)
    assert path.read_text(errors="surrogateescape") == text
    assert old.exists()
    assert outputs.write([Output("md", path)], lambda form: form) == [
        f"{path}: that file is no report, and would be lost; name another"
    ]
    assert path.read_text(errors="surrogateescape") == text


@pytest.mark.parametrize("name", ["pipe", "/dev/null", "/dev/full", "/dev/tty", "link"])
def test_only_a_regular_file_is_written(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    path = tmp_path / name
    with pytest.raises(UsageError, match="it is no regular file; - is the standard output"):
        parse_outputs([f"json={path}"], FORMS)
    assert outputs.write([Output("json", path)], lambda form: form) == [
        f"{path}: cannot be written: it is no regular file; - is the standard output"
    ]


def test_the_file_of_the_screen_is_no_file_for_a_report(tmp_path: Path) -> None:
    path = tmp_path / "out"
    code = (
        "from asgi_liveness.cli.outputs import parse_outputs\n"
        f"parse_outputs(['json={path}'], ['json', 'md'])"
    )
    with path.open("w") as file:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=file, stderr=subprocess.PIPE, check=False
        )
    assert b"the screen goes to that file; name another" in done.stderr


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "latest").symlink_to(tmp_path / "runs" / "1.json")
    wanted = parse_outputs([f"json={tmp_path}/latest"], FORMS)
    assert outputs.write(wanted, lambda _: REPORTS["junit"]) == []
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "runs" / "1.json").read_text() == REPORTS["junit"]


@pytest.mark.parametrize("name", ["a\0b", "loop", "x" * 300])
def test_a_name_that_no_file_can_have_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UsageError, match="cannot be written: "):
        parse_outputs([f"json={tmp_path}/{name}"], FORMS)


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
    with pytest.raises(
        UsageError,
        match=r"cannot be written: (it is no regular file; - is the standard output|File exists)\Z",
    ):
        parse_outputs([text], FORMS)


@pytest.mark.parametrize(
    "texts",
    [
        ("json=-", "md=-"),
        ("json=a", "junit=./a"),
        ("json=a", "md=link"),
        ("json=folder/a", "md=a"),
        ("json=a", "md=new/../a"),
    ],
)
def test_two_reports_cannot_go_to_one_file(
    texts: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "folder").symlink_to(".")
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
    (tmp_path / "gone").mkdir()
    wanted = parse_outputs([f"json={tmp_path}/gone/a", f"md={tmp_path}/b"], FORMS)
    (tmp_path / "gone").rmdir()
    assert outputs.write(wanted, lambda form: form) == [
        f"{tmp_path}/gone/a could not be written: No such file or directory"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_full_disk_leaves_no_part_of_a_report(tmp_path: Path) -> None:
    wanted = [Output("json", tmp_path / "a")]
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        assert outputs.write(wanted, lambda _: "x" * 10_000) == [
            f"{tmp_path}/a could not be written: File too large"
        ]
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert list(tmp_path.iterdir()) == []
