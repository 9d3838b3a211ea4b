"""Measure how long `check` takes: to the culprit of an endless loop, and for each live route.

``nox -s culprit -- 5`` checks ``examples.hanging:app`` five times, and takes from each time that of
the app's own start: from its command to its first response. Then it checks an app with ten live
routes by ``--openapi``: each costs its window and the start of a fresh app, which overlaps.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import choose_servers
from tools.comparison import ROOT
from tools.tool import run_tool

HANGING: Final = "examples.hanging:app"
CULPRIT: Final = "hanging.py:12 in report()"
ALL_LIVE: Final = "left the app live"
GOALS: Final = (3.0, 0.3)
"""Seconds: to the culprit beyond the app's own start, and for a live route beyond its window."""
WINDOW: Final = 2.0  # seconds for which a live route is watched here
LIMIT: Final = "600"  # seconds for one check
LIVE: Final = """\
from fastapi import FastAPI

app = FastAPI()
for number in range({routes}):

    @app.get(f"/{{number}}")
    async def route() -> None: ...
"""


def main() -> int:
    """Print both figures with their goals; return 1 if one is missed."""
    parser = argparse.ArgumentParser(prog="nox -s culprit --", description=__doc__)
    parser.add_argument("runs", type=int, nargs="?", default=5)
    parser.add_argument("--routes", type=int, default=10, help="live routes, 20 at most")
    args = parser.parse_args()
    beyond = []
    for run in range(1, args.runs + 1):
        start = own_start(HANGING, ROOT)
        took = checked(ROOT, HANGING, "--during", "GET /report", shows=CULPRIT)
        beyond.append(took - start)
        print(f"{run:>3}: {took:.2f} s to the culprit, {start:.2f} s of them the app's own start")
    extra = live_routes(args.routes)
    figures = (median(beyond), extra)
    names = ("to the culprit, beyond the app's own start", "for a live route, beyond its window")
    for name, figure, goal in zip(names, figures, GOALS, strict=True):
        print(f"{name}: {figure:.2f} s (goal: at most {goal} s)")
    return int(any(figure > goal for figure, goal in zip(figures, GOALS, strict=True)))


def own_start(target: str, folder: Path) -> float:
    """Return the seconds from a server's start to its first response."""
    server = Server(choose_servers(["uvicorn"])[0], target, app_dir=str(folder))
    began = time.monotonic()
    with server:
        asyncio.run(server.ready())
        return time.monotonic() - began


def checked(folder: Path, *words: str, shows: str) -> float:
    """Return the seconds after which a check prints the line with the text *shows*."""
    began, screen = time.monotonic(), []
    command = ("timeout", LIMIT, sys.executable, "-m", "asgi_liveness", "check", *words)
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as check:
        assert check.stdout
        for line in check.stdout:
            screen.append(line)
            if shows in line:
                took = time.monotonic() - began
                check.communicate()
                return took
    raise SystemExit(f"{' '.join(words)} did not print {shows!r}:\n{''.join(screen)}")


def live_routes(routes: int) -> float:
    """Return the seconds that each of several live routes takes beyond its window."""
    took = []
    for number in (1, routes + 1):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "live.py").write_text(LIVE.format(routes=number))
            words = ("live:app", "--openapi", "--duration", f"{WINDOW}s")
            took.append(checked(Path(folder), *words, shows=ALL_LIVE))
    return (took[1] - took[0]) / routes - WINDOW


if __name__ == "__main__":
    run_tool(main)
