"""An endless loop spends its time in several helpers."""

from __future__ import annotations

import random

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


def drawn() -> list[float]:
    return [random.random() for _ in range(300)]


def ranked(numbers: list[float]) -> list[float]:
    return sorted(numbers)


def added(numbers: list[float]) -> float:
    return sum(number * number for number in numbers)


@app.get("/play")
async def play() -> float:
    total = 0.0
    while True:  # the culprit
        numbers = drawn()  # the culprit
        total += added(ranked(numbers))  # the culprit
