"""The numbers that Prometheus and OpenTelemetry get are those of what happened."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

import asgi_liveness
from asgi_liveness.errors import UsageError
from asgi_liveness.serving.records import EDGES
from asgi_liveness.watching import in_process, opentelemetry, prometheus
from asgi_liveness.watching.numbers import LATENESS, STALLS, BoundedLines, Numbers
from tests.kit.checking.windows import heartbeat
from tests.kit.watching import blocking

MAX_STALL = 0.05
LONG = 0.4  # seconds
SLEEPS_AT = blocking.sleep.__code__.co_firstlineno + 1


@pytest.fixture
def numbers() -> Numbers:
    made = Numbers()
    late = (7, *[0] * 7, 1, *[0] * (len(EDGES) - 8))
    made.beats([replace(heartbeat(), late=late, late_by=0.625)])
    for line in ("app/report.py:12", "", "app/report.py:12", 'a"b\\c.py:1'):
        made.stalled(line)
    return made


def scraped(port: int) -> dict[str, float]:
    """Return the samples of a scrape, each by its name and labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


def test_a_scrape_gets_the_numbers_of_its_moment(numbers: Numbers) -> None:
    server = prometheus.serve(numbers, 0)
    try:
        found = scraped(server.port)
        numbers.stalled("app/report.py:12")
        later = scraped(server.port)
    finally:
        server.close()
    assert found[f"{LATENESS}_count"] == 8
    assert found[f"{LATENESS}_sum"] == 0.625
    assert found[f'{LATENESS}_bucket{{le="0.001"}}'] == 7
    assert found[f'{LATENESS}_bucket{{le="0.2"}}'] == 7
    assert found[f'{LATENESS}_bucket{{le="0.5"}}'] == 8
    assert found[f'{LATENESS}_bucket{{le="+Inf"}}'] == 8
    assert found[f'{STALLS}{{line="unknown"}}'] == 1
    assert found[f'{STALLS}{{line="a\\"b\\\\c.py:1"}}'] == 1
    counts = [each[f'{STALLS}{{line="app/report.py:12"}}'] for each in (found, later)]
    assert counts == [2, 3]


def test_a_server_that_was_closed_leaves_its_port(numbers: Numbers) -> None:
    server = prometheus.serve(numbers, 0)
    server.close()
    prometheus.serve(numbers, server.port).close()


def test_a_taken_port_is_one_line(numbers: Numbers) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError) as raised:
            prometheus.serve(numbers, port)
    assert str(raised.value) == (
        f"metrics cannot be served at 127.0.0.1:{port} (Address already in use); choose another "
        "port"
    )


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_cannot_be_is_one_line(port: int, numbers: Numbers) -> None:
    with pytest.raises(UsageError, match=r"; choose another port$"):
        prometheus.serve(numbers, port)


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [
        ("prometheus_client", "prometheus_client", "prometheus"),
        ("opentelemetry", "opentelemetry-api", "opentelemetry"),
    ],
)
def test_a_missing_library_is_one_line(
    module: str, name: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"asgi_liveness.watching.{extra}")
    monkeypatch.delattr(f"asgi_liveness.watching.{extra}")
    with pytest.raises(UsageError) as raised:
        asgi_liveness.watch_loop(metrics=extra)
    assert str(raised.value) == (
        f"{name} is not installed; type: pip install 'asgi-liveness[{extra}]'"
    )


# The in-process form.


async def stalled(name: str) -> None:
    async with asgi_liveness.watch_loop(max_stall=MAX_STALL, metrics=name):
        await asyncio.sleep(0.1)
        blocking.sleep(LONG)
        await asyncio.sleep(0.1)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the instruments of this test out of the process's own."""
    monkeypatch.setattr(in_process, "STARTS", 0.0)
    prometheus.instruments.cache_clear()
    opentelemetry.instruments.cache_clear()
    yield
    prometheus.instruments.cache_clear()
    opentelemetry.instruments.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_prometheus_counts_beats_and_stalls_in_the_apps_registry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = prometheus_client.CollectorRegistry()
    for name in ("Histogram", "Counter"):
        original: Callable[..., Any] = getattr(prometheus_client, name)
        monkeypatch.setattr(
            prometheus_client,
            name,
            lambda *given, make=original, **options: make(*given, **options, registry=registry),
        )
    for times in (1, 2):  # a second context goes on counting
        asyncio.run(stalled("prometheus"))
        line = {"line": f"tests/kit/watching/blocking.py:{SLEEPS_AT}"}
        assert registry.get_sample_value(STALLS, line) == times
        late = registry.get_sample_value(f"{LATENESS}_bucket", {"le": "+Inf"})
        early = registry.get_sample_value(f"{LATENESS}_bucket", {"le": "0.2"})
        assert late is not None
        assert early is not None
        assert late - early >= times
        assert early > 5
        seconds = registry.get_sample_value(f"{LATENESS}_sum")
        assert seconds is not None
        assert seconds > times * (LONG - 0.1)


@pytest.mark.usefixtures("fresh")
def test_opentelemetry_records_beats_and_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(metrics, "get_meter", provider.get_meter)
    asyncio.run(stalled("opentelemetry"))
    data: Any = reader.get_metrics_data()
    provider.shutdown()
    found = {each.name: each for each in data.resource_metrics[0].scope_metrics[0].metrics}
    (late,) = found[LATENESS].data.data_points
    assert (found[LATENESS].unit, late.explicit_bounds) == ("s", EDGES)
    assert late.sum > LONG - 0.1
    assert late.max > LONG - 0.1
    assert late.count == sum(late.bucket_counts) > 5
    lines = {point.attributes["line"]: point.value for point in found[STALLS].data.data_points}
    assert lines[f"tests/kit/watching/blocking.py:{SLEEPS_AT}"] == 1


@pytest.mark.parametrize("name", ["prometheus", "opentelemetry"])
def test_labels_of_lines_are_bounded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asgi_liveness.watching.numbers.MOST_LINES", 2)
    counted = list[str]()
    instruments: Any = object.__new__(
        {
            "prometheus": prometheus.PrometheusInstruments,
            "opentelemetry": opentelemetry.OpenTelemetryInstruments,
        }[name]
    )
    instruments._lines = BoundedLines()
    instruments._stalls = Counted(counted)
    for line in ("a", "b", "c", "", "a"):
        instruments.stalled(line)
    assert counted == ["a", "b", "other", "unknown", "a"]


class Counted:
    """A counter of either library that only notes its labels."""

    def __init__(self, noted: list[str]) -> None:
        self._noted = noted

    def labels(self, line: str) -> Counted:
        self._noted.append(line)
        return self

    def inc(self) -> None: ...

    def add(self, _: int, attributes: dict[str, str]) -> None:
        self._noted.append(attributes["line"])


def test_workers_share_their_numbers_in_a_folder(tmp_path: Path) -> None:
    program = (
        "import asyncio, asgi_liveness\n"
        "async def main():\n"
        "    async with asgi_liveness.watch_loop(metrics='prometheus'):\n"
        "        await asyncio.sleep(0.1)\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    merged = (
        "from prometheus_client import CollectorRegistry, generate_latest, multiprocess\n"
        "registry = CollectorRegistry()\n"
        "multiprocess.MultiProcessCollector(registry)\n"
        "print(generate_latest(registry).decode())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", merged], env=environment, check=True, capture_output=True, text=True
    )
    count = next(line for line in done.stdout.splitlines() if line.startswith(f"{LATENESS}_count"))
    assert float(count.split()[1]) > 5
    assert len(list(tmp_path.glob("histogram_*.db"))) == 2
