"""What to do about a culprit, in a line."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Kind(Enum):
    """What sort of thing delays the probes; the value is what to do about it."""

    CALL = (
        "This is a synchronous call: run it in a thread (`await asyncio.to_thread(...)`), or use "
        "its async counterpart."
    )
    CALL_IN_HANDLER = (
        "This is a synchronous call: run it in a thread (`await asyncio.to_thread(...)`, or make "
        "the route a plain `def`), or use its async counterpart."
    )
    CALL_IN_HOOK = (
        "This is a synchronous call: run it in a thread (`await asyncio.to_thread(...)`, or make "
        "the dependency or the exception handler a plain `def`), or use its async counterpart."
    )
    LOOP = (
        "This loop never yields to the event loop: add `await asyncio.sleep(0)` to each "
        "iteration, or run the work outside the request."
    )
    LOOP_IN_FUNCTION = (
        "This loop runs in a function that is not async, so it cannot yield: call the function in "
        "a thread (`await asyncio.to_thread(...)`), or outside the request."
    )
    SYNC_HANDLER = (
        "The framework runs this `def` on the event loop: let it use a thread (Litestar: "
        "`sync_to_thread=True`), or write an `async def` that awaits `asyncio.to_thread(...)`."
    )
    CALLED = (
        "This line calls the function and hands over its result: pass the function and its "
        "arguments instead, as in `await asyncio.to_thread(work, 1)`."
    )
    DEADLOCK = (
        "This is a deadlock: the event loop waits for a thread or a future that waits for the "
        "event loop. Await it: `await asyncio.wrap_future(...)`, or the coroutine itself."
    )
    DEADLOCK_ON_LOCK = (
        "This is a deadlock: the event loop waits for a lock, an event or a queue, and no thread "
        "runs that could end the wait. Use one of asyncio's (`asyncio.Lock()`), or wait in a "
        "thread."
    )
    RESULT = (
        "The event loop waits for this result and runs nothing else meanwhile: await it, as in "
        "`await asyncio.wrap_future(pool.submit(work, 1))`."
    )
    BACKGROUND = (
        "A background task with `async def` runs on the event loop: make the task a synchronous "
        "`def` function, and the framework runs it in a thread."
    )
    ROWS = (
        "The ORM computes on the event loop, where it makes objects of rows, or rows of objects: "
        "fetch fewer rows or columns, insert in bulk (`session.execute(insert(...), rows)`), or do "
        "it in a thread with a synchronous session."
    )
    SPANS = (
        "A span processor that exports each span at once: use BatchSpanProcessor, which exports "
        "from a thread of its own."
    )
    LOGGING = (
        "A handler of the log works on the event loop: put it behind a "
        "`logging.handlers.QueueHandler` with a QueueListener, or let it do less."
    )
    RESPONSE = (
        "This makes the response, after the handler has returned: return less of it, a page at a "
        "time, or a `Response` whose body a thread has made (`await asyncio.to_thread(...)`)."
    )
    BODY = (
        "This reads and validates the body, before the handler runs: limit its size, or take the "
        "raw body and parse it in a thread (`await asyncio.to_thread(...)`)."
    )
    LIBRARY = (
        "Installed code blocks here: look for a setting of that library that does it in a thread "
        "or in smaller parts, or do less of it."
    )
    COLLECTOR = (
        "Most of this time was a full pass of the garbage collector, over all objects: call "
        "`gc.freeze()` after start-up, and raise the thresholds (`gc.set_threshold`)."
    )
    POOL = (
        "The thread pool that all synchronous routes share is full: give the work a pool of its "
        "own."
    )
    OWN_POOL = (
        "This pool of threads is full: give it more threads, or give the long work a pool of its "
        "own."
    )
    WAITS = (
        "The event loop is idle, and the probe waits for what another task holds: hold it for a "
        "shorter time, hold no lock across an `await`, or make the pool larger."
    )
    THREADS = "Threads that compute share the GIL with the event loop: run the work in processes."
    GIL = "This is C code that holds the GIL, so a thread does not help: run the work in a process."
    GIL_IN_THREAD = (
        "This is C code that holds the GIL, so it blocks the event loop from its thread as well: "
        "run the work in a process."
    )
    MACHINE = "The machine was too busy: stop other work on it, and try again."
    THROTTLED = (
        "The limit of the container's processor stopped the app: raise the limit, or give the "
        "app less to do at a time."
    )


_EXPLAINED_BY: Final = {
    **dict.fromkeys((Kind.POOL, Kind.OWN_POOL, Kind.WAITS, Kind.THREADS), "starved"),
    **dict.fromkeys((Kind.MACHINE, Kind.THROTTLED), "inconclusive"),
}


def advice(kind: Kind) -> str:
    """Return what to do, in a line, and the command that says more."""
    return f"{kind.value} More: asgi-liveness explain {_EXPLAINED_BY.get(kind, 'stalled')}"
