"""What the words of a report mean, why it matters, and what to do; and the one line of advice."""

from __future__ import annotations

import difflib
import textwrap
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from asgi_liveness.checking.report import Verdict
from asgi_liveness.conformance import observation as suite
from asgi_liveness.conformance.cases import CASES
from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from asgi_liveness.conformance.cases import Case

REMEDIES: Final = "README.md#remedies-that-hold"
Kind = Literal["call", "loop", "background", "pool", "threads", "gil", "machine"]
_ADVICE: Final[dict[Kind, str]] = {
    "call": "A synchronous call: run it in a thread (`await asyncio.to_thread(...)`, or make the "
    "route a plain `def`), or use its async twin",
    "loop": "A loop that gives the event loop no turn: add `await asyncio.sleep(0)` to each of its "
    "own, or run the work outside the request",
    "background": "A background task with `async def` runs on the event loop: make it a plain "
    "`def`, and the framework runs it in a thread",
    "pool": "The pool of threads that all synchronous routes share is full: give the work a pool "
    "of its own",
    "threads": "Threads that compute share the GIL with the event loop: give the work processes",
    "gil": "C code that holds the GIL, so a thread does not help: give the work a process",
    "machine": "The machine was late, not the app: let it do less meanwhile, and try again",
}


def advice(kind: Kind) -> str:
    """Return what to do, in a line, with the place to read more."""
    return f"{_ADVICE[kind]}. {REMEDIES}"


class Words(NamedTuple):
    """What is said of one verdict."""

    what: str
    why: str
    do: str


_OF_CHECK: Final[dict[Verdict, Words]] = {
    Verdict.LIVE: Words(
        what="The event loop turned and the probes were answered. Where they were late, the "
        "report says so and why: threads that compute share the GIL with the event loop, or the "
        "machine had too little time for it.",
        why="That is what a liveness probe asks of an app, whatever else it does meanwhile.",
        do="Nothing. To keep it so, run the check in CI: --report junit=FILE, or github=-.",
    ),
    Verdict.STALLED: Words(
        what="The event loop was inside one callback for longer than --max-stall: a synchronous "
        "call, a loop that never awaits, or C code, in the event loop's own thread.",
        why="An event loop runs one callback at a time. Until that one is done no request is "
        "answered, the liveness probe times out, and the app is restarted.",
        do=". ".join(
            ["Read the line that is named", _ADVICE["call"], _ADVICE["loop"], _ADVICE["gil"]]
        )
        + f". {REMEDIES}",
    ),
    Verdict.STARVED: Words(
        what="The event loop turns and the probe is not answered: its route is a synchronous one, "
        "which waits for a thread of a pool in which all are taken.",
        why="Plain `def` routes share one pool of threads: 40 in AnyIO, 32 at the most in "
        "asyncio. Once it is full, every such route hangs, the fast ones too.",
        do="Give the work a pool of its own, and make the route that is probed an `async def`. "
        f"{REMEDIES}",
    ),
    Verdict.IDLE_STALLED: Words(
        what="The event loop stalls with no request at all: a task that the lifespan started, a "
        "scheduler, a client that polls.",
        why="It delays every request by as much, and whatever else was measured was measured "
        "beside it.",
        do="Mend the line that is named as that of a route that stalls, then check again.",
    ),
    Verdict.DIED: Words(
        what="The app, one of its workers, or what supervises it, ended while it was watched.",
        why="A process that exits takes the requests under way with it. A supervisor may be the "
        "one that ends it: gunicorn kills a worker that is frozen for its timeout (WORKER "
        "TIMEOUT).",
        do="Read the server's last words in the report. Where it was a supervisor, check the app "
        "on uvicorn, which kills nothing, and see the line that froze it.",
    ),
    Verdict.INCONCLUSIVE: Words(
        what="Answers were late, and no code of the app was running then: the machine had no time.",
        why="A verdict on the app would be a guess, so there is none; the exit code is 3.",
        do="Let the machine do less meanwhile, or watch for longer (--duration), and try again.",
    ),
}
_OF_SUITE: Final[dict[suite.Outcome, Words]] = {
    suite.Outcome.PASSED: Words(
        what="The case's claim holds.",
        why="The order of events showed it, on a real server, from outside.",
        do="Nothing.",
    ),
    suite.Outcome.FAILED: Words(
        what="The case's claim does not hold, and no known difference says why.",
        why="The implementation does not do what the contract says.",
        do="Read the message: it says what was seen, where the loop is, and what to change.",
    ),
    suite.Outcome.DIFFERS: Words(
        what="The case fails, as a row in the list of known differences says it does.",
        why="A framework may differ for a reason. A row that no longer holds is a failure.",
        do="Read the row's reason and its link.",
    ),
    suite.Outcome.INCONCLUSIVE: Words(
        what="The app did not answer at rest, or the probes left too late to blame it.",
        why="Without its control a case shows nothing; the exit code is 3.",
        do="See LIVE-001. Let the machine do less meanwhile, and try again.",
    ),
    suite.Outcome.NOT_APPLICABLE: Words(
        what="The case needs a feature or a remedy that the target does not have.",
        why="What is not there can't be judged, and is never counted as passed.",
        do="If the target has it: run with --has NAME, or without --lacks NAME.",
    ),
    suite.Outcome.RECORDED: Words(
        what="The case measures, and judges nothing.",
        why="Its figure depends on the machine, or is a server's own choice.",
        do="Nothing.",
    ),
    suite.Outcome.ERROR: Words(
        what="The target, or the case's route, could not be set up.",
        why="It can't be judged, and no known difference excuses that; the exit code is 2.",
        do="Read the message: it says what was wrong, and what to type next.",
    ),
}
_WIDTH: Final = 88


def explain(word: str) -> str:
    """Return what a verdict or a case is, why, and what to do. Case does not matter."""
    asked = " ".join(word.lower().split())
    found = [_case(case) for case in CASES if asked in map(str.lower, _names(case))]
    found += [_text(f"{v} (check)", w) for v, w in _OF_CHECK.items() if v == asked]
    found += [_text(f"{v} (run)", w) for v, w in _OF_SUITE.items() if v == asked]
    if found:
        return "\n".join(found)
    names = [*_OF_CHECK, *_OF_SUITE, *(name for case in CASES for name in _names(case))]
    known = {name.lower(): str(name) for name in names}
    near = difflib.get_close_matches(asked, known, n=1)
    meant = f"did you mean {known[near[0]]!r}?" if near else "name a verdict, or a case as LIVE-002"
    raise UsageError(f"nothing is called {word!r}; {meant}")


def _names(case: Case) -> tuple[str, ...]:
    return case.id, case.slug, case.name


def _case(case: Case) -> str:
    does, sees, why = case.text
    fix = case.fix.format(place="its `LoopBody`")
    return _text(case.name, Words(f"{does} Must see: {sees}", why, f"{fix} CONTRACT.md#{case.id}"))


def _text(title: str, words: Words) -> str:
    what, why, do = (" ".join(part.split()) for part in words)
    parts = (what, f"Why: {why}", f"What to do: {do}")
    return "\n\n".join([title, *(textwrap.fill(part, _WIDTH) for part in parts)]) + "\n"
