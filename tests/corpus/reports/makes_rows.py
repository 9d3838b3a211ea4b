"""An async session makes many objects of rows, in a greenlet on the event loop."""

from __future__ import annotations

import sqlite3

from fastapi import FastAPI
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

app = FastAPI()
MEMORY = "file:stars?mode=memory&cache=shared"
kept = sqlite3.connect(MEMORY, uri=True)  # the database lives as long as a connection to it
kept.execute("create table star (id integer primary key, name text, colour text)")
stars = ((n, f"s{n}", f"c{n}") for n in range(100_000))
kept.executemany("insert into star values (?, ?, ?)", stars)
kept.commit()


class Base(DeclarativeBase):
    pass


class Star(Base):
    __tablename__ = "star"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    colour: Mapped[str]


engine = create_async_engine(f"sqlite+aiosqlite:///{MEMORY}&uri=true")


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.get("/stars")
async def stars_listed() -> int:
    async with AsyncSession(engine) as session:
        found = await session.execute(select(Star))  # the culprit
        return len(found.scalars().all())  # the culprit
