"""Inputs with a real server: a hostile app is checked, by a command of its own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import psutil

from tools.fuzz import values
from tools.fuzz.ran import Ran, judge_reports, judged

if TYPE_CHECKING:
    import random
    from pathlib import Path

LIMIT: Final = 60.0  # seconds for one check
_MEMORY: Final = 2**29  # bytes that a check may take; without hostile apps it takes a tenth
_APP: Final = """\
import os, sys, gzip

SAID = {said!r}
WAY = {way!r}

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({{"type": message["type"] + ".complete"}})
            if message["type"] == "lifespan.shutdown":
                return
    body, headers, status = b"ok", [], 200
    if scope["path"] == "/report":
        given = await receive()
        echoed = dict(scope["headers"])
        text = SAID + repr(given.get("body")) + repr(echoed)
        print(text, file=sys.stderr, flush=True)
        if WAY == "exit":
            os._exit(3)
        if WAY == "raise":
            raise RuntimeError(text)
        if WAY == "redirect":
            there = b"http://127.0.0.1:1/" + text.encode("ascii", "ignore")
            status, headers = 307, [(b"location", there)]
        if WAY == "header":
            headers = [(b"x-odd", text.encode("utf-8", "replace"))]
        if WAY == "cookie":
            headers = [(b"set-cookie", text.encode("utf-8", "replace"))]
        if WAY == "refuse":
            status, body = 401, text.encode("utf-8", "replace")
        if WAY == "bomb":
            headers, body = [(b"content-encoding", b"gzip")], gzip.compress(bytes(2**26))
        if WAY == "endless":
            await send({{"type": "http.response.start", "status": 200, "headers": []}})
            part = {{"type": "http.response.body", "body": b"x" * 2**16, "more_body": True}}
            while True:
                await send(part)
        if WAY == "stall":
            import time
            code = compile("def f():\\n    time.sleep(0.5)\\nf()", "/dev/zero", "exec")
            exec(code, {{"time": time}})
    await send({{"type": "http.response.start", "status": status, "headers": headers}})
    await send({{"type": "http.response.body", "body": body}})
"""
_WAYS: Final = (
    "exit",
    "raise",
    "redirect",
    "header",
    "cookie",
    "refuse",
    "bomb",
    "endless",
    "stall",
)


def served(rng: random.Random, folder: Path) -> Ran:
    """Check an app that repeats what it was given, in a hostile way."""
    secret, way = values.secret(rng), rng.choice(_WAYS)
    said = values.text(rng).encode(errors="replace").decode()
    (folder / "hostile.py").write_text(_APP.format(said=said, way=way))
    out, temporary = folder / "out", folder / "tmp"
    out.mkdir()
    temporary.mkdir()
    words = ["check", "hostile:app", "--during", "POST /report", *secret.words]
    words += ["--duration", "600ms", "--report", "json=out/r.json", "--report", "md=out/r.md"]
    environment = {**os.environ, "TMPDIR": str(temporary)}
    done = subprocess.run(
        [sys.executable, "-m", "asgi_liveness", *words],
        preexec_fn=_limit_memory,
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    ran = judged(done.returncode, _text(done.stdout), _text(done.stderr), secret.core)
    ran.said = f"{way}\n{ran.said}"
    judge_reports(ran, out, secret.core)
    left = [process.pid for process in psutil.process_iter(["cwd"]) if _is_in(process, folder)]
    ran.require(not left, f"processes are left: {left}")
    ran.require(not list(temporary.iterdir()), "temporary files are left")
    return ran


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _text(part: bytes) -> str:
    return part.decode(errors="surrogateescape")


def _is_in(process: psutil.Process, folder: Path) -> bool:
    return process.info["cwd"] == str(folder) and process.pid != os.getpid()
