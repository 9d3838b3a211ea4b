"""The files of lines: read once, forgotten, and removed without losing a line."""

from __future__ import annotations

import json
from pathlib import Path

from asgi_liveness.serving import lines
from asgi_liveness.serving.lines import Lines

PROCESS, SLOT = 7, 2


def write(folder: Path, *rows: dict[str, object], process: int = PROCESS) -> Path:
    path = folder / f"samples.{process}.{SLOT}"
    with path.open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return path


def contents(found: Lines) -> list[dict[str, object]]:
    return [line for _, _, line in found.all()]


def test_lines_are_counted_once(tmp_path: Path) -> None:
    found = Lines(tmp_path)
    assert found.read() == 0
    write(tmp_path, {"at": 1}, {"at": 2})
    assert (found.read(), found.read()) == (2, 2)
    write(tmp_path, {"at": 3})
    write(tmp_path, {"at": 4}, process=8)
    assert found.read() == 4
    assert found.all() == [
        *((PROCESS, SLOT, {"at": number}) for number in (1, 2, 3)),
        (8, SLOT, {"at": 4}),
    ]


def test_old_lines_are_forgotten_but_the_last_answer(tmp_path: Path) -> None:
    found = Lines(tmp_path)
    answers: list[dict[str, object]] = [{"request": number, "threads": []} for number in (1, 2)]
    write(tmp_path, {"at": 1, "request": "GET /"}, *answers, {"ended": 5}, {"at": 6})
    found.forget(5, set())
    assert contents(found) == [{"ended": 5}, {"at": 6}, answers[1]]


def test_a_long_file_is_replaced_and_no_line_is_lost(tmp_path: Path) -> None:
    limit = lines._LONG
    found = Lines(tmp_path)
    row: dict[str, object] = {"at": 9, "text": "x" * 100}
    write(tmp_path, *[row] * (limit // 100))
    found.forget(0, set())  # it is read, and renamed
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"retired.{PROCESS}.{SLOT}"]
    with (tmp_path / f"retired.{PROCESS}.{SLOT}").open("a") as late:
        late.write('{"at": 10}\n')  # the process had it open
    write(tmp_path, {"at": 11})
    found.forget(10, set())
    assert contents(found) == [{"at": 11}, {"at": 10}]
    found.forget(10, set())
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"samples.{PROCESS}.{SLOT}"]


def test_the_files_of_a_process_that_has_ended_are_removed(tmp_path: Path) -> None:
    found = Lines(tmp_path)
    write(tmp_path, {"at": 9})
    write(tmp_path, {"at": 9}, process=8)
    assert len(found.all()) == 2
    found.forget(0, {PROCESS})
    assert [process for process, _, _ in found.all()] == [8]
    assert [path.name for path in tmp_path.iterdir()] == [f"samples.8.{SLOT}"]


def test_a_file_of_another_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "samples.x.2").write_text('{"at": 1}\n')
    (tmp_path / "board").write_text('{"at": 1}\n')
    found = Lines(tmp_path)
    assert found.all() == []
    found.forget(9, {PROCESS})
    assert len(list(tmp_path.iterdir())) == 2
