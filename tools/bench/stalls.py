"""Stall an app for some milliseconds, and count the stalls that are found with the right line.

``nox -s stalls -- 40`` makes forty stalls of each kind on each event loop, and watches them as
``check --max-stall 5ms`` does. ``--compute 6 --sleep 6`` tries the shortest. Run it on an idle
machine.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.call import Call
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.served import App
from asgi_liveness.checking.watch import CALLS, CheckWindow, watch
from asgi_liveness.stalls.criteria import Criteria
from asgi_liveness.stalls.stalls import stalls
from tools.marks import marks
from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Collection

    from asgi_liveness.checking.observation import CheckObservation
    from asgi_liveness.probing.response import SentRequest
    from asgi_liveness.stalls.stalls import Stall

TARGET: Final = "tools.apps.stalling:app"
SOURCE: Final = Path("tools/apps/stalling.py")
MAX_STALL: Final = 0.005  # seconds
GOAL: Final = 0.95  # the part of the stalls that must be named
WINDOW: Final = 0.25 * CALLS  # seconds: four calls a second
SETTLE: Final = 0.5  # seconds that the last probes may wait


@dataclass
class Tally:
    """The results for one kind of stall; *lines* are the right culprits."""

    lines: Collection[int]
    stalled: int = 0
    found: int = 0
    named: int = 0
    """Stalls that were found, with one of the lines as the culprit."""
    elsewhere: list[str] = field(default_factory=list)
    """The culprits of stalls that no call made, and the wrong culprits of calls."""
    nameless: int = 0
    """Stalls that no call made, without a culprit."""
    lengths: list[float] = field(default_factory=list)

    def add(self, calls: Collection[SentRequest], found: Collection[Stall]) -> None:
        """Count a window's answered *calls*, and the stalls *found* in it."""
        left = list(found)
        for call in calls:
            during = [stall for stall in found if meet(stall, call)]
            left = [stall for stall in left if stall not in during]
            if call.response is None:  # the window ended first
                continue
            right = [stall for stall in during if self._is_right(stall)]
            self.stalled += 1
            self.found += bool(during)
            self.named += bool(right)
            self.lengths += [stall.length for stall in right[:1]]
            self.elsewhere += [
                f"{frame(stall)}, called" for stall in during if stall.frame and stall not in right
            ]
        self.elsewhere += [f"{frame(stall)}, not called" for stall in left if stall.frame]
        self.nameless += sum(stall.frame is None for stall in left)

    def _is_right(self, stall: Stall) -> bool:
        """Whether *stall* has one of the lines as its culprit."""
        if stall.frame is None:
            return False
        file, line, _ = stall.frame
        return Path(file).name == SOURCE.name and line in self.lines

    @property
    def well(self) -> bool:
        """Whether the goal is reached."""
        return self.named >= math.ceil(GOAL * self.stalled) > 0 and not self.elsewhere

    def __str__(self) -> str:
        length = statistics.median(self.lengths or [0.0]) * 1000
        return (
            f"{self.named} of {self.stalled} named, {self.found} found, {length:.1f} ms by the "
            f"median; wrong culprits: {', '.join(self.elsewhere) or 'none'}; "
            f"{self.nameless} stalls without a call and a line"
        )


def meet(stall: Stall, call: SentRequest) -> bool:
    """Whether a stall and a call overlap."""
    over = call.response.at if call.response else math.inf
    return stall.began < over and call.sent < stall.began + stall.length


def frame(stall: Stall) -> str:
    """Return the culprit of a stall, in words."""
    file, line, function = stall.frame or ("", 0, "")
    return f"{file}:{line} in {function}"


async def measure(loop: str, path: str, count: int, tally: Tally) -> None:
    """Stall the app at least *count* times."""
    options = Options(TARGET, loop=loop, max_stall=MAX_STALL)
    window = CheckWindow(Call("GET", "/hello"), Call("GET", path), WINDOW, SETTLE)
    with App(options) as app:
        await app.wait_until_ready("/hello")
        while tally.stalled < count:
            observation: CheckObservation = await watch(app, window)
            if observation.died:
                sys.exit(f"{TARGET} on {loop} ended; its last log line: {observation.died}")
            tally.add(observation.calls, stalls(observation, Criteria(MAX_STALL)))


def main() -> int:
    """Measure each kind on each event loop; return 0 if each reaches the goal."""
    parser = argparse.ArgumentParser(prog="nox -s stalls --", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=40, help="stalls of each kind (40)")
    parser.add_argument("--compute", type=float, default=20, metavar="MS", help="(20)")
    parser.add_argument("--sleep", type=float, default=10, metavar="MS", help="(10)")
    parser.add_argument("--loop", action="append", choices=("asyncio", "uvloop"))
    args = parser.parse_args()
    lines = {mark.request: mark.lines for mark in marks(SOURCE.read_text())}
    well = True
    for loop in args.loop or ("asyncio", "uvloop"):
        for kind in ("compute", "sleep"):
            tally, ms = Tally(lines[f"GET /{kind}"]), getattr(args, kind)
            asyncio.run(measure(loop, f"/{kind}?ms={ms}", args.count, tally))
            print(f"{loop} {kind} {ms:g} ms: {tally}", flush=True)
            well = well and tally.well
    if not well:
        print(f"the goal is missed: {GOAL:.0%} named, and no wrong culprit")
    return 0 if well else 1


if __name__ == "__main__":
    run_tool(main)
