"""The body of an endless loop, which counts its steps.

The ``while`` stands in the implementation, because people come to read it::

    body = LoopBody("/cooperative")
    while body.running:
        body.step()
        await asyncio.sleep(0)

Without a ledger in the environment the loop is endless and touches no file.
"""

from __future__ import annotations

import inspect
import os
import random
import threading
import time
from typing import Final

from asgi_liveness.inside.ledger import Ledger

_REST: Final = 0.02
"""Seconds that a step sleeps where the runner wants gentle loops: it leaves the processor free."""


class LoopFailure(Exception):
    """The exception of a loop that the runner makes fail."""


class LoopBody:
    """The body of one endless loop. Make a new one for every loop that you start.

    *route* is the path that runs the loop, at most 32 bytes of UTF-8.

    Raises ``LedgerError`` where the environment names a ledger that cannot be opened or is full.
    """

    def __init__(self, route: str) -> None:
        self.route = route
        self.steps = 0
        """The number of steps that this body has made."""
        self._stopped = False
        self._ledger = Ledger.from_environment()
        if self._ledger is not None:
            self._generation = self._ledger.generation
            self._failures = self._ledger.failures
            self._rest = _REST if self._ledger.is_gentle else 0.0
            self._slot = self._ledger.take_slot(route, _caller())

    @property
    def running(self) -> bool:
        """False after ``stop()``, or after the runner set the ledger's stop flag."""
        if self._ledger is None:
            return not self._stopped
        if self._stopped or self._ledger.generation != self._generation:
            self._ledger.stamp_end(self._slot)
            return False
        return True

    def step(self) -> None:
        """Do the work of one iteration: print a random number, and count the step.

        Raises ``LoopFailure`` if the runner makes the loops fail, to test what follows.
        """
        print({self.route: random.randint(0, 10)})  # noqa: S311 (no secret depends on it)
        self.steps += 1
        if self._ledger is not None:
            if self.steps == 1:
                self._ledger.stamp_thread(self._slot, threading.get_native_id())
            self._ledger.store_steps(self._slot, self.steps)
            if self._rest:
                time.sleep(self._rest)
            if self._ledger.failures != self._failures:
                self._ledger.stamp_end(self._slot)
                raise LoopFailure(f"the runner made the loop of {self.route} fail")

    def stop(self) -> None:
        """End this loop when it next reads ``running``."""
        self._stopped = True

    def __del__(self) -> None:
        """Mark the loop as ended: its coroutine was cancelled and has freed the body."""
        if getattr(self, "_slot", None) is not None and self._ledger is not None:
            self._ledger.stamp_end(self._slot)


def _caller() -> str:
    """Return the line that makes the body, relative to the current directory if it is below it."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    if frame is None:
        return ""
    path = os.path.relpath(frame.f_code.co_filename)
    if path.startswith(os.pardir):
        path = frame.f_code.co_filename
    return f"{path}:{frame.f_lineno}"
