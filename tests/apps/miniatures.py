"""Miniatures: the bare app, wrong in one way each, with the exact set of cases that it fails.

A case that uses none of a miniature's changed routes sees the bare app, which passes.

The rule: some miniature fails each judged case. A case that cannot fail proves nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final

from asgi_liveness import LoopBody
from examples import bare_asgi
from examples.bare_asgi import (
    HELLO,
    ROUTES,
    STARTED,
    App,
    Handler,
    Send,
    answer,
    make_app,
    run,
)


@dataclass(frozen=True)
class Miniature:
    """A wrong app, and the cases that it fails."""

    app: App
    changes: frozenset[str]
    """The routes that differ from the bare app's; empty if all may differ."""
    fails: frozenset[str]


MINIATURES: Final[dict[str, Miniature]] = {}
apps: Final = SimpleNamespace()
"""The apps by name, for targets such as ``tests.apps.miniatures:apps.unhealthy``."""


def miniature(name: str, fails: str, routes: dict[str, Handler], app: App | None = None) -> None:
    """Add the bare app with some routes replaced; *fails* lists the ids, separated by spaces."""
    app = app or make_app({**ROUTES, **routes})
    MINIATURES[name] = Miniature(app, frozenset(routes), frozenset(fails.split()))
    setattr(apps, name, app)


# The idle app.


async def unavailable(send: Send) -> None:
    await answer(send, {"detail": "no database"}, 503)


miniature("unhealthy", "LIVE-001", {"/hello-sync": unavailable})


# A defect that does not freeze.


async def run_yielding(route: str) -> int:
    body = LoopBody(route)
    while body.running:
        body.step()
        await asyncio.sleep(0)
    return body.steps


async def blocking_that_yields(send: Send) -> None:
    await answer(send, {"steps": await run_yielding("/blocking")})


miniature("blocking_that_yields", "LIVE-002 LIVE-003", {"/blocking": blocking_that_yields})


async def trap_in_a_thread(send: Send) -> None:
    await answer(send, STARTED)
    await asyncio.to_thread(run, "/background-async")


miniature("trap_in_a_thread", "LIVE-008", {"/background-async": trap_in_a_thread})


# A freeze with a bad end.

after_freeze = False


async def blocking_then_unavailable(send: Send) -> None:
    global after_freeze  # noqa: PLW0603 (the next probe reads it)
    steps = run("/blocking")
    after_freeze = True
    await answer(send, {"steps": steps})


async def hello_unless_after_freeze(send: Send) -> None:
    global after_freeze
    refused, after_freeze = after_freeze, False
    await (unavailable(send) if refused else answer(send, HELLO))


miniature(
    "refuses_after_the_freeze",
    "LIVE-003",
    {"/blocking": blocking_then_unavailable, "/hello": hello_unless_after_freeze},
)

loops_running = 0
none_running = asyncio.Event()
none_running.set()


def counted(handler: Handler) -> Handler:
    async def counting(send: Send) -> None:
        global loops_running  # noqa: PLW0603 (probes wait for the last loop)
        loops_running += 1
        none_running.clear()
        try:
            await handler(send)
        finally:
            loops_running -= 1
            if not loops_running:
                none_running.set()

    return counting


def when_none_runs(handler: Handler) -> Handler:
    async def waiting(send: Send) -> None:
        await none_running.wait()
        await handler(send)

    return waiting


miniature(
    "answers_only_without_loops",
    "LIVE-005 LIVE-006 LIVE-007 LIVE-009 LIVE-010",
    {
        path: when_none_runs(handler) if path.startswith("/hello") else counted(handler)
        for path, handler in ROUTES.items()
    },
)


# Background tasks that are not in the background.


async def background_that_waits(send: Send) -> None:
    await asyncio.to_thread(run, "/background")
    await answer(send, STARTED)


miniature("background_that_waits", "LIVE-004 LIVE-010", {"/background": background_that_waits})


async def background_on_the_loop(send: Send) -> None:
    await answer(send, STARTED)
    run("/background")


miniature(
    "background_on_the_loop",
    "LIVE-005 LIVE-009 LIVE-010",
    {"/background": background_on_the_loop},
)


async def background_before_the_answer(send: Send) -> None:
    run("/background")
    await answer(send, STARTED)


miniature(
    "background_before_the_answer",
    "LIVE-004 LIVE-005 LIVE-009 LIVE-010",
    {"/background": background_before_the_answer},
)


async def trap_before_the_answer(send: Send) -> None:
    run("/background-async")
    await answer(send, STARTED)


miniature("trap_before_the_answer", "LIVE-011", {"/background-async": trap_before_the_answer})


async def background_then_close(send: Send) -> None:
    await answer(
        send, STARTED, headers=((b"content-type", b"application/json"), (b"connection", b"close"))
    )
    await asyncio.to_thread(run, "/background")


miniature("closes_the_connection", "LIVE-010", {"/background": background_then_close})


async def background_that_gives_up(send: Send) -> None:
    await answer(send, STARTED)
    body = LoopBody("/background")
    for _ in range(3):
        body.step()
    body.stop()
    assert not body.running


miniature(
    "background_that_gives_up",
    "LIVE-004 LIVE-005 LIVE-009 LIVE-010",
    {"/background": background_that_gives_up},
)


async def background_as_a_coroutine(send: Send) -> None:
    await answer(send, STARTED)
    await run_yielding("/background")


miniature("background_as_a_coroutine", "LIVE-005", {"/background": background_as_a_coroutine})


async def background_that_cannot_be_stopped(send: Send) -> None:
    await answer(send, STARTED)
    await asyncio.to_thread(run_for_ever, "/background")


def run_for_ever(route: str) -> None:
    body = LoopBody(route)
    while True:
        body.step()


miniature(
    "background_that_cannot_be_stopped",
    "LIVE-005 LIVE-009 LIVE-010",
    {"/background": background_that_cannot_be_stopped},
)


async def background_of_another_name(send: Send) -> None:
    await answer(send, STARTED)
    await asyncio.to_thread(run, "background")


miniature(
    "background_of_another_name",
    "LIVE-004 LIVE-005 LIVE-009 LIVE-010",
    {"/background": background_of_another_name},
)


# Loops that block the event loop, or run in the wrong place.


async def cooperative_without_await(send: Send) -> None:
    await answer(send, {"steps": run("/cooperative")})


miniature(
    "cooperative_without_await",
    "LIVE-006 LIVE-009",
    {"/cooperative": cooperative_without_await},
)


async def cooperative_that_dies(_: Send) -> None:
    body = LoopBody("/cooperative")
    body.step()
    await asyncio.sleep(0.1)
    os._exit(3)


miniature("cooperative_that_dies", "LIVE-006 LIVE-009", {"/cooperative": cooperative_that_dies})


async def cooperative_in_a_thread(send: Send) -> None:
    await answer(send, {"steps": await asyncio.to_thread(run, "/cooperative")})


miniature("cooperative_in_a_thread", "LIVE-006", {"/cooperative": cooperative_in_a_thread})


async def normal_as_a_coroutine(send: Send) -> None:
    await answer(send, {"steps": await run_yielding("/normal")})


miniature("normal_as_a_coroutine", "LIVE-007", {"/normal": normal_as_a_coroutine})


async def normal_on_the_loop(send: Send) -> None:
    await answer(send, {"steps": run("/normal")})


miniature("normal_on_the_loop", "LIVE-007 LIVE-009", {"/normal": normal_on_the_loop})

one_at_a_time = threading.Lock()


def run_alone(route: str) -> int:
    with one_at_a_time:
        return run(route)


async def normal_alone(send: Send) -> None:
    await answer(send, {"steps": await asyncio.to_thread(run_alone, "/normal")})


async def background_alone(send: Send) -> None:
    await answer(send, STARTED)
    await asyncio.to_thread(run_alone, "/background")


miniature(
    "one_loop_at_a_time", "LIVE-009", {"/normal": normal_alone, "/background": background_alone}
)


# Threads that never release the GIL. They starve the event loop instead of blocking it.


@contextlib.contextmanager
def greed() -> Iterator[None]:
    """Let prints do no input or output, and let no other thread request the GIL for an hour."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(3600)
    try:
        with contextlib.redirect_stdout(_Nowhere()):
            yield
    finally:
        sys.setswitchinterval(interval)


class _Nowhere(io.TextIOBase):
    def write(self, text: str) -> int:
        return len(text)


def run_greedily(route: str) -> int:
    with greed():
        return run(route)


async def background_that_starves(send: Send) -> None:
    await answer(send, STARTED)
    await asyncio.to_thread(run_greedily, "/background")


miniature(
    "background_that_starves",
    "LIVE-005 LIVE-009 LIVE-010",
    {"/background": background_that_starves},
)


async def blocking_that_starves(send: Send) -> None:
    await answer(send, {"steps": await asyncio.to_thread(run_greedily, "/blocking")})


miniature("blocking_that_starves", "LIVE-002", {"/blocking": blocking_that_starves})


# Responses that differ from the contract's.


async def other(send: Send) -> None:
    await answer(send, {"other": "answer"})


async def other_type(send: Send) -> None:
    await answer(send, HELLO, headers=((b"content-type", b"text/plain"),))


async def other_message(send: Send) -> None:
    await answer(send, {"message": "Done"})
    await asyncio.to_thread(run, "/background")


async def other_message_of_the_trap(send: Send) -> None:
    await answer(send, {"message": "Done"})
    run("/background-async")


class Anything(dict[str, Handler]):
    def get(self, path: str, default: object = None) -> Handler:  # noqa: ARG002 (every path has a handler)
        return super().get(path, bare_asgi.hello)


miniature("other_hello", "CONT-001", {"/hello": other})
miniature("other_type", "CONT-002", {"/hello-sync": other_type})
miniature("other_message", "CONT-003", {"/background": other_message})
miniature("other_message_of_the_trap", "CONT-004", {"/background-async": other_message_of_the_trap})
miniature("takes_any_path", "CONT-005", {}, app=make_app(Anything(ROUTES)))
miniature("takes_any_method", "CONT-006", {}, app=make_app(ROUTES, methods=("GET", "POST")))
