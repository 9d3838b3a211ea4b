"""Check applications that nobody here wrote: do their verdicts come out as expected?

``nox -s strangers -- datasette django``: those two; all of them if none is named.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from asgi_liveness.checking.report import Verdict
from tools.strangers.applications import STRANGERS, Asked, Stranger

BIN: Final = Path(sys.executable).parent
ENVIRONMENT: Final = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
LIMIT: Final = 120.0  # seconds for one of them


def check(stranger: Stranger, folder: Path) -> dict[str, Any] | str:
    """Check it in *folder*; return the report, or why there is none."""
    if stranger.prepare is not None:
        stranger.prepare(folder)
    arguments = [part for one in stranger.asked for part in ("--during", one.request)]
    arguments += ["--probe", stranger.probe, "--report", "json=report.json", "--duration", "1s"]
    arguments += [*stranger.options, *stranger.start.split()]
    done = subprocess.run(
        [sys.executable, "-m", "asgi_liveness", "check", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    if done.returncode == 2:  # noqa: PLR2004 (it could not be run)
        return done.stderr.strip()
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def problem(asked: Asked, route: dict[str, Any]) -> str:
    """Say what is not as expected, or "" if all is."""
    if route["verdict"] != asked.verdict:
        return f"not {asked.verdict}; {route['because'] or 'for no reason given'}"
    return "" if asked.blamed in place(route) else f"not in {asked.blamed}"


def place(route: dict[str, Any]) -> str:
    """Return the line that is blamed, or "" if none is."""
    culprit = route["culprit"]
    return f"{culprit['file']}:{culprit['line']}" if culprit else ""


def show(stranger: Stranger, report: dict[str, Any] | str) -> bool:
    """Print a line for each window; return whether all is as expected."""
    if isinstance(report, str):
        print(f"  WRONG  {report}", flush=True)
        return False
    at_rest = Asked("at rest", Verdict.LIVE, "nothing is asked for")
    right = True
    for asked, route in zip((at_rest, *stranger.asked), report["routes"], strict=True):
        wrong = problem(asked, route)
        right = right and not wrong
        print(
            f"  {'WRONG' if wrong else 'ok':<5}  {asked.request.partition('?')[0]}: "
            f"{' at '.join(filter(None, (route['verdict'], place(route))))} ({wrong or asked.why})",
            flush=True,
        )
    return right


def main() -> int:
    """Check them one by one; return 0 if all is as expected."""
    names = [stranger.distribution for stranger in STRANGERS]
    parser = argparse.ArgumentParser(prog="nox -s strangers --", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"of {', '.join(names)}; default: all")
    args = parser.parse_args()
    if unknown := set(args.name) - set(names):
        parser.error(f"nothing is called {min(unknown)!r}")
    chosen = [one for one in STRANGERS if one.distribution in (args.name or names)]
    right = 0
    for stranger in chosen:
        name = stranger.distribution
        print(f"{name} {version(name)} ({stranger.framework}): {stranger.start}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            right += show(stranger, check(stranger, Path(folder)))
        print(f"         {time.monotonic() - began:.1f} s", flush=True)
    print(f"{right} of {len(chosen)} as expected")
    return 0 if right == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
