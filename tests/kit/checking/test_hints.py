"""Sentences of a report that say how to see more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from asgi_liveness.checking.call import Call
from asgi_liveness.checking.hints import (
    all_refused,
    better_probe,
    not_checked,
    not_tried,
    of_live,
)
from asgi_liveness.checking.report import Verdict
from tests.kit.checking.made import LIVE, report


def test_the_note_on_a_probed_404_names_a_better_path_if_there_is_one() -> None:
    assert better_probe("/healthz").endswith("--probe /PATH")
    assert better_probe("/healthz", "/api/ping").endswith("--probe /api/ping")


LOCKS = """\
@app.get("/locks")
async def locks():
    async with LOCK:
        await asyncio.sleep(1)


@app.get("/short")
async def short():
    async with LOCK:
        count()
    await asyncio.sleep(1)


@app.get("/session")
async def session():
    async with Session() as session:
        await session.get()
"""


@pytest.mark.parametrize(
    ("path", "concurrency", "hinted"),
    [("/locks", 1, True), ("/locks", 2, False), ("/short", 1, False), ("/session", 1, False)],
)
def test_a_second_caller_is_suggested_where_a_lock_is_held_across_an_await(
    path: str, concurrency: int, tmp_path: Path, *, hinted: bool
) -> None:
    (tmp_path / "app.py").write_text(LOCKS)
    hints = of_live(Call("GET", path), concurrency, tmp_path)
    assert [hint for hint in hints if "--concurrency 2" in hint] == hints
    assert bool(hints) is hinted


def test_a_websocket_that_got_no_message_may_wait_for_one(tmp_path: Path) -> None:
    (note,) = of_live(Call("WS", "/a"), 1, tmp_path)
    assert note.startswith("Nothing was sent on WS /a; if it waits for a message")
    assert of_live(Call("WS", "/a", body=b"hello"), 1, tmp_path) == []
    assert of_live(Call("GET", "/a"), 1, tmp_path) == []


def test_a_refused_request_keeps_its_notes_but_for_the_status() -> None:
    notes = ("the first call was cold", "GET /report itself answered 404, 4 of 4 times")
    route = not_checked(replace(LIVE, notes=notes), "answered 404")
    assert (route.because, route.notes) == ("it answered 404", notes[:1])


def test_a_request_without_a_window_is_no_pass() -> None:
    made = report(LIVE, not_tried("GET /b", "it ended"))
    assert made.routes[-1].because == "it was not tried: it ended"
    assert (made.verdict, made.exit_code, made.ok) == (Verdict.NOT_CHECKED, 2, False)


def test_requests_that_were_refused_stand_in_one_line() -> None:
    rows = [replace(LIVE, during=f"GET /{n}", because=f"it answered 40{n}") for n in range(5)]
    assert all_refused(rows[:1]) == "GET /0 answered 400"
    assert all_refused(rows) == (
        "GET /0 answered 400; GET /1 answered 401; GET /2 answered 402; and 2 more"
    )
