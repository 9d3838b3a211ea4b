"""Probes as the tests of the demo need them: one a second, answered after so many seconds."""

from __future__ import annotations

from collections.abc import Sequence

from asgi_liveness.probing.response import Response, SentRequest


def probe(due: float, after: float | None, path: str = "/hello", status: int = 200) -> SentRequest:
    """A probe that is answered *after* so many seconds, or never."""
    response = None if after is None else Response(at=due + after, status=status)
    return SentRequest(path, due, due, response)


def probes(*waits: float | None) -> Sequence[SentRequest]:
    """A probe each second, answered after these waits."""
    return [probe(float(second), wait) for second, wait in enumerate(waits)]
