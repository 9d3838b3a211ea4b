"""What changed between two watches, line by line; and a watch's report comes back from JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asgi_liveness.changes import Change, ChangeKind
from asgi_liveness.errors import UsageError
from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.merged import MergedStack
from asgi_liveness.watching.changes import compare
from asgi_liveness.watching.report import CulpritRow, WatchReport
from tests.kit.watching.made import CULPRIT
from tests.kit.watching.test_screen import FULL, REPORT, ROW

EXCUSED = replace(ROW, is_finding=False, culprit=None, because="the machine was busy")
OTHER = replace(ROW, culprit=replace(CULPRIT, function="other"))


def watch(*rows: CulpritRow, **changes: Any) -> WatchReport:
    return replace(REPORT, culprits=rows, **changes)


def kinds(old: WatchReport, new: WatchReport) -> list[ChangeKind]:
    return [change.kind for change in compare(old, new).changes]


def test_a_watch_is_as_itself() -> None:
    made = watch(ROW, EXCUSED, starved=(FULL,))
    assert (compare(made, made).changes, compare(made, made).compared) == ((), 3)


def test_a_line_that_blocks_now_is_worse() -> None:
    found = compare(watch(), watch(ROW))
    assert found.changes == (
        Change(
            "app/report.py:12 in report()",
            "",
            "5 stalls, the longest 3.1 s",
            ChangeKind.WORSE,
            "for row in rows: in GET /report",
        ),
    )
    assert found.exit_code == 1


def test_a_line_that_is_not_there_any_more_is_gone_and_not_better() -> None:
    assert kinds(watch(ROW), watch()) == [ChangeKind.GONE]
    assert kinds(watch(ROW), watch(OTHER)) == [ChangeKind.WORSE, ChangeKind.GONE]


def test_a_stall_that_the_app_is_not_to_blame_for_is_new_and_not_worse() -> None:
    assert kinds(watch(), watch(EXCUSED)) == [ChangeKind.NEW]
    excused = replace(ROW, is_finding=False)
    assert kinds(watch(ROW), watch(excused)) == [ChangeKind.UNSURE]
    assert kinds(watch(excused), watch(ROW)) == [ChangeKind.UNSURE]


def test_a_watch_that_saw_no_event_loop_shows_nothing() -> None:
    assert kinds(watch(processes=0), watch(ROW)) == [ChangeKind.UNSURE]
    assert kinds(watch(ROW), watch(processes=0)) == [ChangeKind.UNSURE]


def test_a_full_pool_is_compared_by_its_file() -> None:
    moved = replace(FULL, where="app/chat.py:99", process=8)
    assert kinds(watch(starved=(FULL,)), watch(starved=(moved,))) == []
    assert kinds(watch(), watch(starved=(FULL,))) == [ChangeKind.WORSE]


def test_a_line_that_moved_and_blocked_more_often_is_as_before() -> None:
    moved = replace(ROW, culprit=replace(CULPRIT, line=99), stalls=50, total_s=81.0)
    assert kinds(watch(ROW), watch(moved)) == []


def test_the_longest_stall_has_changed_if_it_differs_by_more_than_beats_are_late() -> None:
    assert kinds(watch(ROW), watch(replace(ROW, longest_s=3.105))) == []
    longer = replace(ROW, longest_s=4.0)
    assert kinds(watch(ROW), watch(longer)) == [ChangeKind.CHANGED]
    assert kinds(watch(ROW), watch(longer, late_p99_s=1.0)) == []
    assert kinds(watch(ROW), watch(longer, late_p99_s=None)) == []
    assert kinds(watch(ROW), watch(longer, system={"cores": 64})) == []


def test_rows_of_one_line_are_one() -> None:
    again = replace(ROW, culprit=replace(CULPRIT, line=20))
    found = compare(watch(), watch(ROW, again))
    assert [row.after for row in found.changes] == ["10 stalls, the longest 3.1 s"]


def test_notes_name_what_else_differs() -> None:
    assert compare(watch(), watch()).notes == (
        "watched for 252 s, then for 252 s",
        "times count as changed by more than 7 ms",
    )
    found = compare(watch(), watch(processes=1, max_stall_s=0.5, command="hypercorn"))
    assert found.notes[:3] == (
        "uvicorn, then hypercorn",
        "limit 200 ms, then limit 500 ms",
        "2 processes with an event loop, then 1 process with an event loop",
    )


# From JSON.

BELOW = Frame("/x.py", 1, "inner")
MADE = watch(
    replace(
        ROW,
        culprit=replace(CULPRIT, below=BELOW, callers=(BELOW,), way=("a", "b")),
        last=((0.5, 3.1), (9.0, 1.0)),
        stacks=(MergedStack(3, ("/x.py:1 in inner()",)),),
    ),
    EXCUSED,
    starved=(FULL,),
    notes=("a note",),
    system={"python": "3.12.1", "cores": 2},
)


def broken(**changes: Any) -> dict[str, Any]:
    return {**json.loads(MADE.to_json()), **changes}


def test_a_report_comes_back_from_json_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(MADE.to_json())
    assert WatchReport.load(path) == MADE
    assert WatchReport.load(path).to_json() == path.read_text()
    assert (MADE.exit_code, watch().exit_code) == (1, 0)


def test_a_report_of_schema_1_is_read(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    data = broken(schema=1)
    for row in data["culprits"]:
        del row["last"], row["stacks"]
    path.write_text(json.dumps(data))
    loaded = WatchReport.load(path)
    assert (loaded.schema, loaded.stalls, loaded.culprits[0].stacks) == (2, MADE.stalls, ())


@pytest.mark.parametrize(
    "data",
    [
        [],
        1,
        {},
        {"culprits": []},
        broken(schema=99),
        broken(kind="stalled"),
        broken(culprits=5),
        broken(culprits=[{}]),
        broken(starved=[5]),
        broken(late_p50_s="soon"),
        broken(watched_s=1e300),
        broken(colour="red"),
        broken(culprits=[{**broken()["culprits"][0], "last": [[1.0]]}]),
        broken(culprits=[{**broken()["culprits"][0], "stacks": [{"samples": 1}]}]),
        broken(culprits=[{**broken()["culprits"][0], "culprit": {"file": "a"}}]),
    ],
)
def test_other_json_is_refused_in_one_line(data: object, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError) as raised:
        WatchReport.load(path)
    assert str(raised.value).startswith(f"{path} is not a report of schema ")
    assert str(raised.value).endswith("; make one with `asgi-liveness watch --report`")


def test_a_report_that_was_read_shows_plain_text_only(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(watch(replace(EXCUSED, because="\x1b[31mred\n\u202e")).to_json())
    assert WatchReport.load(path).culprits[0].because == "red \\u202e"
