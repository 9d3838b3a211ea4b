"""The page of a job on GitHub: what is appended to it, and what is never changed by it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_liveness.cli import main as cli
from asgi_liveness.cli import step_summary
from asgi_liveness.cli.outputs import Output
from asgi_liveness.cli.step_summary import ACTIONS, MOST, SUMMARY, append, shortened
from tests.kit.checking.made import LIVE, STALLED, report
from tests.kit.hostile import ANY, PATIENTLY

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a step's page, in a workflow."""
    path = tmp_path / "page.md"
    monkeypatch.setenv(ACTIONS, "true")
    monkeypatch.setenv(SUMMARY, str(path))
    return path


def test_a_page_has_what_every_command_of_the_step_appended(page: Path) -> None:
    append(lambda: "one\n")
    append(lambda: "two\n")
    assert page.read_text() == "one\n\ntwo\n"


@pytest.mark.parametrize("name", [ACTIONS, SUMMARY])
def test_outside_of_a_workflow_nothing_is_rendered(
    name: str, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "")
    append(lambda: pytest.fail("there is no page"))
    assert not page.exists()


def test_a_report_that_goes_there_anyway_is_not_doubled(page: Path) -> None:
    append(lambda: pytest.fail("it is there"), [Output("md", page)])
    assert not page.exists()


@pytest.mark.parametrize(
    "name", ["folder", "pipe", "missing/page", "full", "a\0b", "loop", "x" * 300]
)
def test_a_page_that_cannot_be_written_is_one_line(
    name: str, page: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    folder = page.parent
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "full").write_bytes(b"x" * MOST)
    (folder / "loop").symlink_to(folder / "loop")
    # No variable of a real environment has a null byte.
    monkeypatch.setattr(os, "environ", {ACTIONS: "true", SUMMARY: str(folder / name)})
    append(lambda: "one\n")
    printed = capsys.readouterr()
    assert not printed.out
    assert printed.err.startswith(f"asgi-liveness: the page of ${SUMMARY} was not written: ")
    assert printed.err.count("\n") == 1
    assert (folder / "full").stat().st_size == MOST


def test_a_page_is_cut_at_a_whole_line_with_a_note(page: Path) -> None:
    append(lambda: f"{'x' * 99}\n" * 20_000)
    written = page.read_text()
    assert MOST - 200 < len(written) <= MOST
    assert {*written.splitlines()} == {"x" * 99, "", "*The rest does not fit on this page.*"}


def test_a_fence_that_was_cut_is_closed() -> None:
    text = "head\n~~~~~text\n~~~~ not its end\n" + "x\n" * 100 + "~~~~~\n"
    kept = shortened(text, 120).decode().splitlines()
    assert kept[:3] == ["head", "~~~~~text", "~~~~ not its end"]
    assert kept[-3:] == ["~~~~~", "", "*The rest does not fit on this page.*"]


@PATIENTLY
@given(st.lists(ANY).map("\n".join), st.integers(-10, 300))
def test_a_page_is_never_larger_than_it_may_be(text: str, most: int) -> None:
    cut = shortened(text, most)
    assert len(cut) <= max(most, 0)
    assert cut.decode() is not None


def test_every_command_that_judges_has_its_markdown_there(
    page: Path, tmp_path: Path, capsys: Capture
) -> None:
    names = []
    for name, made in (("old", report(LIVE)), ("new", report(STALLED))):
        names.append(str(tmp_path / f"{name}.json"))
        Path(names[-1]).write_text(made.to_json())
    assert cli.main(["diff", *names]) == 1
    assert "1 worse" in capsys.readouterr().out
    assert page.read_text().startswith("**2 windows compared: 1 worse.** From ")


def test_a_page_that_cannot_be_written_changes_no_exit_code(
    page: Path, tmp_path: Path, capsys: Capture
) -> None:
    page.mkdir()
    path = tmp_path / "report.json"
    path.write_text(report(LIVE).to_json())
    assert cli.main(["diff", str(path), str(path)]) == 0
    assert "Is a directory" in capsys.readouterr().err


def test_the_tests_themselves_have_no_page() -> None:
    assert step_summary.SUMMARY not in os.environ
