"""An app with two routes that block for a second, and one that does not. Which?"""

import asyncio
import hashlib

from fastapi import FastAPI

app = FastAPI()


@app.get("/report/{year}")
async def report(year: int) -> int:
    total = 0
    for row in range(20_000_000):
        total += row
    return total + year


@app.get("/login")
async def login() -> str:
    return hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 1_500_000).hex()


@app.get("/prices")
async def prices() -> str:
    await asyncio.sleep(1)
    return "high"
