"""The explanations of outcomes and cases, and the words about a route."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.contract import FEATURES
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.explanation import Explanation

if TYPE_CHECKING:
    from asgi_liveness.conformance.cases import Case
    from asgi_liveness.conformance.contract import Route

OUTCOMES: Final[dict[Outcome, Explanation]] = {
    Outcome.PASSED: Explanation(
        what="The case's claim holds.",
        why="The order of events showed it, on a real server, from outside the app.",
        do="Nothing.",
    ),
    Outcome.FAILED: Explanation(
        what="The case's claim does not hold, and no known difference explains it.",
        why="The implementation does not do what the contract says.",
        do="Read the message: it says what the suite observed, where the loop is, and what to "
        "change.",
    ),
    Outcome.DIFFERS: Explanation(
        what="The case fails, as a row in the list of known differences says.",
        why="A framework may differ for a reason. A row that no longer holds is a failure.",
        do="Read the row's reason and follow its link.",
    ),
    Outcome.INCONCLUSIVE: Explanation(
        what="The idle app did not answer, the loop froze the app in its LIVE case already, or "
        "the suite sent its probes too late to blame the app.",
        why="Without its control a case shows nothing; the exit code is 3.",
        do="Read the message. See `asgi-liveness explain LIVE-001`. Stop other work on the "
        "machine, and try again.",
    ),
    Outcome.NOT_APPLICABLE: Explanation(
        what="The case needs a feature or a remedy that the target does not have.",
        why="The suite cannot judge a missing route, and never counts it as passed.",
        do="If the target has it: run with --has NAME, or without --lacks NAME.",
    ),
    Outcome.RECORDED: Explanation(
        what="The case measures, and judges nothing.",
        why="Its figure depends on the machine, or on the server's own choice.",
        do="Nothing.",
    ),
    Outcome.ERROR: Explanation(
        what="The target, or the case's route, could not be set up.",
        why="The suite cannot judge it, and no known difference excuses that; the exit code is 2.",
        do="Read the message: it says what was wrong, and what to type next.",
    ),
}


def case_explanation(case: Case) -> Explanation:
    """Return the explanation of a case: its claim, the reason, and what to do if it fails."""
    does, sees, why = case.text
    return Explanation(f"{does} Must see: {sees}", why, case.fix.format(place="its `LoopBody`"))


def response_words(row: Route) -> str:
    """Return the response of a route in words; "" where the contract does not fix it."""
    if row.response is None:
        return row.responds
    body = ", ".join(f'"{name}": "{text}"' for name, text in row.response.items())
    return f"200; `{{{body}}}`"


def needs_words(row: Route) -> str:
    """Return the options that let the suite request a route; "" where none is needed."""
    return ", ".join(
        f"no `--lacks {name}`" if name in FEATURES else f"`--has {name}`"
        for name in sorted(row.needs)
    )
