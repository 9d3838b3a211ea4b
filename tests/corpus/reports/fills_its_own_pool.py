"""Long work and the probed route share a small executor of the app."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI

app = FastAPI()


WORK = ThreadPoolExecutor(2, thread_name_prefix="exports")


def export() -> str:
    time.sleep(30)  # the culprit
    return "exported"


@app.get("/healthz")
async def healthz() -> str:
    return await asyncio.get_running_loop().run_in_executor(WORK, str)


@app.get("/export")
async def export_all() -> str:
    return await asyncio.get_running_loop().run_in_executor(WORK, export)
