"""A loop that yields, and waits for a processor, is not what stalls."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_liveness.checking import windows
from asgi_liveness.checking.report import Verdict
from tests.kit.checking.shop import checked, folder

__all__ = ["folder"]  # the test runs in it

BURST, REST = 0.3, 0.3  # seconds; a burst takes two limits of the shop
APP = f"""\
import asyncio, os, subprocess, sys, threading

OTHER = '''
import os, sys, time
os.sched_setaffinity(0, [int(sys.argv[1])])
while os.getppid() == int(sys.argv[2]):
    until = time.monotonic() + {BURST}
    while time.monotonic() < until:
        pass
    time.sleep({REST})
'''

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    if scope["path"] == "/yields":
        processor, own = min(os.sched_getaffinity(0)), threading.get_native_id()
        subprocess.Popen([sys.executable, "-c", OTHER, str(processor), str(os.getpid())])
        os.sched_setaffinity(own, [processor])
        os.sched_setscheduler(own, os.SCHED_IDLE, os.sched_param(0))
        while True:
            sum(number * number for number in range(1000))
            await asyncio.sleep(0)
    await send({{"type": "http.response.start", "status": 200, "headers": []}})
    await send({{"type": "http.response.body", "body": b""}})
"""


@pytest.mark.servers
def test_a_loop_that_yields_and_waits_for_a_processor_is_not_to_blame(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "_PAUSES", ())  # one window shows it
    (folder / "starved.py").write_text(APP)
    report = checked("GET /yields", target="starved:app", probe="/healthz", duration=2.0)
    *_, route = report.routes
    assert (route.verdict, route.culprit) == (Verdict.INCONCLUSIVE, None)
    assert route.longest_silence_s > BURST / 2
