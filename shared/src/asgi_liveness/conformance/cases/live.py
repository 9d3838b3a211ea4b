"""LIVE: does the app still answer probes while the loop runs?"""

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
    fix="The app is idle: does a probed route wait for something, or does a lifespan task block "
    "the event loop?",
)
def idle_answers(observation: Observation) -> str | None:
    """Probes /hello and /hello-sync while nothing runs.

    Must see: every probe answered.

    Why: this is the control of all other cases. If it fails, they are inconclusive.
    """
    return show_state(observation)


@case(
    "LIVE-002 blocking-freezes",
    contract.BLOCKING,
    fix="This route shows the defect: let it run the loop of {place} in an `async def` handler "
    "that never awaits.",
)
def blocking_freezes(observation: Observation) -> str | None:
    """Starts /blocking, waits for its first step, then probes /hello and /hello-sync.

    Must see: no probe answered while the loop makes steps in the event loop's own thread, and
    no pass of the event loop.

    Why: a suite that cannot detect the defect cannot detect its absence either.
    """
    return show_state(observation)


@case(
    "LIVE-003 freeze-ends-with-loop",
    contract.BLOCKING,
    fix="Let the loop of {place} end when `body.running` is false, and let nothing else delay "
    "requests.",
)
def freeze_ends_with_loop(observation: Observation) -> str | None:
    """Stops the loop of /blocking from outside while probes wait.

    Must see: waiting probes; after the stop, each of them answered, and the loop ended.

    Why: this shows that the loop causes the freeze. The app was not broken, it only could not run.
    """
    waiting = [
        probe for probe in observation.probes if not probe.answered_by(observation.judged_at)
    ]
    if not waiting:
        return "no probe was waiting when the suite stopped the loop, so there was no freeze."
    lost = sum(
        1 for probe in waiting if not probe.response or probe.response.status != HTTPStatus.OK
    )
    if lost:
        return f"{lost} of {len(waiting)} waiting probes were not answered after the stop."
    return None if observation.recovered else "the loop did not end after the stop."


@case(
    "LIVE-004 background-answers-first",
    contract.BACKGROUND,
    fix="Does the handler of {place} await its task, or is the task's function an `async def`? "
    "Make it a plain `def`, and hand it over without awaiting it.",
)
def background_answers_first(observation: Observation) -> str | None:
    """Starts /background and waits for its own response.

    Must see: the response while the loop runs. FastAPI and Starlette send it before they start
    the task. Quart starts the task first and still responds, since the task runs in a thread.

    Why: a background task exists so that the client need not wait.
    """
    return responded_first(observation, "/background")


@case(
    "LIVE-005 background-answers",
    contract.BACKGROUND,
    fix="Is the background task at {place} an `async def`? Then it runs on the event loop: make "
    "it a plain `def`, and the framework runs it in a thread.",
    remedy="background",
)
def background_answers(observation: Observation) -> str | None:
    """Starts /background, waits for its first step, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps in a thread of its own.

    Why: a plain `def` loop in a background task is the first of the two fixes.
    """
    return show_state(observation) or loops_run_in(observation, on_event_loop=False)


@case(
    "LIVE-006 cooperative-answers",
    contract.COOPERATIVE,
    fix="Does the loop at {place} `await asyncio.sleep(0)` in every iteration?",
    remedy="cooperative",
)
def cooperative_answers(observation: Observation) -> str | None:
    """Starts /cooperative, waits for its first step, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps in the event loop's own thread.

    Why: `await asyncio.sleep(0)` in every iteration is the second of the two fixes.
    """
    return show_state(observation) or loops_run_in(observation, on_event_loop=True)


@case(
    "LIVE-007 normal-answers",
    contract.NORMAL,
    fix="Is the handler at {place} a plain `def`, and does the framework run it in a thread? On "
    "the event loop it blocks all other requests.",
    remedy="normal",
)
def normal_answers(observation: Observation) -> str | None:
    """Starts /normal, waits for its first step, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps in a thread of its own.

    Why: frameworks run a plain `def` handler in a thread, where the same loop is harmless.
    """
    return show_state(observation) or loops_run_in(observation, on_event_loop=False)


@case(
    "LIVE-008 async-background-freezes",
    contract.BACKGROUND_ASYNC,
    fix="This route shows the trap: let its task, at {place}, be an `async def` that never awaits.",
)
def async_background_freezes(observation: Observation) -> str | None:
    """Starts /background-async, waits for its first step, then probes /hello and /hello-sync.

    Must see: no probe answered while the loop makes steps in the event loop's own thread, and
    no pass of the event loop.

    Why: a background task is no fix if its function is an `async def` that never awaits.
    """
    return show_state(observation)


@case(
    "LIVE-009 together",
    contract.TOGETHER,
    fix="LIVE-005, LIVE-006 and LIVE-007 run each of the three loops alone: fix them first.",
)
def together(observation: Observation) -> str | None:
    """Starts /normal, /background and /cooperative one after the other, and probes while all run.

    Must see: steps of all three loops, and every probe answered.

    Why: the fixes share one interpreter, so each must leave time for the others.
    """
    return show_state(observation)


@case(
    "LIVE-010 same-connection",
    contract.SAME_CONNECTION,
    fix="Does anything between server and app, such as a middleware, keep the request open until "
    "the task at {place} ends? Is that task a plain `def`?",
)
def same_connection(observation: Observation) -> str | None:
    """Starts /background, then probes /hello on the same connection.

    Must see: the probe answered on the same connection while the loop runs.

    Why: a browser or a proxy sends its next request there. If the server considers the first
    request unfinished until its task ends, this client hangs while all others are served.
    """
    failure = show_state(observation)
    if failure is not None:
        return failure
    requests = (*observation.load, *observation.probes)
    connections = {request.response.connection for request in requests if request.response}
    if len(connections) > 1:
        return "the server closed the connection after the response of /background."
    return None


@case(
    "LIVE-011 async-background-answers-first",
    contract.BACKGROUND_ASYNC,
    fix="The framework starts the task at {place} before it sends the response, so the task "
    "freezes its own request, too. Make the task a plain `def`.",
)
def async_background_answers_first(observation: Observation) -> str | None:
    """Starts /background-async and waits for its own response.

    Must see: the response while the loop runs, although all other requests are frozen.

    Why: here the frameworks differ. If a framework starts the task before it sends the response,
    it freezes that response too, and no client can tell which request caused the freeze.
    """
    return responded_first(observation, "/background-async")


def loops_run_in(observation: Observation, *, on_event_loop: bool) -> str | None:
    """Claim that all loops step in the event loop's own thread, or all in other threads."""
    if all(loop.on_event_loop is on_event_loop for loop in observation.loops):
        return None
    where = ("a thread of its own", "the event loop's own thread")
    must, does = where[on_event_loop], where[not on_event_loop]
    return f"the loop of {observation.window.title} must step in {must}, but it steps in {does}."


def responded_first(observation: Observation, path: str) -> str | None:
    """Claim that the request that started the loop got its response while the loop ran."""
    if not observation.kept_running:
        return show_state(observation)
    response = observation.response(path)
    if response is None or response.at > observation.judged_at:
        return f"{path} did not respond while its loop made {observation.steps:,} steps."
    if response.status != HTTPStatus.OK:
        return f"{path} answered {response.status or response.error}."
    return None
