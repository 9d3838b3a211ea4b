"""Record what ``watch`` prints while somebody clicks through an app; ``nox -s record`` does."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

from tools.comparison import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

CLICKS: Final = ("/prices", "/report/2026", "/prices", "/login", "/report/2025")
_PAUSE: Final = 0.5  # seconds between two clicks
_START_LIMIT: Final = 20.0  # seconds
_LIMIT: Final = 30.0  # seconds for one response, and for the end


def watched(clicks: Sequence[str] = CLICKS) -> str:
    """Return the screen of a watch: serve ``examples/slow.py``, request the paths, press Ctrl+C."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    served = ("uvicorn", "examples.slow:app", "--log-level", "warning", "--port", str(port))
    command = [sys.executable, "-m", "asgi_liveness", "watch", "--", *served]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, process_group=0) as process:
        try:
            for path in (_wait(port), *clicks):
                time.sleep(_PAUSE)
                _get(port, path)
            process.send_signal(signal.SIGINT)
            _, screen = process.communicate(timeout=_LIMIT)
        finally:
            process.terminate()
    shown = " ".join(("$ asgi-liveness watch --", *served[:2]))
    return f"{shown}\n{screen.decode()}"


def _wait(port: int) -> str:
    """Wait until the app answers; return a path of it."""
    until = time.monotonic() + _START_LIMIT
    while time.monotonic() < until:
        try:
            _get(port, "/docs")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return "/docs"
    sys.exit("the app did not start")


def _get(port: int, path: str) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=_LIMIT) as response:
        response.read()


if __name__ == "__main__":
    (ROOT / "results" / "watch.txt").write_text(watched())
