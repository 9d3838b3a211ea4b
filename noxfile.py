"""Everything that can be run, a session each. ``nox -l`` lists them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False  # what was not found is said, see `kit`
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "kit", "fastapi", "starlette", "quart", "package"]
os.environ["UV_PYTHON_DOWNLOADS"] = "never"

ROOT = Path(__file__).parent
LOCK = "requirements.lock"
COMPARISON = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["comparison"]
FRAMEWORKS: dict[str, str] = COMPARISON["frameworks"]
# nox kills what it interrupts after 0.3 s unless told otherwise: the runner ends its servers.
PATIENCE = {"interrupt_timeout": 10.0, "terminate_timeout": 10.0}


def _interpreter(version: str) -> str | None:
    """Find a Python that runs: this one, one on the path, or one that pyenv keeps."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    kept = sorted(Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser().glob(
        f"versions/{version}.*/bin/python{version}"
    ))
    for found in (shutil.which(f"python{version}"), *kept[-1:]):
        # A pyenv shim is on the path whether its Python is active or not.
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            return str(found)
    return None


PYTHONS = {version: _interpreter(version) for version in COMPARISON["pythons"]}
FOUND = {version: path for version, path in PYTHONS.items() if path}


def _install(session: nox.Session, *groups: str, lock: str = LOCK) -> None:
    """Install the kit and dependency groups, at the versions of the one lock."""
    wanted = [argument for group in groups for argument in ("--group", group)]
    session.install("--constraint", lock, "--editable", "shared", *wanted)


def _run(session: nox.Session, *frameworks: str, arguments: tuple[str, ...] = ()) -> None:
    """Judge columns on all servers; a framework or server that is missing is an error."""
    servers = [argument for name in COMPARISON["servers"] for argument in ("--server", name)]
    targets = [FRAMEWORKS[name] for name in frameworks]
    known = ("--known", COMPARISON["known"])
    session.run(
        "asgi-liveness", "run", *targets, *servers, *known, *arguments, *session.posargs, **PATIENCE
    )


def _column(session: nox.Session, framework: str) -> None:
    _install(session, framework, "servers")
    _run(session, framework, arguments=("--report", f"json=out/{framework}.json"))


@nox.session
def fastapi(session: nox.Session) -> None:
    """Judge the FastAPI column on all servers (-- -k LIVE-002 for one case)."""
    _column(session, "fastapi")


@nox.session
def starlette(session: nox.Session) -> None:
    """Judge the Starlette column on all servers; FastAPI is not installed."""
    _column(session, "starlette")


@nox.session
def quart(session: nox.Session) -> None:
    """Judge the Quart column on all servers."""
    _column(session, "quart")


@nox.session
def compare(session: nox.Session) -> None:
    """Judge all three columns in one run and set them side by side."""
    _install(session, *FRAMEWORKS, "servers")
    _run(session, *FRAMEWORKS, arguments=("--report", "json=out/comparison.json"))


@nox.session
def record(session: nox.Session) -> None:
    """Compare, and renew results/ and the README's tables from it."""
    _install(session, *FRAMEWORKS, "servers")
    _run(session, *FRAMEWORKS, arguments=("--report", "json=results/comparison.json"))
    session.run("python", "tools/docs.py")


@nox.session
def serve(session: nox.Session) -> None:
    """Serve one column (-- quart hypercorn) and say how to see the freeze and the fix."""
    framework, server = [*session.posargs, "fastapi", "uvicorn/asyncio"][:2]
    if framework not in FRAMEWORKS:
        session.error(f"no column is called {framework!r}; choose from: {', '.join(FRAMEWORKS)}")
    _install(session, framework, "servers")
    session.run("asgi-liveness", "serve", FRAMEWORKS[framework], "--server", server, **PATIENCE)
