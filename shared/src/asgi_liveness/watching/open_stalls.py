"""Lines of a watcher, as they come -> stalls, each once: when it ends, or goes on for long. Pure.

The rule: a stall is reported once. So what is known of one that goes on is forgotten with its end.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.serving import records
from asgi_liveness.stalls.stalls import LoopRecord, stalls

if TYPE_CHECKING:
    from asgi_liveness.serving.records import Collection, Heartbeat, Sample, StallEnd
    from asgi_liveness.stalls.criteria import Criteria
    from asgi_liveness.stalls.stalls import Stall

    _Key = tuple[int, float]
    """The slot of an event loop, and its last beat before a stall."""

GOES_ON: Final = 1.0
"""Seconds after which a stall is reported that has not ended: it may be endless."""
WITHOUT_LINE: Final = 5.0
"""The same for a stall whose samples do not agree on a line yet."""
_INSTANT: Final = 1e-6
"""Seconds after its end in which a stall is over."""
_MOST_PASSES: Final = 50
"""Passes of the garbage collector to remember: a stall of a second has three or four long ones."""


class OpenStalls:
    """The stalls of one process that have not been reported."""

    def __init__(self, criteria: Criteria) -> None:
        self._criteria = criteria
        self._samples: dict[_Key, list[Sample]] = {}
        self._reported: set[_Key] = set()
        self._collections: deque[Collection] = deque(maxlen=_MOST_PASSES)

    def take(self, line: dict[str, Any], heartbeat: Heartbeat) -> Stall | None:
        """Take a line about the event loop of *heartbeat*; return the stall to report, if any."""
        process, slot = heartbeat.process, heartbeat.slot
        if "collected" in line:
            self._collections.append(records.collection(process, line))
        elif "at" in line:
            return self._sampled(records.sample(process, slot, line), heartbeat)
        elif "began" in line:
            return self._ended(records.end(process, slot, line), heartbeat)
        return None

    def _sampled(self, sample: Sample, heartbeat: Heartbeat) -> Stall | None:
        key = sample.slot, sample.began
        if key in self._reported:
            return None
        self._samples.setdefault(key, []).append(sample)
        lasted = sample.at - sample.began
        if lasted < GOES_ON or heartbeat.beat_at != sample.began:
            return None
        stall = self._judged(key, sample.at, heartbeat)
        if stall is None or not (stall.line or lasted > WITHOUT_LINE):
            return None
        self._reported.add(key)
        del self._samples[key]
        return stall

    def _ended(self, end: StallEnd, heartbeat: Heartbeat) -> Stall | None:
        key = end.slot, end.began
        if key in self._reported:
            self._reported.remove(key)
            return None
        stall = self._judged(key, end.ended, heartbeat, end)
        self._samples.pop(key, None)
        return stall

    def _judged(self, key: _Key, at: float, heartbeat: Heartbeat, *ends: StallEnd) -> Stall | None:
        """Return the stall as it is known at a time, if it is longer than the limit."""
        record = LoopRecord(
            began=key[1],
            ended=at + _INSTANT if ends else at,
            heartbeats=(heartbeat,),
            samples=tuple(self._samples.get(key, ())),
            ends=ends,
            collections=tuple(self._collections),
        )
        found = (stall for stall in stalls(record, self._criteria) if stall.began == key[1])
        return next(found, None)
