"""The numbers for Prometheus, by ``prometheus_client``.

``watch --metrics`` serves ``Numbers`` with a collector, and the in-process form has instruments in
the registry of the app: the instruments also work where several workers share a folder of values
(``PROMETHEUS_MULTIPROC_DIR``), in which collectors do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf
from typing import TYPE_CHECKING

from asgi_liveness.errors import UsageError
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
    import prometheus_client
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
except ImportError as error:
    raise missing("prometheus_client", "prometheus") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric

    from asgi_liveness.watching.numbers import Numbers


class NumbersCollector:
    """The numbers at the moment of each scrape, for a registry of ``prometheus_client``."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        """Yield the histogram and the counter."""
        buckets, seconds = self._numbers.lateness
        named = [("+Inf" if edge == inf else str(edge), float(so_far)) for edge, so_far in buckets]
        yield HistogramMetricFamily(LATENESS, LATENESS_MEANS, buckets=named, sum_value=seconds)
        stalls = CounterMetricFamily(STALLS, STALLS_MEANS, labels=["line"])
        for line, count in self._numbers.stalls.items():
            stalls.add_metric([line], count)
        yield stalls


@dataclass(frozen=True)
class MetricsServer:
    """A server that answers each scrape with the numbers, in a thread of its own."""

    port: int
    close: Callable[[], None]
    """Ends the server; a second call is an error."""


def serve(numbers: Numbers, port: int, host: str = "127.0.0.1") -> MetricsServer:
    """Serve *numbers* at *host* and *port*; 0 is a free port. Raises ``UsageError``."""
    registry = prometheus_client.CollectorRegistry()
    registry.register(NumbersCollector(numbers))
    try:
        server, thread = prometheus_client.start_http_server(port, host, registry)
    except (OSError, OverflowError) as error:
        because = getattr(error, "strerror", None) or "no such port"
        raise UsageError(
            f"metrics cannot be served at {host}:{port} ({because}); choose another port"
        ) from error

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return MetricsServer(server.server_port, close)


class PrometheusInstruments:
    """The histogram and the counter in the app's registry."""

    def __init__(self) -> None:
        self._lines = BoundedLines()
        self._late = prometheus_client.Histogram(LATENESS, LATENESS_MEANS, buckets=EDGES)
        self._stalls = prometheus_client.Counter(STALLS, STALLS_MEANS, ["line"])

    def beat(self, seconds: float) -> None:
        """Count a beat that was late by so many seconds."""
        self._late.observe(seconds)

    def stalled(self, line: str) -> None:
        """Count a stall at a line; ``""`` where it is unknown."""
        self._stalls.labels(self._lines.label(line)).inc()


@cache  # a name may be registered once, and a number must not fall when an event loop ends
def instruments() -> PrometheusInstruments:
    """Return the instruments of this process."""
    return PrometheusInstruments()
