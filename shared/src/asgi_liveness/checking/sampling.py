"""What samples the target of a check: its own watcher and py-spy, or py-spy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgi_liveness.checking.served import Address, serving
from asgi_liveness.stalls.outside import OutsideSampler, outside_of
from asgi_liveness.stalls.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.checking.served import Served


def sampler_of(
    target: Served, probes: Callable[[], float], requests: Callable[[], float]
) -> Sampler | OutsideSampler | None:
    """Return what samples *target*; None for a server of another machine.

    *probes* and *requests* return for how many seconds the oldest without a response has waited,
    of the probes and of all requests.
    """
    if isinstance(target, Address):
        return outside_of(target.port, probes, requests) if target.is_here else None
    return Sampler(target.board, serving(target), probes, target.port) if target.board else None
