"""What the kit itself takes: the wall time of a comparison, and how it grows."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from asgi_liveness.serving.servers import SERVERS
from tools.comparison import COMPARISON, FRAMEWORKS, known_differences

LIMIT: Final = 300.0  # seconds


def cost(frameworks: int, servers: int, cases: str, loops: int) -> dict[str, Any]:
    """Run a comparison of so many, and return where its time went, in seconds.

    *loops* is how many the windows of these cases run at once.
    """
    targets = list(FRAMEWORKS.values())[:frameworks]
    kinds = [argument for kind in SERVERS[:servers] for argument in ("--server", kind.name)]
    known = [argument for file in known_differences() for argument in ("--known", str(file))]
    has = ("--has", COMPARISON["remedies"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        kit = (sys.executable, "-m", "asgi_liveness", "run")
        began = time.monotonic()
        subprocess.run(
            [*kit, *targets, *kinds, *known, *has, "-k", cases, "--report", f"json={path}"],
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=LIMIT,
        )
        wall = time.monotonic() - began
        report = json.loads(path.read_text())
    asked = {"frameworks": frameworks, "servers": servers, "cases": cases, "loops": loops}
    return {**asked, "verdicts": len(report["cells"]), "wall": round(wall, 1), **report["seconds"]}


def costs(quick: bool) -> list[dict[str, Any]]:
    """Return the costs of comparisons that grow by one thing at a time."""
    if quick:
        return [cost(1, 1, "LIVE", 1)]
    live = [cost(*size, "LIVE", 1) for size in ((1, 1), (1, 3), (3, 1), (3, 3))]
    return [*live, cost(1, 1, "GIL", 8), cost(1, 1, "POOL", 64)]
