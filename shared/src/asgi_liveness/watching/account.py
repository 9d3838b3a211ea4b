"""Which stalls of a watch are reported, and which are over. Pure: the clock is an argument.

The rule: a stall is reported while it goes on, as soon as its line is known, and again at its end.
Of stalls with the same culprit one a second is reported, and all are counted.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.watching.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from asgi_liveness.stalls.stalls import Stall
    from asgi_liveness.watching.named_stall import NamedStall

    Key = tuple[int, int, float]
    """What identifies a stall: its process, its event loop, and the last beat before it."""

_LINE_LIMIT: Final = 0.25
"""Seconds beyond the limit for which a stall may wait for its line. Then it is reported without."""
_AGAIN: Final = 1.0
"""Seconds between two lines about the same culprit."""
_LOST: Final = 3.0
"""Seconds after which a stall that is not known any more is over, if nobody wrote its end: its loop
stopped without a further beat, or the disk was full."""
_KEPT: Final = 60.0
"""Seconds for which a stall that is over is known; its lines are forgotten before."""


@dataclass
class Account:
    """The stalls of a watch. *name* makes a stall one that people read."""

    max_stall: float
    name: Callable[[Stall], NamedStall]
    tally: Tally = field(default_factory=Tally)
    _going: dict[Key, Stall] = field(default_factory=dict)
    _reported: dict[Key, bool] = field(default_factory=dict)
    """The stalls that go on and could be reported, and whether each was."""
    _over: dict[Key, float] = field(default_factory=dict)
    """When each was found to be over."""
    _last: dict[tuple[str, str, int], float] = field(default_factory=dict)

    @property
    def first_began(self) -> float | None:
        """When the first stall that goes on began; None if none does."""
        return min((stall.began for stall in self._going.values()), default=None)

    @property
    def so_far(self) -> Tally:
        """All stalls by culprit, those that go on as well."""
        tally = copy.deepcopy(self.tally)
        for stall in self._going.values():
            tally.add(self.name(stall))
        return tally

    @property
    def stalled(self) -> set[int]:
        """The processes in which a stall goes on."""
        return {stall.process for stall in self._going.values()}

    def look(
        self,
        stalls: Sequence[Stall],
        now: float,
        *,
        ended: Collection[int] = (),
        is_end: bool = False,
    ) -> Iterator[tuple[NamedStall, int, bool]]:
        """Take the *stalls* that are known *now*; at the *is_end* of a watch none goes on.

        A process in *ended* takes its stall with it. Any other that is not known any more is over,
        and its end will be known in a moment, or never.

        Yield each that is to be reported or has ended: with how many of the same culprit were over
        before, and whether it is to be reported.
        """
        known = {_key(stall): stall for stall in stalls}
        gone = [
            stall
            for key, stall in self._going.items()
            if key not in known
            and (stall.process in ended or is_end or now - stall.began - stall.length > _LOST)
        ]
        for stall in [*gone, *stalls]:
            key = _key(stall)
            if key in self._over:
                continue
            if stall.goes_on and key in known and not is_end:
                self._going[key] = stall
                if self._is_ready(stall, key):
                    found = self.name(stall)
                    self._reported[key] = self._is_due(found, now)
                    yield found, self.tally.times(found), self._reported[key]
                continue
            found = replace(self.name(stall), goes_on=False)
            times = self.tally.times(found)
            self.tally.add(found)
            yield found, times, self._reported.pop(key, False) or self._is_due(found, now)
            self._over[key] = now
            self._going.pop(key, None)
        self._over = {key: at for key, at in self._over.items() if now - at < _KEPT}
        self._last = {group: at for group, at in self._last.items() if now - at < _AGAIN}

    def _is_ready(self, stall: Stall, key: Key) -> bool:
        """Whether a stall that goes on can be reported."""
        waited = stall.length > self.max_stall + _LINE_LIMIT
        return key not in self._reported and (stall.line is not None or waited)

    def _is_due(self, stall: NamedStall, now: float) -> bool:
        """Whether no line about the same culprit was reported within the last second."""
        if now - self._last.get(stall.group, -_AGAIN) < _AGAIN:
            return False
        self._last[stall.group] = now
        return True


def _key(stall: Stall) -> Key:
    return stall.process, stall.slot, stall.began
