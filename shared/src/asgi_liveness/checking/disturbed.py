"""Whether another copy of the app may have caused what a window shows.

The rule: a line that computes is the app's own doing. One that waits may wait for the other copy,
which may also end the app, or break what its requests need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.report import Verdict
from asgi_liveness.stalls.stalls import stalls

if TYPE_CHECKING:
    from asgi_liveness.checking.observation import CheckObservation
    from asgi_liveness.checking.report import WindowReport
    from asgi_liveness.stalls.criteria import Criteria
    from asgi_liveness.stalls.stalls import Stall

_MOSTLY: Final = 0.5  # the part of a stall for which the app's process must have computed
_ERROR: Final = 500  # the least status of a response that says that the app failed


def may_be_disturbed(
    observation: CheckObservation, route: WindowReport, criteria: Criteria
) -> bool:
    """Whether another copy that ran meanwhile may be the reason for the verdict of *route*."""
    if waits(observation, criteria):
        return True
    if route.verdict is Verdict.LIVE:
        responses = [call.response for call in observation.calls if call.response]
        return any(response.error or response.status >= _ERROR for response in responses)
    return route.verdict not in (Verdict.STALLED, Verdict.IDLE_STALLED)


def waits(observation: CheckObservation, criteria: Criteria) -> bool:
    """Whether the event loop stalled where the process waits, perhaps for another copy."""
    return not all(map(_computes, stalls(observation, criteria)))


def _computes(stall: Stall) -> bool:
    """Whether the process computed; false where the system does not count."""
    return stall.ran is not None and stall.ran + stall.others > _MOSTLY
