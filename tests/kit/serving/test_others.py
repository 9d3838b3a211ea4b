"""How much of the machine other processes use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from asgi_liveness.serving.others import Use, use, used
from tests.waiting import until

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
    before, after = Use(10.0, 100.0, {1: 5.0}), Use(12.0, 103.0, {1: 5.5, 2: 0.5})
    assert after.others(before) == 1.0
    assert Use(12.0, 100.5, {1: 6.0}).others(before) == 0.0


def test_what_a_process_used_before_it_ended_is_not_taken_from_others() -> None:
    before = Use(10.0, 100.0, {1: 5.0, 2: 9.0})
    assert Use(12.0, 103.0, {1: 6.0}).others(before) == 1.0


def test_a_process_is_ours_or_one_of_the_others() -> None:
    with busy() as process:
        with_it, without, began = use([process]), use([]), used(process)
        until(lambda: used(process) > began + 0.1)
        later, later_without = use([process]), use([])
    assert later.others(with_it) < later_without.others(without)


def test_a_process_that_has_ended_used_nothing() -> None:
    with busy() as process:
        pass
    assert used(process) == 0.0
    assert used(os.getpid()) > 0.0
