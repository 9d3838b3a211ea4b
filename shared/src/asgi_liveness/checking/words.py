"""What each verdict of a check means, why it matters, and what to do."""

from __future__ import annotations

from typing import Final

from asgi_liveness.checking.report import Verdict
from asgi_liveness.explanation import Explanation
from asgi_liveness.stalls.advice import Kind

VERDICTS: Final[dict[Verdict, Explanation]] = {
    Verdict.LIVE: Explanation(
        what="The event loop kept running and the app answered the probes. Where responses were "
        "late, the report says so and why: threads that compute share the GIL with the event "
        "loop, or the machine was too busy.",
        why="A liveness probe asks an app for just that, whatever else the app does.",
        do="Nothing. To keep it so, run the check in CI: --report junit=FILE, or github=-.",
    ),
    Verdict.STALLED: Explanation(
        what="The event loop was inside one callback for longer than --max-stall: a synchronous "
        "call, a loop that never awaits, or C code, in the event loop's own thread.",
        why="An event loop runs one callback at a time. Until that callback returns, the app "
        "answers no request, the liveness probe times out, and the app is restarted.",
        do="Read the line that the report names. Run a synchronous call in a thread "
        "(`await asyncio.to_thread(...)`, or a plain `def` route), or use its async counterpart. "
        "Add `await asyncio.sleep(0)` to each iteration of a loop, or run the loop outside the "
        "request. Run C code that holds the GIL in a process. `asgi-liveness explain remedies` "
        "lists the ways.",
    ),
    Verdict.STARVED: Explanation(
        what="The event loop runs and the app does not answer the probe: the probed route is "
        "synchronous and waits for a thread of a full pool, or threads that compute hold the GIL.",
        why="Plain `def` routes share one thread pool: 40 threads in AnyIO, at most 32 in asyncio. "
        "Once the pool is full, every such route hangs, the fast ones too.",
        do="Give the work a pool of its own, and make the probed route an `async def`. "
        f"{Kind.THREADS.value}",
    ),
    Verdict.IDLE_STALLED: Explanation(
        what="The event loop stalls while no request runs: a task that the lifespan started, a "
        "scheduler, or a client that polls blocks it.",
        why="The stall delays every request, and it disturbs every other measurement.",
        do="Fix the line that the report names, as for a request that stalls, and check again.",
    ),
    Verdict.DIED: Explanation(
        what="The app, one of its workers, or its supervisor ended while the check watched it.",
        why="A process that exits takes its running requests with it. A supervisor may have ended "
        "it: gunicorn kills a worker that is frozen for its timeout (WORKER TIMEOUT).",
        do="Read the server's last log line in the report. If a supervisor killed the worker, "
        "check the app on uvicorn, which kills nothing, to see the line that froze it.",
    ),
    Verdict.NOT_CHECKED: Explanation(
        what="The app refused the request each time, or sent it elsewhere, and the event loop ran: "
        "the window shows nothing of the work that the request asks for.",
        why="A pass would be a lie: the token may have expired, or the path may be wrong. The exit "
        "code is 2, unless another request is a finding.",
        do="Give the request what the report says: the path, the query, headers with -H, a body "
        "with -d, or a login that runs first, with --before.",
    ),
    Verdict.INCONCLUSIVE: Explanation(
        what="Responses were late while no code of the app was running: the machine was too busy.",
        why="A verdict on the app would be a guess, so the check gives none; the exit code is 3.",
        do="Stop other work on the machine, or watch for longer (--duration), and try again.",
    ),
}
