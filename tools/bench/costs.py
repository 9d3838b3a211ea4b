"""The cost of the kit itself: the wall time of a comparison, and how it grows."""

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

LIMIT: Final = 300.0  # seconds for one comparison


def cost(frameworks: int, servers: int, cases: str, loops: int) -> dict[str, Any]:
    """Run a comparison of this size; return its parts, in seconds.

    *loops* is the number of loops that a window of these cases runs at once.
    """
    targets = list(FRAMEWORKS.values())[:frameworks]
    kinds = [argument for kind in SERVERS[:servers] for argument in ("--server", kind.name)]
    known = [argument for file in known_differences() for argument in ("--known", str(file))]
    has = ("--has", COMPARISON["remedies"], "--worker", COMPARISON["worker"])
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
    size = {"frameworks": frameworks, "servers": servers, "cases": cases, "loops": loops}
    return {**size, "verdicts": len(report["cells"]), "wall": round(wall, 1), **report["seconds"]}


def costs(quick: bool) -> list[dict[str, Any]]:
    """Return the costs of comparisons, each larger in one dimension."""
    if quick:
        return [cost(1, 1, "LIVE", 1)]
    live = [cost(*size, "LIVE", 1) for size in ((1, 1), (1, 3), (3, 1), (3, 3))]
    return [*live, cost(1, 1, "GIL", 8), cost(1, 1, "POOL", 64)]
