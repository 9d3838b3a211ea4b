"""Whether the machine was too busy to blame a target for what its windows show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.probing.response import lateness

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.conformance.observation import Observation

LATE_LIMIT: Final = 0.5
"""Seconds that a probe may leave late. With both cores busy, probes left up to 0.25 s late (trial
of the engine)."""
OTHERS_LIMIT: Final = 0.5
"""Processors that other processes may use while a ratio of times is measured, or an idle app does
not respond. On an idle machine they used 0.2 at most (``nox -s steady -- 1 starlette -k GIL``)."""


def too_busy(observations: Sequence[Observation], *, compares_times: bool) -> str:
    """Return what shows that the machine was too busy; "" if nothing does.

    *compares_times*: a case judges a ratio of times. Other processes change it, if its loops ran.
    They may also be why an idle app does not respond.
    """
    late = max((lateness(row.probes) for row in observations), default=0.0)
    if late > LATE_LIMIT:
        return f"a probe left {late * 1000:.0f} ms late"
    is_ratio = compares_times and all(row.kept_running for row in observations)
    disturbed = [row.others for row in observations if is_ratio or _is_silent_idle(row)]
    if max(disturbed, default=0.0) > OTHERS_LIMIT:
        return f"other processes used {max(disturbed):.1f} processors"
    return ""


def _is_silent_idle(row: Observation) -> bool:
    return not row.window.load and any(probe.response is None for probe in row.probes)
