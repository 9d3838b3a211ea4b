"""LIVE: does the app still answer while the loop runs?"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from asgi_liveness.conformance import contract
from asgi_liveness.conformance.cases.case import case, show_state

if TYPE_CHECKING:
    from asgi_liveness.conformance.observation import Observation


@case(
    "LIVE-001 idle-answers",
    contract.IDLE,
    fix="Nothing is asked of the app yet: does a probed route wait for something, or does a "
    "lifespan task block the event loop?",
)
def idle_answers(seen: Observation) -> str | None:
    """Probes /hello and /hello-sync while nothing runs.

    Must see: every probe answered.

    Why: it is the control of all other cases. Where it does not hold, they are inconclusive.
    """
    return show_state(seen)


@case(
    "LIVE-002 blocking-freezes",
    contract.BLOCKING,
    fix="This route shows the defect: let it run the loop of {place} in an `async def` handler "
    "that never awaits.",
)
def blocking_freezes(seen: Observation) -> str | None:
    """Starts /blocking, waits for its first step, then probes /hello and /hello-sync.

    Must see: no probe answered while the loop makes steps in the event loop's own thread, and
    not one turn of the event loop.

    Why: a suite that cannot see the defect could not see its absence either.
    """
    return show_state(seen)


@case(
    "LIVE-003 freeze-ends-with-loop",
    contract.BLOCKING,
    fix="Let the loop of {place} end when `body.running` is false, and let nothing else hold "
    "requests back.",
)
def freeze_ends_with_loop(seen: Observation) -> str | None:
    """Sets the stop flag of /blocking from outside while probes wait.

    Must see: probes that wait; after the stop each of them answered, and the loop ended.

    Why: it shows that the loop is the freeze. The app was never broken, it had no turn.
    """
    waiting = [probe for probe in seen.probes if not probe.answered_by(seen.judged_at)]
    if not waiting:
        return "no probe was waiting when the loop was stopped; there was no freeze to end."
    lost = sum(
        1 for probe in waiting if not probe.response or probe.response.status != HTTPStatus.OK
    )
    if lost:
        return f"{lost} of {len(waiting)} waiting probes were not answered after the stop."
    return None if seen.recovered else "the loop did not end after the stop."


@case(
    "LIVE-004 background-answers-first",
    contract.BACKGROUND,
    fix="Does the handler of {place} wait for its task? Or is the task's function an "
    "`async def`? Make it a plain `def`, and hand it over without awaiting it.",
)
def background_answers_first(seen: Observation) -> str | None:
    """Starts /background and waits for its own answer.

    Must see: the answer while the loop runs. FastAPI and Starlette send it before they start
    the task; Quart starts the task before and still answers, as the task waits in a thread.

    Why: that is what a background task is for.
    """
    return answer_came_first(seen, "/background")


@case(
    "LIVE-005 background-answers",
    contract.BACKGROUND,
    fix="Is the background task at {place} an `async def`? Then it runs on the event loop: make "
    "it a plain `def`, and the framework runs it in a thread.",
    remedy="background",
)
def background_answers(seen: Observation) -> str | None:
    """Starts /background, waits for its first step, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps in a thread of its own.

    Why: a plain `def` loop in a background task is the first of the two fixes.
    """
    return show_state(seen) or steps_elsewhere(seen, on_event_loop=False)


@case(
    "LIVE-006 cooperative-answers",
    contract.COOPERATIVE,
    fix="Is `await asyncio.sleep(0)` in every turn of the loop at {place}?",
    remedy="cooperative",
)
def cooperative_answers(seen: Observation) -> str | None:
    """Starts /cooperative, waits for its first step, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps in the event loop's own thread.

    Why: `await asyncio.sleep(0)` in every turn is the second of the two fixes.
    """
    return show_state(seen) or steps_elsewhere(seen, on_event_loop=True)


@case(
    "LIVE-007 normal-answers",
    contract.NORMAL,
    fix="Is the handler at {place} a plain `def`? Only then does it run in a thread.",
    remedy="normal",
)
def normal_answers(seen: Observation) -> str | None:
    """Starts /normal, waits for its first step, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps in a thread of its own.

    Why: frameworks run a plain `def` handler in a thread. The same loop is harmless there.
    """
    return show_state(seen) or steps_elsewhere(seen, on_event_loop=False)


@case(
    "LIVE-008 async-background-freezes",
    contract.BACKGROUND_ASYNC,
    fix="This route shows the trap: let its task, at {place}, be an `async def` that never awaits.",
)
def async_background_freezes(seen: Observation) -> str | None:
    """Starts /background-async, waits for its first step, then probes /hello and /hello-sync.

    Must see: no probe answered while the loop makes steps in the event loop's own thread, and
    not one turn of the event loop.

    Why: a background task is no fix if its function is an `async def` that never awaits.
    """
    return show_state(seen)


@case(
    "LIVE-009 together",
    contract.TOGETHER,
    fix="Does each of the three answer alone (LIVE-005, LIVE-006, LIVE-007)? Mend those first.",
)
def together(seen: Observation) -> str | None:
    """Starts /normal, /background and /cooperative, one after the other, and probes during all.

    Must see: all three make steps, and every probe answered.

    Why: each fix leaves room for the others; they share one interpreter.
    """
    return show_state(seen)


@case(
    "LIVE-010 same-connection",
    contract.SAME_CONNECTION,
    fix="Does anything between server and app (a middleware, say) hold the request open until "
    "the task at {place} is done? Is that task a plain `def`?",
)
def same_connection(seen: Observation) -> str | None:
    """Starts /background, then probes /hello on the very connection that started it.

    Must see: the probe answered over the same connection while the loop runs.

    Why: a browser or a proxy sends its next request there. If the server takes the first for
    unfinished until its task is done, that client hangs and all others do not.
    """
    wrong = show_state(seen)
    if wrong is not None:
        return wrong
    requests = (*seen.jobs, *seen.probes)
    connections = {request.response.connection for request in requests if request.response}
    if len(connections) > 1:
        return "the server closed the connection after the answer of /background."
    return None


@case(
    "LIVE-011 async-background-answers-first",
    contract.BACKGROUND_ASYNC,
    fix="The framework starts the task at {place} before the answer leaves: the request that "
    "starts it is frozen with all others. A plain `def` task has no such order.",
)
def async_background_answers_first(seen: Observation) -> str | None:
    """Starts /background-async and waits for its own answer.

    Must see: the answer while the loop runs, although all other requests are frozen.

    Why: here the frameworks differ. A framework that starts a task before the answer has left
    freezes that answer too, so its client cannot tell which request did it.
    """
    return answer_came_first(seen, "/background-async")


def steps_elsewhere(seen: Observation, *, on_event_loop: bool) -> str | None:
    """Claim that the loops step in the event loop's own thread, or in others."""
    if all(loop.on_event_loop is on_event_loop for loop in seen.loops):
        return None
    where = ("a thread of its own", "the event loop's own thread")
    must, does = where[on_event_loop], where[not on_event_loop]
    return f"the loop of {seen.window.title} must step in {must}; it steps in {does}."


def answer_came_first(seen: Observation, path: str) -> str | None:
    """Claim that the request that started the loop was answered while the loop ran."""
    if not seen.kept_running:
        return show_state(seen)
    response = seen.response(path)
    if response is None or response.at > seen.judged_at:
        return f"{path} did not answer while its loop made {seen.steps:,} steps."
    if response.status != HTTPStatus.OK:
        return f"{path} answered {response.status or response.error}."
    return None
