"""What people read about a stall of their event loop."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from asgi_liveness.serving.records import Frame, Sample
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.stalls import LoopRecord, Stall, stalls
from asgi_liveness.watching.loop_stall import SHORT, LoopStall, loop_stall, why_unknown
from tests.kit.checking.windows import LIMIT, end, samples

WHEN = datetime(2026, 1, 2, tzinfo=UTC)


def stall_in(file: str, line: int, request: str = "") -> Stall:
    shown = tuple(replace(each, request=request) for each in samples(Frame(file, line, "report")))
    (stall,) = stalls(
        LoopRecord(began=100.0, ended=102.0, samples=shown, ends=(end(),)), Criteria(LIMIT)
    )
    return stall


def test_a_stall_names_line_source_and_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text("import time\nasync def report():\n    time.sleep(1)\n")
    found = loop_stall(stall_in(str(tmp_path / "app.py"), 3, "GET /report"), WHEN)
    assert str(found) == "event loop stalled for 1.00 s at app.py:3 in report(), GET /report"
    assert (found.when, found.goes_on, found.unknown) == (WHEN, False, "")
    assert (found.file, found.line, found.function) == ("app.py", 3, "report")
    assert (found.source, found.where) == ("time.sleep(1)", "app.py:3")
    assert found.advice.startswith("This is a synchronous call: ")


def test_a_library_is_named_as_it_is_imported() -> None:
    found = loop_stall(stall_in("/venv/lib/python3.12/site-packages/lib/slow.py", 7), WHEN)
    assert str(found).endswith(" at lib/slow.py:7 in report()")
    assert found.where == "lib/slow.py:7"


def test_a_stall_that_goes_on_says_so() -> None:
    found = loop_stall(replace(stall_in("/srv/app.py", 3), goes_on=True), WHEN)
    assert str(found) == "event loop stalled for 1.00 s so far at /srv/app.py:3 in report()"
    assert found.goes_on


def test_a_stall_without_a_line_says_why() -> None:
    unseen = Stall(100.0, 0.25, (), None, too_short=True)
    found = loop_stall(unseen, WHEN)
    assert (found.file, found.line, found.where, found.advice) == ("", 0, "", "")
    assert str(found) == "event loop stalled for 0.25 s, too short to see"
    assert str(loop_stall(unseen, WHEN, blind="C code")) == "event loop stalled for 0.25 s, C code"


def test_the_reason_fits_what_was_seen() -> None:
    sample = Sample(1, 100.0, 100.3, ())
    unseen = Stall(100.0, 0.25, (sample,), None, too_short=True)
    many = replace(unseen, samples=(sample,) * 5, length=3.0)
    assert why_unknown(unseen) == SHORT
    assert why_unknown(replace(unseen, length=3.0)) == "the watcher hardly ran"
    assert why_unknown(replace(many, ran=0.2, others=0.8)).startswith("threads that compute")
    assert why_unknown(many) == "the machine was busy"
    assert why_unknown(replace(many, too_short=False)) == "the samples show no line of the app"


def test_a_text_of_an_app_stays_on_its_line() -> None:
    found = LoopStall(when=WHEN, seconds=1.0, file="a\n.py", function="\x1b[2Jf", request="GET /\r")
    assert str(found).isprintable()
