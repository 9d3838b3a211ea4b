"""A large body is validated before the handler says that there is no such list."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, field_validator

app = FastAPI()


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


class Entry(BaseModel):
    word: str
    page: int

    @field_validator("word")
    @classmethod
    def lowered(cls, word: str) -> str:
        return word.lower()  # the culprit


@app.put("/lists/{name}")
async def replace(name: str, entries: list[Entry]) -> None:
    raise HTTPException(404, f"no list {name} for {len(entries)} entries")
