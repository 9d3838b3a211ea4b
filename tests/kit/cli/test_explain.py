"""Every word of a report can be explained, and every kind of finding has its advice."""

from __future__ import annotations

from typing import get_args

import pytest

from asgi_liveness.checking.report import Verdict
from asgi_liveness.cli.explain import explain
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.errors import UsageError
from asgi_liveness.stalls.advice import Kind, advice


@pytest.mark.parametrize("kind", get_args(Kind))
def test_advice_is_a_line_and_names_the_command_that_says_more(kind: Kind) -> None:
    said, command, word = advice(kind).partition(" More: asgi-liveness explain ")
    assert said.endswith(".")
    assert command
    assert "What to do: " in explain(word)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("call", "asyncio.to_thread"),
        ("loop", "await asyncio.sleep(0)"),
        ("background", "the framework runs it in a thread"),
        ("pool", "a pool of its own"),
        ("gil", "a thread does not help: run the work in a process"),
        ("machine", "The machine was too busy"),
    ],
)
def test_an_advice_fits_its_kind(kind: Kind, words: str) -> None:
    assert words in advice(kind)
    assert {kind for kind in get_args(Kind) if words in advice(kind)} == {kind}


@pytest.mark.parametrize("word", [*Verdict, *Outcome])
def test_every_verdict_is_explained(word: str) -> None:
    told = explain(word)
    heads = [f"{word} (check)"] * (word in [*Verdict]) + [f"{word} (run)"] * (word in [*Outcome])
    assert [line for line in told.splitlines() if line.endswith(("(check)", "(run)"))] == heads
    assert told.count("\n\nWhy: ") == told.count("\n\nWhat to do: ") == len(heads)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_case_is_explained(case: object) -> None:
    told = explain(case.id)  # type: ignore[attr-defined]
    assert told == explain(case.slug) == explain(case.name)  # type: ignore[attr-defined]
    assert told.startswith(f"{case.name}\n\n")  # type: ignore[attr-defined]
    assert "{place}" not in told


def test_a_case_is_explained_by_its_docstring_and_what_to_do() -> None:
    assert explain("live-002") == (
        "LIVE-002 blocking-freezes\n\n"
        "Starts /blocking, waits for its first step, then probes /hello and /hello-sync. Must\n"
        "see: no probe answered while the loop makes steps in the event loop's own thread, and no\n"
        "pass of the event loop.\n\n"
        "Why: a suite that cannot detect the defect cannot detect its absence either.\n\n"
        "What to do: This route shows the defect: let it run the loop of its `LoopBody` in an\n"
        "`async def` handler that never awaits.\n"
    )


@pytest.mark.parametrize("word", ["Idle  Stalled", "IDLE STALLED"])
def test_how_a_word_is_written_does_not_matter(word: str) -> None:
    assert explain(word) == explain("idle stalled")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("stuled", "did you mean 'stalled'?"),
        ("speed-00", "did you mean 'SPEED-00"),
        ("blocking", "did you mean 'blocking-freezes'?"),
        ("", "name a verdict, or a case as LIVE-002"),
        ("xyz", "name a verdict, or a case as LIVE-002"),
    ],
)
def test_an_unknown_word_is_an_error_that_names_the_nearest(word: str, told: str) -> None:
    with pytest.raises(UsageError) as raised:
        explain(word)
    assert str(raised.value).startswith(f"nothing is called {word!r}; {told}")
