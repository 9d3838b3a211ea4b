"""The numbers for OpenTelemetry, by its metrics API; the SDK and its exporter are the app's.

The API has no histogram whose buckets somebody else counted, so each beat is recorded when it
comes: a hundred a second, in the watcher's thread.
"""

from __future__ import annotations

from functools import cache

from asgi_liveness.serving.records import EDGES
from asgi_liveness.watching.exported import missing
from asgi_liveness.watching.numbers import (
    LATENESS,
    LATENESS_MEANS,
    STALLS,
    STALLS_MEANS,
    BoundedLines,
)

try:
    from opentelemetry import metrics
except ImportError as error:
    raise missing("opentelemetry-api", "opentelemetry") from error


class OpenTelemetryInstruments:
    """The histogram and the counter of the app's provider of meters."""

    def __init__(self) -> None:
        meter = metrics.get_meter("asgi_liveness")
        self._lines = BoundedLines()
        self._late = meter.create_histogram(
            LATENESS, "s", LATENESS_MEANS, explicit_bucket_boundaries_advisory=EDGES
        )
        self._stalls = meter.create_counter(STALLS, "1", STALLS_MEANS)

    def beat(self, seconds: float) -> None:
        """Record a beat that was late by so many seconds."""
        self._late.record(seconds)

    def stalled(self, line: str) -> None:
        """Count a stall at a line; ``""`` where it is unknown."""
        self._stalls.add(1, {"line": self._lines.label(line)})


@cache  # a number must not fall when an event loop ends
def instruments() -> OpenTelemetryInstruments:
    """Return the instruments of this process."""
    return OpenTelemetryInstruments()
