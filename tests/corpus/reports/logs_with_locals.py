"""The server's own logger prints a traceback with all local variables."""

from __future__ import annotations

import logging
from pathlib import Path

from fastapi import FastAPI
from rich.console import Console
from rich.logging import RichHandler

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


handler = RichHandler(
    console=Console(file=Path("/dev/null").open("w"), width=160),
    rich_tracebacks=True,
    tracebacks_show_locals=True,
    locals_max_length=None,
    locals_max_string=None,
)
logging.getLogger("uvicorn.error").addHandler(handler)


@app.get("/fails")
async def fails() -> None:
    rows = [{"id": n, "name": f"row {n}", "parent": None} for n in range(4_000)]
    raise LookupError(len(rows))
