"""Reports of a check, made by hand."""

from __future__ import annotations

from typing import Any

from asgi_liveness.checking.report import Probes, Report, Verdict, WindowReport
from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.culprit import Culprit

AGAIN = "asgi-liveness check myapp.main:app --during 'GET /report' --probe /healthz"
IDLE = WindowReport(None, Verdict.LIVE, Probes(40, 40), 0.003, 0.003, 0.004, strip="|" * 40)
LIVE = WindowReport(
    "GET /report", Verdict.LIVE, Probes(80, 80), 0.003, 0.003, 0.005, strip="|" * 80
)
CULPRIT = Culprit(
    "myapp/reports.py",
    12,
    "report",
    "random.randint(0, 10)",
    Frame("/usr/lib/python3.12/random.py", 362, "randint"),
    seen=37,
    looks=38,
)
STALLED = WindowReport(
    "GET /report",
    Verdict.STALLED,
    Probes(80, 0),
    4.04,
    0.003,
    4.0,
    CULPRIT,
    "This loop never yields to the event loop: add `await asyncio.sleep(0)` to each iteration. "
    "More: asgi-liveness explain stalled",
    strip="." * 80,
)
STARVED = WindowReport(
    "GET /pool",
    Verdict.STARVED,
    Probes(80, 0),
    0.003,
    0.003,
    4.0,
    Culprit("myapp/reports.py", 12, "report", "time.sleep(9)", seen=40, looks=40),
    "give it a pool",
    because="thread pool full, 40 of 40 threads at myapp/reports.py:12",
    strip="." * 80,
)
INCONCLUSIVE = WindowReport(
    "GET /report",
    Verdict.INCONCLUSIVE,
    Probes(80, 78),
    0.31,
    0.3,
    0.3,
    because="the machine was late by up to 300 ms while no request ran",
    strip="|" * 78 + "..",
)
DIED = WindowReport(
    "GET /report",
    Verdict.DIED,
    Probes(80, 12),
    0.003,
    0.003,
    3.4,
    because="one of its workers ended; last log line: bye",
    strip="|" * 12 + "." * 68,
)
UNSEEN = WindowReport(
    "GET /report", Verdict.STALLED, Probes(80, 0), None, None, 4.0, strip="." * 80
)


def report(*routes: WindowReport, **changes: Any) -> Report:
    """A report of these windows, after a live idle window unless they begin with an idle one."""
    first = () if routes and routes[0].during is None else (IDLE,)
    fields: dict[str, Any] = {
        "target": "myapp.main:app",
        "server": "uvicorn 0.54.0, asyncio, 1 worker",
        "probe": "GET /healthz",
        "interval_s": 0.05,
        "max_stall_s": 0.2,
        "routes": (*first, *routes),
        "again": AGAIN,
        "system": {"python": "3.12.1", "platform": "Linux", "cores": 2},
    }
    return Report(**{**fields, **changes})
