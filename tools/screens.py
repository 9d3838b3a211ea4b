"""Record what ``watch`` and ``attach`` print: ``nox -s record`` runs it.

Somebody clicks through an app that is watched, and another app freezes before ``attach`` comes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tools.comparison import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLICKS: Final = ("/prices", "/report/2026", "/prices", "/login", "/report/2025")
_PAUSE: Final = 0.5  # seconds between two clicks
_START_LIMIT: Final = 20.0  # seconds
_LIMIT: Final = 30.0  # seconds for one response, and for the end
_FREEZES: Final = 0.5  # seconds after which the request has frozen the app


def watched(clicks: Sequence[str] = CLICKS) -> str:
    """Return the screen of a watch: serve ``examples/slow.py``, request the paths, press Ctrl+C."""
    with _running("watch", "--", *_served("examples.slow:app")) as (process, port):
        for path in clicks:
            time.sleep(_PAUSE)
            _get(port, path)
        process.send_signal(signal.SIGINT)
        _, screen = process.communicate(timeout=_LIMIT)
    return f"$ asgi-liveness watch -- uvicorn examples.slow:app\n{screen.decode()}"


def attached() -> str:
    """Return the screen of ``attach`` for ``examples/hanging.py``, which hangs."""
    with _running(*_served("examples.hanging:app"), module="uvicorn") as (_, port):
        with contextlib.suppress(TimeoutError):
            _get(port, "/report", _FREEZES)
        command = [sys.executable, "-m", "asgi_liveness", "attach", f":{port}"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=_LIMIT, check=False)
    return f"$ asgi-liveness attach :{port}\n{done.stdout.decode()}"


def _served(app: str) -> tuple[str, ...]:
    return ("uvicorn", app, "--log-level", "warning", "--port", "{port}")


@contextmanager
def _running(
    *words: str, module: str = "asgi_liveness"
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command until its app answers, on a free port; kill what is left in the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = words[1:] if module == words[0] else words
    command = [sys.executable, "-m", module, *(word.format(port=port) for word in own)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, process_group=0) as process:
        try:
            _wait(port)
            yield process, port
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _wait(port: int) -> None:
    """Wait until the app answers."""
    until = time.monotonic() + _START_LIMIT
    while time.monotonic() < until:
        try:
            _get(port, "/docs")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    sys.exit("the app did not start")


def _get(port: int, path: str, limit: float = _LIMIT) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=limit) as response:
        response.read()


if __name__ == "__main__":
    (ROOT / "results" / "watch.txt").write_text(watched())
    (ROOT / "results" / "attach.txt").write_text(attached())
