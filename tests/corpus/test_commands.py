"""The check on commands that start an app: it reports the line that blocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import Command

pytestmark = pytest.mark.servers

FOLDER = Path(__file__).parent / "commands"
COMMANDS = {
    "gunicorn": "gunicorn -k uvicorn.workers.UvicornWorker -b 127.0.0.1:{port} main:app",
    "fastapi run": "fastapi run --host 127.0.0.1 --port {port}",
    "python": "python main.py",
    "quart run": "quart --app quart_app run --port {port}",
    "granian": "granian --interface asgi --port {port} main:app",
    "hypercorn": "hypercorn --bind 127.0.0.1:{port} quart_app:app",
    "uvicorn, two workers": "uvicorn --workers 2 --port {port} main:app",
    "uvicorn, reloading": "uvicorn --reload --port {port} main:app",
}
SHELL = (
    "env",
    "--unset=PYTHONWARNINGS",  # a warning of a server is no error
    "PORT=0",  # main.py takes a free port
    f"PATH={Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",  # as if activated
)
MARK = "# noqa: ASYNC251 (the culprit)"


def check(command: Command, line: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a check of the command *line*, in the folder of the two apps."""
    options = ("--probe", "/healthz", "--duration", "600ms", *arguments)
    return command(
        *("-m", "asgi_liveness", "check", *options, "--", *line.split()), cwd=FOLDER, prefix=SHELL
    )


def marked(file: str) -> int:
    """Return the number of the line of *file* that is marked as the culprit."""
    lines = (FOLDER / file).read_text().splitlines()
    (line,) = [number for number, text in enumerate(lines, 1) if text.endswith(MARK)]
    return line


@pytest.mark.parametrize("line", COMMANDS.values(), ids=COMMANDS)
def test_only_the_line_that_blocks_is_reported(line: str, command: Command, tmp_path: Path) -> None:
    file = "quart_app.py" if "quart_app" in line else "main.py"
    path = tmp_path / "report.json"
    requests = ("--during", "GET /report", "--during", "GET /export")
    done = check(command, line, *requests, "--report", f"json={path}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{file}:{marked(file)} in report()" in done.stdout
    report: dict[str, Any] = json.loads(path.read_text())
    verdicts = [(route["during"], route["verdict"]) for route in report["routes"]]
    assert verdicts == [(None, "live"), ("GET /report", "stalled"), ("GET /export", "live")]
    stalled = report["routes"][1]
    culprit = stalled["culprit"]
    assert (culprit["file"], culprit["line"], culprit["function"]) == (file, marked(file), "report")


def test_a_stalled_worker_is_reported_while_the_other_responds(
    command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    # With --preload the app is imported before the fork, so that both workers start together.
    line = COMMANDS["gunicorn"].replace("gunicorn", "gunicorn --preload --workers 2", 1)
    done = check(command, line, "--during", "GET /report", "--report", f"json={path}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"main.py:{marked('main.py')} in report()" in done.stdout
    report = json.loads(path.read_text())
    assert "2 workers" in report["server"]
    assert report["routes"][1]["probes"]["answered"] > 0


def test_a_command_that_is_not_installed_is_refused(command: Command) -> None:
    done = check(command, "nosuchserver --port {port} main:app", "--during", "GET /report")
    assert done.returncode == 2
    assert done.stderr.startswith("asgi-liveness: nosuchserver cannot be started")
    assert done.stderr.count("\n") == 1
