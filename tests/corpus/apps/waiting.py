"""Handlers that wait in a synchronous call, in Starlette."""

# ruff: noqa: ARG001 (a handler must take the request)
# ruff: noqa: ASYNC212, ASYNC220, ASYNC221, ASYNC240, ASYNC251 (to stall is the purpose of this app)
# ruff: noqa: S310, S607 (the addresses and the command are constants)

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.corpus.apps.late import late, silent


async def healthz(request: Request) -> Response:
    return PlainTextResponse("ok")


async def sleep(request: Request) -> Response:
    time.sleep(1.0)  # GET /sleep blocks
    return PlainTextResponse("slept")


async def poll(request: Request) -> Response:
    while not Path("/no/such/file").exists():  # GET /poll blocks for ever
        time.sleep(0.01)  # GET /poll blocks for ever
    return PlainTextResponse("the file exists")


async def command(request: Request) -> Response:
    done = subprocess.call(["sleep", "1"])  # GET /command blocks, below it: subprocess.call
    return PlainTextResponse(str(done))


async def process(request: Request) -> Response:
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    code = child.wait()  # GET /process blocks for ever, below it: subprocess.wait
    return PlainTextResponse(str(code))


def fetched(url: str) -> int:
    with urllib.request.urlopen(url) as response:  # GET /urllib blocks, below it: request.urlopen
        return int(response.status)


async def urllib_(request: Request) -> Response:
    return PlainTextResponse(str(fetched(late())))


async def http_client(request: Request) -> Response:
    connection = http.client.HTTPConnection(*silent())
    connection.request("GET", "/")
    got = connection.getresponse()  # GET /http-client blocks for ever, below it: client.getresponse
    return PlainTextResponse(str(got.status))


async def httpx_client(request: Request) -> Response:
    with httpx.Client(verify=False, trust_env=False) as client:  # noqa: S501 (it loads no certificates)
        got = client.get(late())  # GET /httpx-client blocks, below it: _client.get
    return PlainTextResponse(str(got.status_code))


async def receive(request: Request) -> Response:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        got = ours.recv(1)  # GET /receive blocks for ever
    return PlainTextResponse(got.decode())


async def accept(request: Request) -> Response:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1.0)
        try:
            listener.accept()  # GET /accept blocks, below it: socket.accept
        except TimeoutError:
            return PlainTextResponse("no client connected")
    return PlainTextResponse("a client connected")


async def pipe(request: Request) -> Response:
    reader, _ = os.pipe()
    got = os.read(reader, 1)  # GET /pipe blocks for ever
    return PlainTextResponse(got.decode())


async def file(request: Request) -> Response:
    reader, _ = os.pipe()
    with os.fdopen(reader) as lines:
        text = lines.read()  # GET /file blocks for ever
    return PlainTextResponse(text)


app = Starlette(
    routes=[
        Route("/healthz", healthz),
        Route("/sleep", sleep),
        Route("/poll", poll),
        Route("/command", command),
        Route("/process", process),
        Route("/urllib", urllib_),
        Route("/http-client", http_client),
        Route("/httpx-client", httpx_client),
        Route("/receive", receive),
        Route("/accept", accept),
        Route("/pipe", pipe),
        Route("/file", file),
    ]
)
