"""``asgi-liveness report``: pages, pictures and badges of recorded reports."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from asgi_liveness.checking.report import Report
from asgi_liveness.cli import main as cli
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.watching.report import WatchReport
from tests.kit.checking.made import LIVE, STALLED, report
from tests.kit.conformance.test_page import RUN
from tests.kit.watching.test_screen import REPORT as WATCH

Recorded = Callable[[str, Report | ConformanceReport | WatchReport], str]
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    monkeypatch.chdir(tmp_path)

    def write(name: str, made: Report | ConformanceReport | WatchReport) -> str:
        (tmp_path / name).write_text(made.to_json())
        return name

    return write


@pytest.mark.parametrize(
    ("made", "code", "words"),
    [
        (report(STALLED), 1, "GET /report"),
        (report(LIVE), 0, "left the app live"),
        (WATCH, 1, "app/report.py:12 in report()"),
        (RUN, 0, "/blocking"),
    ],
)
def test_a_page_is_written_and_its_place_is_printed(
    made: Report | ConformanceReport | WatchReport,
    code: int,
    words: str,
    recorded: Recorded,
    capsys: Capture,
) -> None:
    name = recorded("made.json", made)
    for _ in range(2):  # the second replaces the first, which is ours
        assert cli.main(["report", name, "--html", "out/index.html"]) == code
        assert capsys.readouterr().out == f"wrote {Path('out/index.html').resolve()}\n"
    assert words in Path("out/index.html").read_text()


def test_several_reports_go_on_one_page_and_the_worst_decides(
    recorded: Recorded, capsys: Capture
) -> None:
    names = [recorded("a.json", report(LIVE)), recorded("b.json", report(STALLED))]
    assert cli.main(["report", *names]) == 2
    assert "several reports go on one page: add --html FILE" in capsys.readouterr().err
    assert cli.main(["report", *names, "--html", "both.html"]) == 1
    text = Path("both.html").read_text()
    assert text.index("b.json") < text.index("a.json")


def test_pictures_are_written(recorded: Recorded, capsys: Capture) -> None:
    name = recorded("run.json", RUN)
    words = ("--svg", "timeline=t.svg", "--svg", "matrix=m.svg", "--badge", "svg=b.svg")
    assert cli.main(["report", name, *words]) == 0
    assert {each.name for each in Path().glob("*.svg")} == {"t.svg", "m.svg", "b.svg"}
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("--html check.json", "--html 'html=check.json': that is the report itself; name another"),
        ("--svg timeline=check.json", "that is the report itself; name another"),
        ("--svg circle=x.svg", "write FORMAT=FILE, with timeline or matrix"),
        ("--svg matrix=x.svg", "--svg matrix: check.json has no matrix"),
        ("--html notes.txt", "that file is no report, and would be lost; name another"),
        ("check.json --svg timeline=x.svg --html y.html", "a picture or a badge is of one report"),
    ],
)
def test_a_bad_word_is_an_error_of_one_line(
    words: str, error: str, recorded: Recorded, capsys: Capture
) -> None:
    name = recorded("check.json", report(STALLED))
    Path("notes.txt").write_text("mine")
    before = Path(name).read_text()
    assert cli.main(["report", name, *words.split()]) == 2
    printed = capsys.readouterr().err
    assert error in printed
    assert printed.count("\n") == 1
    assert (Path(name).read_text(), Path("notes.txt").read_text()) == (before, "mine")


@pytest.mark.parametrize(
    "words",
    [
        "report check.json --html x.html",
        "check a:app --report html=x.html",
        "watch --report html=x.html -- true",
        "run a:app --report html=x.html",
    ],
)
def test_a_page_without_its_libraries_says_what_to_install(
    words: str, recorded: Recorded, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    recorded("check.json", report(STALLED))
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "jinja2" else found(name)
    )
    assert cli.main(words.split()) == 2
    printed = capsys.readouterr().err
    assert "a page needs jinja2" in printed
    assert "pip install 'asgi-liveness[page]'" in printed
    assert printed.count("\n") == 1
