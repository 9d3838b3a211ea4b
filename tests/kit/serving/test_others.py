"""How much of the machine other processes use."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from asgi_liveness.serving.others import Use, use, used

BUSY = "print(flush=True)\nwhile True: pass"


@contextmanager
def busy() -> Iterator[int]:
    """A process that computes."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def test_others_are_what_is_not_our_own() -> None:
    before, after = Use(10.0, 100.0, 5.0), Use(12.0, 103.0, 6.0)
    assert after.others(before) == 1.0
    assert Use(12.0, 100.5, 6.0).others(before) == 0.0


@pytest.mark.parametrize("ours", [True, False])
def test_a_process_is_ours_or_one_of_the_others(*, ours: bool) -> None:
    with busy() as process:
        own = [process] if ours else []
        before = use(own)
        time.sleep(0.5)
        after = use(own)
    assert after.own - before.own > 0.1 if ours else after.others(before) > 0.1


def test_a_process_that_has_ended_used_nothing() -> None:
    with busy() as process:
        pass
    assert used(process) == 0.0
    assert used(os.getpid()) > 0.0
