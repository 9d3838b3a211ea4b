"""Handlers that compute in Python, in FastAPI."""

# ruff: noqa: S311 (these numbers need not be secret)

from __future__ import annotations

import asyncio
import copy
import json
import random
import time

from fastapi import FastAPI

app = FastAPI(openapi_url=None)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/loop")
async def loop() -> None:
    while True:  # GET /loop blocks for ever
        random.randint(0, 10)  # GET /loop blocks for ever


@app.get("/print")
async def printing() -> None:
    while True:  # GET /print blocks for ever
        print({"/print": random.randint(0, 10)})  # GET /print blocks for ever


@app.get("/count")
async def count() -> None:
    number = 0
    while True:  # GET /count blocks for ever
        number += 1  # GET /count blocks for ever


async def roll() -> int:
    return random.randint(1, 6)  # GET /await blocks for ever


@app.get("/await")
async def awaiting() -> None:
    while True:  # GET /await blocks for ever
        await roll()  # GET /await blocks for ever


def is_prime(number: int) -> bool:
    return all(number % divisor for divisor in range(2, number))  # GET /primes blocks


@app.get("/primes")
async def primes() -> int:
    return sum(map(is_prime, range(2, 20_000)))


def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)  # GET /fibonacci blocks


@app.get("/fibonacci")
async def fibonacci_of_34() -> int:
    return fibonacci(34)


@app.get("/ranking")
async def ranking() -> int:
    return max(range(16_000_000), key=lambda number: number % 7919)  # GET /ranking blocks


ROWS = [{"name": f"row {number}", "values": [number] * 10} for number in range(100)] * 1500
GRID = [[number] for number in range(400_000)]


@app.get("/export")
async def export() -> int:
    return len(json.dumps(ROWS, indent=2))  # GET /export blocks, below it: json.dumps


@app.get("/copy")
async def copied() -> int:
    return len(copy.deepcopy(GRID))  # GET /copy blocks, below it: copy.deepcopy


TABLE = "1;2;3\n" * 900_000


def parsed(table: str) -> list[list[int]]:
    return [[int(cell) for cell in row.split(";")] for row in table.split()]  # POST /import blocks


@app.post("/import")
async def imported() -> int:
    return len(parsed(TABLE))


async def a_little() -> None:
    until = time.monotonic() + 0.001
    while time.monotonic() < until:  # GET /gather blocks
        pass


@app.get("/gather")
async def gather() -> int:
    return len(await asyncio.gather(*(a_little() for _ in range(1000))))
