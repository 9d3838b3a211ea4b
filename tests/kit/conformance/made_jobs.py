"""The window of a job, made by hand."""

from __future__ import annotations

from asgi_liveness.conformance.observation import Observation
from asgi_liveness.conformance.promises import REMEDIES, leaves
from asgi_liveness.inside.ledger import Loop
from asgi_liveness.probing.response import Response, SentRequest

(SUPERVISED,) = (remedy for remedy in REMEDIES if remedy.name == "supervised")
JSON = "application/json"
UNKNOWN = Response(at=9.5, status=404, content_type=JSON, body={"detail": "Not Found"})
STEPS = Response(at=9.5, status=200, content_type=JSON, body={"steps": 5})
LISTED = Response(at=9.5, status=200, content_type=JSON, body={"7": "running"})
STARTED = Response(at=8.5, status=202, content_type=JSON, body={}, location="/supervised/7")
FOLLOWUPS = {"GET all": LISTED, "GET": STEPS, "DELETE": STEPS, "DELETE again": STEPS}


def job(
    started: Response | None, followups: dict[str, Response] | None = None, *, ended: bool = True
) -> Observation:
    """Return the window of a job that a client stopped."""
    probe = SentRequest("/hello", 9.0, 9.0, Response(at=9.001, status=200))
    loop = Loop("/supervised", "app.py:7", 5, ended=ended, on_event_loop=True, in_app=True)
    return Observation(
        window=leaves(SUPERVISED),
        judged_at=10.0,
        probes=(probe,) * 25,
        load=(SentRequest("/supervised", 8.0, 8.0, started),),
        loops=(loop,),
        steps=100,
        kept_running=True,
        beats=5,
        recovered=True,
        followups=followups or {},
    )
