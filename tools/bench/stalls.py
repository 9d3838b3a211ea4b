"""Stall an app for some milliseconds, and count: is each stall found, and its own line named?

``nox -s stalls -- 40``: forty stalls of each kind on each event loop, watched by what ``check
--max-stall 5ms`` watches with. How far it sees: ``--compute 6 --sleep 6``. Run it on an idle
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

if TYPE_CHECKING:
    from collections.abc import Collection

    from asgi_liveness.checking.watch import CheckObservation
    from asgi_liveness.probing.response import SentRequest
    from asgi_liveness.stalls.stalls import Stall

TARGET: Final = "tools.apps.stalling:app"
SOURCE: Final = Path("tools/apps/stalling.py")
MAX_STALL: Final = 0.005  # seconds
GOAL: Final = 0.95  # of all stalls
WINDOW: Final = 0.25 * CALLS  # seconds: a call every quarter of one
SETTLE: Final = 0.5  # seconds


@dataclass
class Tally:
    """What became of the stalls of one kind; *lines* are those to name."""

    lines: Collection[int]
    stalled: int = 0
    found: int = 0
    named: int = 0
    """Found, and blamed on one of the lines."""
    elsewhere: list[str] = field(default_factory=list)
    """Where stalls were blamed that were none, or on a line that is not to name."""
    nameless: int = 0
    """Silences of the event loop when nobody had asked it to stall, with no line to blame."""
    lengths: list[float] = field(default_factory=list)

    def add(self, calls: Collection[SentRequest], found: Collection[Stall]) -> None:
        """Count a window's answered *calls*, and the stalls *found* in it."""
        left = list(found)
        for call in calls:
            during = [stall for stall in found if meet(stall, call)]
            left = [stall for stall in left if stall not in during]
            if call.response is None:  # the window ended before it did
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
            f"median; blamed elsewhere: {', '.join(self.elsewhere) or 'nothing'}; "
            f"{self.nameless} silences without a call or a line"
        )


def meet(stall: Stall, call: SentRequest) -> bool:
    """Whether a stall and a call overlap."""
    over = call.response.at if call.response else math.inf
    return stall.began < over and call.sent < stall.began + stall.length


def frame(stall: Stall) -> str:
    """Say where a stall was blamed."""
    file, line, function = stall.frame or ("", 0, "")
    return f"{file}:{line} in {function}"


async def measure(loop: str, path: str, count: int, tally: Tally) -> None:
    """Stall the app *count* times or some more."""
    options = Options(TARGET, loop=loop, max_stall=MAX_STALL)
    window = CheckWindow(Call("GET", "/hello"), Call("GET", path), WINDOW, SETTLE)
    with App(options) as app:
        await app.wait_until_ready("/hello")
        while tally.stalled < count:
            observation: CheckObservation = await watch(app, window)
            if observation.died:
                sys.exit(f"{TARGET} on {loop} ended; its last words: {observation.died}")
            tally.add(observation.calls, stalls(observation, Criteria(MAX_STALL)))


def main() -> int:
    """Measure each kind on each event loop; return 0 if the goal is reached by all."""
    parser = argparse.ArgumentParser(prog="nox -s stalls --", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=40, help="of each (40)")
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
        print(f"the goal is missed: {GOAL:.0%} named, and nothing blamed elsewhere")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
