"""The demo as text: what it says of a window, and of all of them."""

from __future__ import annotations

import pytest

from asgi_liveness.conformance.contract import BLOCKING, COOPERATIVE, State, Window
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.demo.holder import Held
from asgi_liveness.demo.plain import SCRIPT, rendered, verdict
from asgi_liveness.inside.ledger import Loop
from tests.kit.demo.probes import probe

HELD = Held("some_impl/app.py:3 in blocking()", 3, ("> 3 | body.step()",), "", "")


def seen(window: Window, *waits: float | None, runs: bool = True) -> Observation:
    """What a window shows whose probes of each path are answered after these waits."""
    return Observation(
        window=window,
        judged_at=20.0,
        probes=tuple(
            probe(float(second), wait, path)
            for second, wait in enumerate(waits)
            for path in window.paths
        ),
        load=(),
        loops=(Loop(window.load[0], "", 9, ended=False, on_event_loop=True, in_app=True),),
        steps=9,
        kept_running=runs,
        beats=0,
        recovered=True,
    )


def test_a_freeze_has_strips_and_the_line_that_holds_the_loop() -> None:
    lines = rendered(seen(BLOCKING, None, None), HELD)
    assert lines[1].startswith("/blocking ")
    assert lines[2:] == [
        "  /hello       ..  0 of 2",
        "  /hello-sync  ..  0 of 2",
        "  The app is frozen, and the line that holds it is some_impl/app.py:3 in blocking():",
        "    > 3 | body.step()",
    ]


def test_a_fix_has_full_strips_and_no_line() -> None:
    assert rendered(seen(COOPERATIVE, 0.1, 0.1), HELD)[2:] == [
        "  /hello       ||  2 of 2",
        "  /hello-sync  ||  2 of 2",
        "  The app answers while the loop runs.",
    ]


def test_a_freeze_whose_line_is_unknown_says_no_line() -> None:
    assert rendered(seen(BLOCKING, None), None)[-1] == "  The app is frozen."


@pytest.mark.parametrize(
    ("waits", "runs", "word"),
    [((0.1, None), True, "only some"), ((0.1,), False, "did not run")],
)
def test_other_states_have_words_of_their_own(
    waits: tuple[float | None, ...], runs: bool, word: str
) -> None:
    assert word in rendered(seen(BLOCKING, *waits, runs=runs), None)[-1]


def test_the_verdict_names_the_windows_that_are_wrong() -> None:
    right = [each.must_be for each in SCRIPT]
    assert verdict(right).startswith("As it should be: /blocking freezes")
    wrong = [State.ALIVE, *right[1:]]
    assert verdict(wrong) == ("Not as it should be: /blocking is answering and should be frozen.")
