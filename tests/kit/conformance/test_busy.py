"""Whether the machine was too busy to blame a target."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgi_liveness.conformance.busy import LATE_LIMIT, OTHERS_LIMIT, too_busy
from asgi_liveness.conformance.contract import BLOCKING, IDLE
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.probing.response import Response, SentRequest


def observed(late: float = 0.0, others: float = 0.0, *, ran: bool = True) -> Observation:
    """A window whose only probe left so late, and meanwhile others used so many processors."""
    return Observation(
        window=IDLE,
        judged_at=2.0,
        probes=(SentRequest("/hello", 1.0, 1.0 + late, None),),
        load=(),
        loops=(),
        steps=0,
        kept_running=ran,
        beats=1,
        recovered=True,
        others=others,
    )


def test_an_idle_machine_is_not_too_busy() -> None:
    assert too_busy([observed()], compares_times=True) == ""
    assert too_busy([], compares_times=True) == ""


@pytest.mark.parametrize("compares_times", [True, False])
def test_a_late_probe_shows_a_busy_machine(*, compares_times: bool) -> None:
    rows = [observed(), observed(late=LATE_LIMIT + 0.1)]
    assert too_busy(rows, compares_times=compares_times) == "a probe left 600 ms late"


@pytest.mark.parametrize(
    ("compares_times", "shown"), [(True, "other processes used 0.7 processors"), (False, "")]
)
def test_other_processes_change_a_ratio_of_times(shown: str, *, compares_times: bool) -> None:
    loops = replace(observed(others=OTHERS_LIMIT + 0.2), window=BLOCKING)
    assert too_busy([observed(), loops], compares_times=compares_times) == shown


@pytest.mark.parametrize(
    ("response", "shown"),
    [(None, "other processes used 0.7 processors"), (Response(1.1, 503), "")],
)
def test_an_idle_app_may_be_silent_because_of_other_processes(
    response: Response | None, shown: str
) -> None:
    probe = SentRequest("/hello", 1.0, 1.0, response)
    idle = replace(observed(others=OTHERS_LIMIT + 0.2), probes=(probe,))
    assert too_busy([idle], compares_times=False) == shown
    assert too_busy([replace(idle, window=BLOCKING)], compares_times=False) == ""


def test_loops_that_did_not_run_have_no_ratio() -> None:
    loops = replace(observed(others=OTHERS_LIMIT + 0.2, ran=False), window=BLOCKING)
    rows = [observed(), loops]
    assert too_busy(rows, compares_times=True) == ""
