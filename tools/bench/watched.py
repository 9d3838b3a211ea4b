"""Stall an app under ``watch``: is each line on the screen, is it right, and how soon?

``nox -s watched -- 20`` makes twenty stalls of each length on each event loop, and reads what the
command prints on standard error. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import httpx

from tools.comparison import ROOT
from tools.marks import marks
from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

SOURCE: Final = Path("tools/apps/stalling.py")
KINDS: Final = ("compute", "sleep")
LENGTHS: Final = (250, 1000)  # milliseconds
LIMIT: Final = 0.2  # seconds: the default of --max-stall
GOAL: Final = 0.95  # the part of the stalls of each length that must be named
LATEST: Final = 0.5  # seconds from the limit to the line on the screen
REST: Final = 1.2  # seconds between two stalls; a culprit has one line a second
RESPONSE: Final = 30.0  # seconds for a response, and for the start and the end of the server
STALLED: Final = re.compile(r"stalled \d\d:\d\d:\d\d .*")
CULPRIT: Final = re.compile(r"(\w+\.py):(\d+) in (\w+)\(\)")
SERVES: Final = re.compile(r"Uvicorn running on (http://\S+)")


@dataclass
class Told:
    """A line about a stall, and when it was read."""

    at: float
    text: str

    @property
    def culprit(self) -> tuple[str, int] | None:
        """The file and the line that it names."""
        found = CULPRIT.search(self.text)
        return (found[1], int(found[2])) if found else None

    @property
    def goes_on(self) -> bool:
        """Whether it was told while the event loop was blocked."""
        return " s so far " in self.text


@dataclass
class Results:
    """The stalls of one length. Times in seconds."""

    stalls: int = 0
    named: int = 0
    """Stalls with a line that names the right culprit."""
    early: int = 0
    """Stalls whose right line was told while they went on."""
    delays: list[float] = field(default_factory=list)
    """From the limit to the first line with the right culprit."""
    first: list[float] = field(default_factory=list)
    """From the limit to the first line, with a culprit or without."""
    unnamed: list[str] = field(default_factory=list)
    """What was told of the other stalls."""
    wrong: list[str] = field(default_factory=list)

    def add(self, sent: float, told: Collection[Told], lines: Collection[int]) -> None:
        """Count a stall that was *sent*, with what was *told* until the next; *lines* are right."""
        right = [each for each in told if each.culprit in {(SOURCE.name, line) for line in lines}]
        self.stalls += 1
        self.named += bool(right)
        self.early += any(each.goes_on for each in right)
        self.delays += [each.at - sent - LIMIT for each in right[:1]]
        self.first += [each.at - sent - LIMIT for each in list(told)[:1]]
        self.unnamed += [] if right else [" / ".join(each.text for each in told) or "nothing"]
        self.wrong += [each.text for each in told if each.culprit and each not in right]

    @property
    def well(self) -> bool:
        """Whether the goals are reached."""
        is_named = self.named >= math.ceil(GOAL * self.stalls) > 0
        return is_named and not self.wrong and max(self.delays) <= LATEST

    def __str__(self) -> str:
        after = "; no line"
        if self.delays:
            after = (
                f"; the line came {statistics.median(self.delays):.2f} s after the limit by the "
                f"median, {max(self.delays):.2f} s at worst (the first line, with a culprit or "
                f"without: {max(self.first):.2f} s)"
            )
        rest = [*(f"wrong: {line}" for line in self.wrong)]
        rest += [f"unnamed: {line}" for line in self.unnamed]
        counts = f"{self.named} of {self.stalls} named, {self.early} while it blocked{after}"
        return "\n  ".join([f"{counts}; {len(self.wrong)} wrong", *rest])


class Screen:
    """What a watch prints, line by line, read in a thread."""

    def __init__(self, output: IO[bytes]) -> None:
        self.told: list[Told] = []
        self.url = ""
        self.serves = threading.Event()
        self._output = output
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._output:
            text = line.decode(errors="replace")
            if found := STALLED.search(text):
                self.told.append(Told(time.monotonic(), found[0]))
            if found := SERVES.search(text):
                self.url = found[1]
                self.serves.set()


@contextlib.contextmanager
def watched(loop: str) -> Iterator[Screen]:
    """Watch a server with an event loop, until the end of the block."""
    server = ("-m", "uvicorn", "--port", "0", "--loop", loop, "tools.apps.stalling:app")
    process = subprocess.Popen(
        [sys.executable, "-m", "asgi_liveness", "watch", "--", sys.executable, *server],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={name: text for name, text in os.environ.items() if name != "FORCE_COLOR"},
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        yield Screen(process.stderr)
        process.send_signal(signal.SIGTERM)
        process.wait(RESPONSE)
    finally:
        process.kill()  # the server ends with it
        process.wait()


def measure(loop: str, count: int) -> dict[int, Results]:
    """Stall the app *count* times for each length, in one way and the other by turns."""
    right = {mark.request: mark.lines for mark in marks((ROOT / SOURCE).read_text())}
    found = {length: Results() for length in LENGTHS}
    with watched(loop) as screen:
        if not screen.serves.wait(RESPONSE):
            sys.exit(f"the server did not start within {RESPONSE:g} s")
        with httpx.Client(base_url=screen.url, timeout=RESPONSE, trust_env=False) as client:
            client.get("/hello").raise_for_status()
            time.sleep(REST)
            for number in range(count * len(LENGTHS)):
                length, kind = LENGTHS[number % len(LENGTHS)], KINDS[number // 2 % len(KINDS)]
                screen.told.clear()
                sent = time.monotonic()
                client.get(f"/{kind}?ms={length}").raise_for_status()
                time.sleep(REST)
                found[length].add(sent, list(screen.told), right[f"GET /{kind}"])
    return found


def main() -> int:
    """Measure each length on each event loop; return 0 if each reaches the goals."""
    parser = argparse.ArgumentParser(prog="nox -s watched --", description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=20, help="stalls of a length (20)")
    parser.add_argument("--loop", action="append", choices=("asyncio", "uvloop"))
    args = parser.parse_args()
    well = True
    for loop in args.loop or ("asyncio", "uvloop"):
        for length, results in measure(loop, args.count).items():
            print(f"{loop} {length} ms: {results}", flush=True)
            well = well and results.well
    if not well:
        print(
            f"the goals are missed: {GOAL:.0%} named, none wrong, and each line at most "
            f"{LATEST:g} s after the limit"
        )
    return 0 if well else 1


if __name__ == "__main__":
    run_tool(main)
