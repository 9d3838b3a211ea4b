"""The notes on a window: what its calls, its probes and the workers did, besides the verdict."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.call import still_open
from asgi_liveness.stalls.culprit import where

if TYPE_CHECKING:
    from asgi_liveness.checking.observation import CheckObservation
    from asgi_liveness.stalls.stalls import Stall

_HINTS: Final = {
    429: ": the app limits the rate of requests; exempt this path, or name another with --probe",
    503: ": the app says that it is overloaded or not ready, and a liveness probe would fail",
}
"""What the status of a probe means, and what to do."""


def on_calls(
    call: str, observation: CheckObservation, cold: list[Stall], *, live: bool
) -> list[str]:
    """Return notes on the calls: cold stalls, a first call that did not end, and failures."""
    notes = []
    if cold:
        worst = max(cold, key=lambda stall: stall.length)
        at = f" at {where(worst.frame)}" if worst.frame else ""
        notes.append(
            f"the first call was cold: the event loop was silent for {worst.length * 1000:.0f} ms"
            f"{at}, and not in a later call"
        )
    if observation.first_is_open:
        notes.append(still_open(call, observation, live=live))
    responses = [call.response for call in observation.calls if call.response]
    failed = Counter(
        f"failed ({response.error})" if response.error else f"answered {response.status}"
        for response in responses
        if response.error or response.status >= HTTPStatus.BAD_REQUEST
    )
    notes += [f"{call} itself {how}, {n} of {len(responses)} times" for how, n in failed.items()]
    return notes


def on_probes(observation: CheckObservation, idle: CheckObservation | None) -> list[str]:
    """Return a note on the probes that the app refused, unlike the probes of the idle app.

    A prompt response of any status shows that the event loop runs.
    """
    found = Counter(probe.response.status for probe in observation.probes if probe.response)
    known = {probe.response.status for probe in idle.probes if probe.response} if idle else {0}
    return [
        f"{times} of {len(observation.probes)} probes were answered with {status}, which shows "
        f"that the event loop runs{_HINTS.get(status, '')}"
        for status, times in found.items()
        if status >= HTTPStatus.BAD_REQUEST and (status in _HINTS or (idle and status not in known))
    ]


def on_window(observation: CheckObservation) -> tuple[str, ...]:
    """Return notes on the length of a window, on workers that ended, and on probes not sent."""
    found = []
    if observation.times > 1:
        found.append(
            f"a stall went on whose line did not show yet, so the window lasted "
            f"{observation.times} times as long"
        )
    if workers := observation.recycled:
        noun = "worker" if workers == 1 else "workers"
        found.append(f"{workers} {noun} ended (recycled or reloaded), which is no finding")
    if observation.unsent:
        found.append(
            f"{observation.unsent} probes were not sent: as many as the limit on open files allows "
            f"(ulimit -n) were waiting for responses"
        )
    return tuple(found)
