"""LIVE, for the remedies: does the app still answer while the loop runs?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.cases.case import case, show_state
from asgi_liveness.conformance.cases.live import answer_came_first, steps_elsewhere
from asgi_liveness.conformance.promises import REMEDIES, live

if TYPE_CHECKING:
    from asgi_liveness.conformance.observation import Observation

_OF: Final = {remedy.name: live(remedy) for remedy in REMEDIES}


@case(
    "LIVE-012 offloaded-answers",
    _OF["offloaded"],
    fix="Does the handler await the function of {place} in a pool of threads (`run_in_executor`)?",
    remedy="offloaded",
)
def offloaded_answers(seen: Observation) -> str | None:
    """Starts /offloaded, waits for its first step, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps in a thread of its own.

    Why: a handler that awaits a thread gives the event loop its turns, and can answer with the
    result.
    """
    return show_state(seen) or steps_elsewhere(seen, on_event_loop=False)


@case(
    "LIVE-013 supervised-answers",
    _OF["supervised"],
    fix="Is `await asyncio.sleep(0)` in every turn of the job's loop at {place}, or is it in a "
    "thread?",
    remedy="supervised",
)
def supervised_answers(seen: Observation) -> str | None:
    """Starts a job by POST /supervised, waits for its first step, then probes both routes.

    Must see: every probe answered while the loop makes steps.

    Why: a job that the app owns runs beside its requests, and must leave them their turns.
    """
    return show_state(seen)


@case(
    "LIVE-014 streamed-answers",
    _OF["streamed"],
    fix="Does the generator at {place} await something that suspends in every turn?",
    remedy="streamed",
)
def streamed_answers(seen: Observation) -> str | None:
    """Starts /streamed, reads what comes, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps; the answer is `text/event-stream`.

    Why: a stream that is written as fast as its client reads need never suspend by itself.
    """
    response = seen.response("/streamed")
    if response is not None and response.content_type.partition(";")[0] != "text/event-stream":
        return f"/streamed must answer with text/event-stream; it is {response.content_type!r}."
    return show_state(seen) or answer_came_first(seen, "/streamed")


@case(
    "LIVE-015 process-answers",
    _OF["process"],
    fix="Is the function of {place} run by a process that the handler starts?",
    remedy="process",
)
def process_answers(seen: Observation) -> str | None:
    """Starts a job by POST /process, waits for its first step, then probes both routes.

    Must see: every probe answered while the loop makes steps in another process than the app's.

    Why: only another process has a GIL of its own.
    """
    if wrong := show_state(seen):
        return wrong
    if any(loop.in_app for loop in seen.loops):
        return "the loop of /process must step in a process of its own; it steps in the app's."
    return None


@case(
    "LIVE-016 paced-answers",
    _OF["paced"],
    fix="Is `await pace` in every turn of the loop at {place}, within `async with Pace()`?",
    remedy="paced",
)
def paced_answers(seen: Observation) -> str | None:
    """Starts /paced, waits for its first step, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps on the event loop.

    Why: a loop that keeps its slice short, and then gives way until nothing else is to be done,
    needs no thread.
    """
    return show_state(seen) or steps_elsewhere(seen, on_event_loop=True)
