"""The table of the four loops."""

from __future__ import annotations

from asgi_liveness.conformance import answering
from tests.kit.conformance.test_render import TARGETS, A, B, cell, report, window


def test_the_table_has_a_column_for_each_target() -> None:
    windows = [
        *(window("/blocking", t, state="frozen", answered=0, wait=0.431) for t in (A, B)),
        *(window("/background-async", t, state="frozen", answered=0, wait=0.4) for t in (A, B)),
        *(window("/background", t) for t in (A, B)),
        window("/cooperative", A),
    ]
    never, yes = "no, never (stopped after 0.4 s)", "yes, 20 of 20"
    rows = [
        ("does /hello answer while this runs?", "FastAPI", "Starlette"),
        ("  a loop without await, in an async route", never, never),
        ("  the same, in an async background task", never, never),
        ("  the same, in a plain def background task", yes, yes),
        ("  with await asyncio.sleep(0) in each iteration", yes, "-"),
    ]
    made = report(TARGETS[:2], [cell(A), cell(B)], windows, servers=("hypercorn",))
    assert answering.text(made) == [
        f"{loop:<49}{first:<33}{second}" for loop, first, second in rows
    ]


def cells(*windows: tuple[str, str, int, float]) -> list[str]:
    """The cells of /blocking, of one target: server, state, probes answered, longest wait."""
    rows = [
        window("/blocking", A, server, state, answered, wait)
        for server, state, answered, wait in windows
    ]
    lines = answering.text(report(TARGETS[:1], [cell(A)], rows))
    first = lines[0].index("FastAPI")
    end = next(n for n, line in enumerate(lines) if line.startswith("  the same, in an async"))
    return [line[first:] for line in lines[1:end]]


def test_servers_that_show_the_same_share_a_cell() -> None:
    one, two = ("uvicorn/asyncio", "frozen", 0, 0.43), ("hypercorn", "frozen", 0, 0.44)
    assert cells(one, two) == ["no, never (stopped after 0.4 s)"]


def test_the_times_of_several_servers_are_a_range() -> None:
    one, two = ("uvicorn/asyncio", "frozen", 0, 9.96), ("hypercorn", "frozen", 0, 0.44)
    assert cells(one, two) == ["no, never (stopped after 0.4 to 10.0 s)"]


def test_servers_that_differ_have_a_line_each() -> None:
    one, two = ("uvicorn/asyncio", "mixed", 3, 0.4), ("hypercorn", "answering", 20, 0.1)
    assert cells(one, two) == ["mixed, 3 of 20, on uvicorn/asyncio", "yes, 20 of 20, on hypercorn"]


def test_a_server_without_a_window_is_not_hidden() -> None:
    one, two = ("uvicorn/asyncio", "answering", 20, 0.1), ("hypercorn", "answering", 20, 0.1)
    assert cells(one) == ["yes, 20 of 20, on uvicorn/asyncio"]
    assert cells(one, two) == ["yes, 20 of 20"]


def test_an_app_that_is_starved_is_not_said_to_be_frozen() -> None:
    assert cells(("hypercorn", "starved", 0, 2.0)) == ["starved, 0 of 20, on hypercorn"]


def test_a_run_without_these_loops_has_no_table() -> None:
    assert answering.text(report(TARGETS[:1], [cell(A)], [window("/normal")])) == []
