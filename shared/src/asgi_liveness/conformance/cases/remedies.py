"""LIVE for the remedies: does the app still answer probes while the loop runs?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.cases.case import case, show_state
from asgi_liveness.conformance.cases.live import loops_run_in, responded_first
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
def offloaded_answers(observation: Observation) -> str | None:
    """Starts /offloaded, waits for its first step, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps in a thread of its own.

    Why: a handler that awaits a thread leaves the event loop free, and can respond with the
    result.
    """
    return show_state(observation) or loops_run_in(observation, on_event_loop=False)


@case(
    "LIVE-013 supervised-answers",
    _OF["supervised"],
    fix="Does the job's loop at {place} `await asyncio.sleep(0)` in every iteration, or run in a "
    "thread?",
    remedy="supervised",
)
def supervised_answers(observation: Observation) -> str | None:
    """Starts a job by POST /supervised, waits for its first step, then probes both routes.

    Must see: every probe answered while the loop makes steps.

    Why: a job that the app owns runs while requests come, and must leave time for them.
    """
    return show_state(observation)


@case(
    "LIVE-014 streamed-answers",
    _OF["streamed"],
    fix="Does the generator at {place} `await asyncio.sleep(0)` in every iteration?",
    remedy="streamed",
)
def streamed_answers(observation: Observation) -> str | None:
    """Starts /streamed, reads its events, and probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps; a `text/event-stream` response.

    Why: a generator may never yield to the event loop by itself while its client reads fast.
    """
    response = observation.response("/streamed")
    if response is not None and response.content_type.partition(";")[0] != "text/event-stream":
        return f"/streamed must send text/event-stream, but it sends {response.content_type!r}."
    return show_state(observation) or responded_first(observation, "/streamed")


@case(
    "LIVE-015 process-answers",
    _OF["process"],
    fix="Does the handler start a process that runs the function of {place}?",
    remedy="process",
)
def process_answers(observation: Observation) -> str | None:
    """Starts a job by POST /process, waits for its first step, then probes both routes.

    Must see: every probe answered while the loop makes steps in a process of its own.

    Why: only another process has its own GIL.
    """
    if failure := show_state(observation):
        return failure
    if any(loop.in_app for loop in observation.loops):
        return "the loop of /process must step in a process of its own, but it steps in the app's."
    return None


@case(
    "LIVE-016 paced-answers",
    _OF["paced"],
    fix="Does the loop at {place} `await pace` in every iteration, within `async with Pace()`?",
    remedy="paced",
)
def paced_answers(observation: Observation) -> str | None:
    """Starts /paced, waits for its first step, then probes /hello and /hello-sync.

    Must see: every probe answered while the loop makes steps in the event loop's own thread.

    Why: a loop needs no thread if its slices are short, and if it yields to the event loop after
    each slice until no other work is ready.
    """
    return show_state(observation) or loops_run_in(observation, on_event_loop=True)


@case(
    "LIVE-017 queued-answers",
    _OF["queued"],
    fix="Does the handler only queue the job, and does a worker run the function of {place}?",
    remedy="queued",
)
def queued_answers(observation: Observation) -> str | None:
    """Starts a job by POST /queued, waits for its first step, then probes both routes.

    Must see: every probe answered while the loop makes steps in a worker, outside of the server.

    Why: what runs in the server ends with it.
    """
    if failure := show_state(observation):
        return failure
    if any(loop.in_app for loop in observation.loops):
        return "the loop of /queued must step in a worker, but it steps in the app's process."
    return None
