"""The goals of ``Pace``, and what bounds each."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Final

from tools.bench.loops import NUMBERS

if TYPE_CHECKING:
    from tools.bench.goals import Goals

WAY: Final = "Pace 1 ms"
SPELLINGS: Final = (WAY, "slices 1 ms")
SLICE: Final = 1.0  # ms
SPEED_GOALS: Final = {1: 0.97, 1000: 0.95}  # parts of the bare loop's speed, by number of loops
AWAIT_GOAL: Final = 0.98  # the part of the speed of the loop that awaits nothing
WAIT_GOALS: Final = {"p50": 1, "p99": 3}  # slices
GROWTH_GOAL: Final = 1.5  # times the wait with one loop
SHARE_GOAL: Final = 0.05  # the part of their speed without load
RATE_GOAL: Final = 0.9  # the part of the requests a second without loops
FAIR_GOALS: Final = (0.8, 1.2)  # fair shares

Found = dict[tuple[str, int], list[float]]
"""Numbers by their name and the number of loops: one of each round."""


def judge(found: Found, goals: Goals) -> None:
    """Compare the medians of all rounds with the goals."""
    of = {key: statistics.median(values) for key, values in found.items()}
    passes, nothing = of["only passes of bare", 1], of["await nothing of bare", 1]
    for number, limit in SPEED_GOALS.items():
        goals.add(
            f"speed of {number} by slices, of the bare loop's",
            of["slices 1 ms of bare", number],
            limit,
            least=True,
            bound="the passes of the event loop alone leave",
            measured=passes,
        )
    goals.add("speed of one that only makes their passes", passes, None, least=True)
    goals.add(
        "speed of 1 by awaits, of one that awaits nothing",
        of[f"{WAY} of await nothing", 1],
        AWAIT_GOAL,
        least=True,
        bound="the passes of the event loop alone leave",
        measured=passes,
    )
    goals.add("speed of one that awaits nothing, of the bare loop's", nothing, None, least=True)
    goals.add(
        "speed of 1000 by awaits, of the bare loop's", of[f"{WAY} of bare", 1000], None, least=True
    )
    goals.add(
        "speed of the bare loop, of itself a second apart", of["bare of bare", 1], None, least=True
    )
    judge_waits(found, of, goals)
    fair = "50 slices a loop were measured, and one more or less is 0.02"
    goals.add(
        "fewest steps of 100, in fair shares",
        of["least", 100],
        FAIR_GOALS[0],
        least=True,
        bound=fair,
    )
    goals.add("most steps of 100, in fair shares", of["most", 100], FAIR_GOALS[1], bound=fair)
    goals.add(
        "speed of 10 under load, as a part of that without",
        of["share", 10],
        SHARE_GOAL,
        least=True,
        bound=f"they get {SHARE_GOAL} of the time",
    )
    words = "speed of 10 under load, as a part of the bare loop's"
    goals.add(words, of["share of bare", 10], None, least=True)
    goals.add(
        "requests with 10, as a part of those without",
        of["requests", 10],
        RATE_GOAL,
        least=True,
        bound=f"the loops' share leaves {1 - SHARE_GOAL}",
    )


def judge_waits(found: Found, of: dict[tuple[str, int], float], goals: Goals) -> None:
    """Compare the waits of probes, with the spelling in which they are longer."""
    for name, limit in WAIT_GOALS.items():
        idle = [wait for number in NUMBERS for wait in found[f"idle {name}", number]]
        for number in NUMBERS:
            longer = max(of[f"{way} {name}", number] for way in SPELLINGS)
            goals.add(
                f"{name} with {number}, more than without, in slices",
                (longer - of[f"idle {name}", number]) / SLICE,
                limit,
                bound="the waits without loops differ by",
                measured=(max(idle) - min(idle)) / SLICE,
            )
    goals.add(
        "p50 with 1000, as a multiple of that with 1",
        max(of[f"{way} p50", NUMBERS[-1]] / of[f"{way} p50", 1] for way in SPELLINGS),
        GROWTH_GOAL,
        bound="the p50 with 1, in ms, is only",
        measured=min(of[f"{way} p50", 1] for way in SPELLINGS),
    )
