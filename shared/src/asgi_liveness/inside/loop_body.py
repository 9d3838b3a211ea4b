"""One turn of the endless loop, counted.

The ``while`` stands in the implementation, because it is what people come to read::

    body = LoopBody("/cooperative")
    while body.running:
        body.step()
        await asyncio.sleep(0)

Without a ledger in the environment the loop is plain and endless, and touches no file.
"""

from __future__ import annotations

import inspect
import os
import random
import threading

from asgi_liveness.inside.ledger import Ledger


class LoopFailure(Exception):
    """What a loop raises when it is made to fail from outside."""


class LoopBody:
    """The body of one endless loop. Make a new one for every loop that you start.

    *route* is the path that runs the loop, at most 32 bytes of UTF-8.

    Raises ``LedgerError`` where the environment names a ledger that cannot be opened or is full.
    """

    def __init__(self, route: str) -> None:
        self.route = route
        self.steps = 0
        """How many steps this body has made."""
        self._stopped = False
        self._ledger = Ledger.from_environment()
        if self._ledger is not None:
            self._generation = self._ledger.generation
            self._failures = self._ledger.failures
            self._slot = self._ledger.take_slot(route, _caller())

    @property
    def running(self) -> bool:
        """False after ``stop()``, or once the ledger's stop flag was set from outside."""
        if self._ledger is None:
            return not self._stopped
        if self._stopped or self._ledger.generation != self._generation:
            self._ledger.stamp_end(self._slot)
            return False
        return True

    def step(self) -> None:
        """Make one turn of work: print a random number, as people's loops do, and count it.

        Raises ``LoopFailure`` where the runner wants to see what becomes of an exception.
        """
        print({self.route: random.randint(0, 10)})  # noqa: S311 (it is the loop people write)
        self.steps += 1
        if self._ledger is not None:
            if self.steps == 1:
                self._ledger.stamp_thread(self._slot, threading.get_native_id())
            self._ledger.store_steps(self._slot, self.steps)
            if self._ledger.failures != self._failures:
                self._ledger.stamp_end(self._slot)
                raise LoopFailure(f"the loop of {self.route} was made to fail from outside")

    def stop(self) -> None:
        """End this loop at its next look at ``running``."""
        self._stopped = True

    def __del__(self) -> None:
        """A body that nobody holds has ended: the coroutine that ran it was cancelled."""
        if getattr(self, "_slot", None) is not None and self._ledger is not None:
            self._ledger.stamp_end(self._slot)


def _caller() -> str:
    """Where the body was made, as ``file:line``, relative to the current directory if below it."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    if frame is None:
        return ""
    path = os.path.relpath(frame.f_code.co_filename)
    if path.startswith(os.pardir):
        path = frame.f_code.co_filename
    return f"{path}:{frame.f_lineno}"
