"""Handlers that call C code which releases the GIL, in Starlette: the event loop waits for it."""

# ruff: noqa: ARG001 (a handler must take the request)

from __future__ import annotations

import hashlib
import lzma
import os
import sqlite3
import zlib

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

SALT = b"salt"
NOISE = os.urandom(1_000_000)


async def healthz(request: Request) -> Response:
    return PlainTextResponse("ok")


async def password(request: Request) -> Response:
    key = hashlib.pbkdf2_hmac("sha256", b"secret", SALT, 4_000_000)  # GET /password blocks
    return PlainTextResponse(key.hex())


async def passwords(request: Request) -> Response:
    key = hashlib.pbkdf2_hmac("sha256", b"", SALT, 2**31 - 1)  # GET /passwords blocks for ever
    return PlainTextResponse(key.hex())


async def scrypt(request: Request) -> Response:
    key = hashlib.scrypt(b"secret", salt=SALT, n=2**14, r=8, p=24)  # GET /scrypt blocks
    return PlainTextResponse(key.hex())


async def gzip(request: Request) -> Response:
    packed = zlib.compress(NOISE * 40)  # GET /gzip blocks
    return PlainTextResponse(str(len(packed)))


async def archive(request: Request) -> Response:
    packed = lzma.compress(NOISE * 6)  # GET /archive blocks, below it: lzma.compress
    return PlainTextResponse(str(len(packed)))


NUMBERS = (
    "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT ?) "
    "SELECT sum(n) FROM number"
)


async def query(request: Request) -> Response:
    with sqlite3.connect(":memory:") as database:
        rows = database.execute(NUMBERS, [6_000_000])  # GET /query blocks
        return PlainTextResponse(str(rows.fetchone()))


async def queries(request: Request) -> Response:
    with sqlite3.connect(":memory:") as database:
        rows = database.execute(NUMBERS, [2**62])  # GET /queries blocks for ever
        return PlainTextResponse(str(rows.fetchone()))


app = Starlette(
    routes=[
        Route("/healthz", healthz),
        Route("/password", password),
        Route("/passwords", passwords),
        Route("/scrypt", scrypt),
        Route("/gzip", gzip),
        Route("/archive", archive),
        Route("/query", query),
        Route("/queries", queries),
    ]
)
