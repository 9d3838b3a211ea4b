"""Whether the line of a stall that goes on is certain: what may still come does not change it.

The rule: early only where a whole window would name the same line. So the stall has lasted for
longer than what is left of the window: then it stays the longest one, and no later call can show
that it was the first call's alone. Its samples are all in the same functions, and stay most of them
whatever else its callers may do. Pure, but for the culprit's source.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls import stack
from asgi_liveness.stalls.cause import computes
from asgi_liveness.stalls.line import line
from asgi_liveness.stalls.stalls import samples_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asgi_liveness.stalls.criteria import Criteria
    from asgi_liveness.stalls.stalls import Stall

_ENOUGH: Final = 10  # samples in the same functions
_SEVERAL: Final = 5  # times the limit that the stall has lasted


def is_certain(stall: Stall, left: float, criteria: Criteria) -> bool:
    """Whether the next *left* seconds cannot change the line of *stall*."""
    lasts = stall.goes_on and stall.length > max(left, _SEVERAL * criteria.max_stall)
    if not lasts or stall.imports or len(stall.samples) < _ENOUGH:
        return False
    stacks = [sample.stack for sample in stall.samples]
    ran, held = computes(stall), stall.gil_held
    ways = {_functions(each, criteria.package, ran=ran) for each in stacks}
    more = math.ceil(left / samples_apart(criteria.max_stall))

    def shown(further: Sequence[Sequence[Frame]] = ()) -> tuple[str, str] | None:
        found = line([*stacks, *further], criteria.package, ran=ran, held=held)
        return (found.frame.file, found.frame.function) if found else None

    return (
        len(ways) == 1
        and shown() is not None
        and all(
            shown([later] * more) == shown()
            for later in _later(stacks[-1], criteria.package, ran=ran)
        )
    )


def _functions(each: Sequence[Frame], package: str, *, ran: bool) -> tuple[tuple[str, str], ...]:
    """Return the functions that may be to blame, the outermost first."""
    frames = stack.callback(each)
    return tuple(
        (frames[index].file, frames[index].function)
        for index in stack.blamed(each, package, ran=ran)
    )


def _later(each: Sequence[Frame], package: str, *, ran: bool) -> list[Sequence[Frame]]:
    """Return the stacks that may come: of each caller alone, and of another function it calls."""
    callers = [each[index:] for index in stack.blamed(each, package, ran=ran)[:-1]]
    return [*callers, *((Frame(caller[0].file, 0, ""), *caller) for caller in callers)]
