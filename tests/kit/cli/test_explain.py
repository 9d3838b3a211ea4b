"""``asgi-liveness explain``: every word of a report has its explanation."""

from __future__ import annotations

import pytest

from asgi_liveness.checking.report import Verdict
from asgi_liveness.cli import main as cli
from asgi_liveness.cli.explain import explain, words
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.conformance.contract import ROUTES
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import PROMISES, REMEDIES
from asgi_liveness.conformance.topics import TOPICS
from asgi_liveness.errors import UsageError
from asgi_liveness.stalls.advice import Kind, advice


@pytest.mark.parametrize("kind", Kind)
def test_advice_is_a_line_and_names_the_command_that_says_more(kind: Kind) -> None:
    said, command, word = advice(kind).partition(" More: asgi-liveness explain ")
    assert said.endswith(".")
    assert command
    assert "What to do: " in explain(word)
    assert "\n" not in said


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.CALL_IN_HANDLER, "make the route a plain `def`"),
        (Kind.CALL_IN_HOOK, "make the dependency or the exception handler a plain `def`"),
        (Kind.LOOP, "await asyncio.sleep(0)"),
        (Kind.SYNC_HANDLER, "sync_to_thread=True"),
        (Kind.CALLED, "pass the function and its arguments"),
        (Kind.DEADLOCK, "waits for a thread or a future that waits for the event loop"),
        (Kind.DEADLOCK_ON_LOCK, "waits for a lock, an event or a queue"),
        (Kind.RESULT, "The event loop waits for this result"),
        (Kind.ROWS, "fewer rows or columns"),
        (Kind.SPANS, "BatchSpanProcessor"),
        (Kind.LOGGING, "QueueHandler"),
        (Kind.COLLECTOR, "gc.freeze()"),
        (Kind.POOL, "that all synchronous routes share"),
        (Kind.GIL, "a thread does not help: run the work in a process"),
        (Kind.MACHINE, "The machine was too busy"),
        (Kind.THROTTLED, "The limit of the container's processor"),
    ],
)
def test_an_advice_fits_its_kind_and_no_other(kind: Kind, words: str) -> None:
    assert {each for each in Kind if words in advice(each)} == {kind}


@pytest.mark.parametrize("word", [*Verdict, *Outcome])
def test_every_verdict_is_explained(word: str) -> None:
    text = explain(word)
    heads = [f"{word} (check)"] * (word in [*Verdict]) + [f"{word} (run)"] * (word in [*Outcome])
    assert [line for line in text.splitlines() if line.endswith(("(check)", "(run)"))] == heads
    assert text.count("\n\nWhy: ") == text.count("\n\nWhat to do: ") == len(heads)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_every_case_is_explained(case: object) -> None:
    text = explain(case.id)  # type: ignore[attr-defined]
    assert text == explain(case.slug) == explain(case.name)  # type: ignore[attr-defined]
    assert text.startswith(f"{case.name}\n\n")  # type: ignore[attr-defined]
    assert "{place}" not in text


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
    ("word", "hint"),
    [
        ("stuled", "did you mean 'stalled'?"),
        ("speed-00", "did you mean 'SPEED-00"),
        ("blocking", "did you mean 'blocking-freezes'?"),
        ("remedy", "did you mean 'remedies'?"),
        ("", "list the words with asgi-liveness explain"),
        ("xyz", "list the words with asgi-liveness explain"),
    ],
)
def test_an_unknown_word_is_an_error_that_names_the_nearest(word: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        explain(word)
    assert str(raised.value).startswith(f"nothing is called {word!r}; {hint}")


# Topics and families.


@pytest.mark.parametrize(
    ("topic", "names"),
    [
        ("remedies", [row.path for row in REMEDIES]),
        ("promises", [row.name for row in PROMISES]),
        ("routes", [f"{row.method} {row.path}" for row in ROUTES]),
    ],
)
def test_a_topic_has_every_row_of_its_table(topic: str, names: list[str]) -> None:
    lines = [line.strip() for line in explain(topic).splitlines()]
    found = [name for name in names if any(f"{line} ".startswith(f"{name} ") for line in lines)]
    assert found == names


@pytest.mark.parametrize("topic", TOPICS)
def test_a_topic_fits_the_terminal_and_names_no_file(topic: str) -> None:
    text = explain(topic)
    assert max(map(len, text.splitlines())) <= 88
    assert ".md" not in text


def test_every_remedy_but_the_first_three_is_recommended_for_some_loop() -> None:
    choices = explain("remedies").partition("Take this for a loop that:")[2]
    assert [row.path for row in REMEDIES if row.path not in choices] == [
        "/background",
        "/cooperative",
        "/normal",
    ]


def test_a_family_has_its_cases() -> None:
    text = " ".join(explain("pool").split())
    assert text.startswith("The cases of POOL. Explain one: asgi-liveness explain POOL-001 ")
    assert [case.name for case in CASES if case.id.startswith("POOL-")] == [
        case.name for case in CASES if case.name in text
    ]


# Without a word.


def test_the_command_without_a_word_lists_all_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain"]) == 0
    shown = capsys.readouterr().out
    assert shown == words()
    listed = " ".join(shown.split())
    families = {case.id.partition("-")[0] for case in CASES}
    for word in (*Verdict, *Outcome, *TOPICS, *families):
        assert word in listed
        assert explain(word)


def test_every_explanation_names_commands_and_no_files() -> None:
    texts = [explain(word) for word in (*Verdict, *Outcome, *(case.id for case in CASES))]
    assert [text for text in texts if ".md" in text] == []


@pytest.mark.parametrize("arguments", [["idle", "stalled"], ["idle stalled"], ["LIVE-002"]])
def test_the_command_explains_a_word(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", *arguments]) == 0
    assert capsys.readouterr().out == explain(" ".join(arguments))


def test_an_unknown_word_is_an_error_of_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "stuled"]) == 2
    error = "asgi-liveness: nothing is called 'stuled'; did you mean 'stalled'?\n"
    assert capsys.readouterr().err == error
