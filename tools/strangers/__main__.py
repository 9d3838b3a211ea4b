"""Check applications by other authors, and compare the verdicts with the expected ones.

``nox -s strangers -- datasette django`` checks these two; without a name it checks all.
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
from tools.strangers.applications import STRANGERS, Expected, Stranger
from tools.tool import run_tool

BIN: Final = Path(sys.executable).parent
ENVIRONMENT: Final = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
LIMIT: Final = 120.0  # seconds for one application


def check(stranger: Stranger, folder: Path) -> dict[str, Any] | str:
    """Check *stranger* in *folder*; return the report, or the error."""
    if stranger.prepare is not None:
        stranger.prepare(folder)
    arguments = [part for row in stranger.expected for part in ("--during", row.request)]
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
    if done.returncode == 2:  # noqa: PLR2004 (the check could not run)
        return done.stderr.strip()
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def problem(expected: Expected, route: dict[str, Any]) -> str:
    """Say how the verdict or the culprit differs from the expected one; "" if neither does."""
    if route["verdict"] != expected.verdict:
        return f"not {expected.verdict}; {route['because'] or 'without a reason'}"
    return "" if expected.culprit in culprit_of(route) else f"not in {expected.culprit}"


def culprit_of(route: dict[str, Any]) -> str:
    """Return the culprit's file and line, or "" without a culprit."""
    culprit = route["culprit"]
    return f"{culprit['file']}:{culprit['line']}" if culprit else ""


def show(stranger: Stranger, report: dict[str, Any] | str) -> bool:
    """Print a line for each window; return whether every verdict is the expected one."""
    if isinstance(report, str):
        print(f"  WRONG  {report}", flush=True)
        return False
    idle = Expected("idle", Verdict.LIVE, "no request runs")
    right = True
    for expected, route in zip((idle, *stranger.expected), report["routes"], strict=True):
        wrong = problem(expected, route)
        right = right and not wrong
        print(
            f"  {'WRONG' if wrong else 'ok':<5}  {expected.request.partition('?')[0]}: "
            f"{' at '.join(filter(None, (route['verdict'], culprit_of(route))))} "
            f"({wrong or expected.why})",
            flush=True,
        )
    return right


def main() -> int:
    """Check the applications one by one; return 0 if all verdicts are the expected ones."""
    names = [stranger.distribution for stranger in STRANGERS]
    parser = argparse.ArgumentParser(prog="nox -s strangers --", description=__doc__)
    parser.add_argument("name", nargs="*", help=f"one of {', '.join(names)}; default: all")
    args = parser.parse_args()
    if unknown := set(args.name) - set(names):
        parser.error(f"there is no application {min(unknown)!r}; there are {', '.join(names)}")
    chosen = [row for row in STRANGERS if row.distribution in (args.name or names)]
    right = 0
    for stranger in chosen:
        name = stranger.distribution
        print(f"{name} {version(name)} ({stranger.framework}): {stranger.start}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            right += show(stranger, check(stranger, Path(folder)))
        print(f"         {time.monotonic() - began:.1f} s", flush=True)
    print(f"{right} of {len(chosen)} applications got the expected verdicts")
    return 0 if right == len(chosen) else 1


if __name__ == "__main__":
    run_tool(main)
