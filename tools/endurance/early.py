"""Check every app of the corpus early and whole: do both name the same verdict and line?

``nox -s early -- 5`` does so five times. Early windows are closed as soon as their verdict is
certain; whole ones (``--no-early``) last for their duration. Two checks run at a time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from asgi_liveness.stalls import stack
from tools.comparison import ROOT
from tools.marks import IDLE, marks
from tools.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

CORPUS: Final = ROOT / "tests" / "corpus"
DURATION: Final = "2.5s"  # of a window: an endless stall is certain after half of it
INTERRUPTED: Final = 130  # the exit code of a check after Ctrl+C
LIMIT: Final = 300.0  # seconds for one check, with all requests of its app


@dataclass(frozen=True)
class Check:
    """The words of a check, and where its app is."""

    name: str
    folder: Path
    words: tuple[str, ...]

    def routes(self, *further: str) -> dict[str, dict[str, Any]]:
        """Run the check; return the rows of its report by their requests."""
        with tempfile.TemporaryDirectory() as made:
            report, body = Path(made) / "report.json", Path(made) / "body.json"
            body.write_text(json.dumps([{"word": f"Word {n}", "page": n} for n in range(400_000)]))
            given = (word.replace("{body}", str(body)) for word in self.words)
            command = ("-m", "asgi_liveness", "check", "--report", f"json={report}", *further)
            done = subprocess.run(
                [sys.executable, *command, *given],
                cwd=self.folder,
                capture_output=True,
                text=True,
                timeout=LIMIT,
                check=False,
                env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            )
            if not report.exists() or done.returncode == INTERRUPTED:
                raise SystemExit(f"{self.name} has no report:\n{done.stdout}{done.stderr}")
            rows = json.loads(report.read_text())["routes"]
        return {row["during"] or IDLE: row for row in rows}

    def differences(self) -> tuple[int, int, list[str]]:
        """Return how many requests were checked and closed early, and what differs."""
        early, whole = self.routes(), self.routes("--no-early")
        closed = sum(map(was_closed, early.values()))
        found = [
            f"{self.name} {request}: {shown(row)} early, {shown(whole[request])} whole"
            for request, row in early.items()
            if not self._agree(row, whole[request])
        ]
        return len(early), closed, found

    def _agree(self, row: dict[str, Any], other: dict[str, Any]) -> bool:
        """Whether two rows have the same verdict, and the same line up to chance.

        All lines with one mark are one, and so are all lines of a function of a library: which of
        them most samples show differs from run to run. So does the function, where one calls
        itself over many others; two whole windows show that as well. A window that was not closed
        is a whole one, so the library is what it must have in common with another.
        """
        exact = was_closed(row)
        places = (self._place(each, exact=exact) for each in (row, other))
        return row["verdict"] == other["verdict"] and len(set(places)) == 1

    def _place(self, row: dict[str, Any], *, exact: bool) -> tuple[str, object]:
        """Return where the culprit is: the file and its mark or line, or a library's function.

        If it need not be *exact*, it is the library alone.
        """
        culprit = row["culprit"]
        if not culprit:
            return "", 0
        path = self.folder / culprit["file"]
        if not path.resolve().is_relative_to(CORPUS):
            package = stack.installed(culprit["file"])
            return (culprit["file"], culprit["function"]) if exact or not package else (package, "")
        line = path.read_text().splitlines()[culprit["line"] - 1]
        return culprit["file"], line.partition("  # ")[2] or culprit["line"]


def was_closed(row: dict[str, Any]) -> bool:
    """Whether the window of a row was closed early."""
    return any("was certain" in note for note in row["notes"])


def shown(row: dict[str, Any]) -> str:
    """Return the verdict of a row, and its line."""
    culprit = row["culprit"]
    return f"{row['verdict']} at {culprit['file']}:{culprit['line']}" if culprit else row["verdict"]


def checks() -> list[Check]:
    """Return the checks of the apps with marked lines, and of those rebuilt from reports."""
    found = []
    for path in sorted((CORPUS / "apps").glob("*.py")):
        marked = marks(path.read_text())
        requests = [mark.request for mark in marked if mark.request != IDLE]
        during = [word for request in requests for word in ("--during", request)]
        words = (f"tests.corpus.apps.{path.stem}:app", "--probe", "/healthz", *during)
        if marked:  # the others are parts of an app
            found.append(Check(path.stem, ROOT, (*words, "--duration", DURATION)))
    folder = CORPUS / "reports"
    for name, case in tomllib.loads((folder / "cases.toml").read_text()).items():
        given = {
            "app": f"{name}:app",
            "file": str(folder / f"{name}.py"),
            "module": name,
            "folder": str(folder),
            "body": "{body}",
            "port": "{port}",
        }
        words = tuple(word.format(**given) for word in case["command"])
        found.append(Check(name, folder, words))
    return found


def two_at_a_time(chosen: list[Check]) -> Iterator[tuple[int, int, list[str]]]:
    """Yield what each check found, in their order; Ctrl+C ends those that run."""
    with ThreadPoolExecutor(2) as pool:
        try:
            yield from pool.map(Check.differences, chosen)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for check in psutil.Process().children():
                check.send_signal(signal.SIGINT)
            raise


def main() -> int:
    """Print a line for each run, and what differs; return 1 if anything does."""
    parser = argparse.ArgumentParser(prog="nox -s early --", description=__doc__)
    parser.add_argument("runs", type=int, nargs="?", default=1)
    parser.add_argument("-k", metavar="TEXT", default="", help="only apps with TEXT in their name")
    args = parser.parse_args()
    chosen, different = [check for check in checks() if args.k in check.name], 0
    if not chosen:
        parser.error(f"no app has {args.k!r} in its name")
    for run in range(1, args.runs + 1):
        began, windows, closed, differ = time.monotonic(), 0, 0, 0
        for watched, early, found in two_at_a_time(chosen):
            print(*found, sep="\n", end="\n" * bool(found), flush=True)
            windows, closed, differ = windows + watched, closed + early, differ + len(found)
        counts = f"{windows} windows, {closed} closed early, {differ} differ"
        print(f"{run:>3}: {counts} ({time.monotonic() - began:.0f} s)", flush=True)
        different += differ
    return 1 if different else 0


if __name__ == "__main__":
    run_tool(main)
