"""Each span is exported at once, to a collector that accepts and never answers."""

from __future__ import annotations

import socket

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

app = FastAPI()
collector = socket.create_server(("127.0.0.1", 0))
address = f"http://127.0.0.1:{collector.getsockname()[1]}/v1/traces"
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint=address, timeout=1)))
trace.set_tracer_provider(provider)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/order")
async def order() -> str:
    return "ordered"


FastAPIInstrumentor.instrument_app(app, excluded_urls="healthz")
