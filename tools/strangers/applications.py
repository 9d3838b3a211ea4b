"""Applications by other authors: how their users start them, and the expected verdicts.

The expected verdicts were found by hand, in the sources and with a clock. Some of the applications
do block their event loop, with work that grows with the data that they serve.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.checking.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Expected(NamedTuple):
    """A request, the expected verdict while it runs, and the reason."""

    request: str
    verdict: Verdict
    why: str
    culprit: str = ""
    """A part of the path of the culprit's file. Several lines of the file may be the culprit."""


class Stranger(NamedTuple):
    """An application, and how its users start it."""

    distribution: str
    framework: str
    start: str
    """A target, or a command after ``--``."""
    probe: str
    expected: tuple[Expected, ...]
    prepare: Callable[[Path], object] | None = None
    """Makes the files that the application serves, in a folder."""
    options: tuple[str, ...] = ()


def wide_table(folder: Path) -> None:
    """Make a database with a table of 1,000 rows and 60 columns."""
    rows = [[f"row {row}, column {column}" for column in range(60)] for row in range(1000)]
    columns, values = ", ".join(f"c{number}" for number in range(60)), ", ".join("?" * 60)
    with closing(sqlite3.connect(folder / "wide.db")) as database:
        database.execute(f"create table t ({columns})")
        database.executemany(f"insert into t values ({values})", rows)  # noqa: S608 (the names are constants)
        database.commit()


def many_files(folder: Path) -> None:
    """Make a folder of 10,000 files, and a file of 22 MB."""
    (folder / "files" / "many").mkdir(parents=True)
    for number in range(10_000):
        (folder / "files" / "many" / f"{number}.txt").touch()
    (folder / "files" / "large.txt").write_text("0123456789 " * 2_000_000)


def many_wheels(folder: Path) -> None:
    """Make a package index with one project of 5,000 releases."""
    (folder / "index" / "nightly").mkdir(parents=True)
    for number in range(5000):
        (folder / "index" / "nightly" / f"nightly-0.{number}-py3-none-any.whl").touch()


def a_document(folder: Path) -> None:
    """Make the sources of a Sphinx document."""
    (folder / "docs").mkdir()
    (folder / "docs" / "conf.py").write_text("project = 'stranger'\n")
    (folder / "docs" / "index.rst").write_text("Stranger\n========\n\nHello.\n")


def a_project(folder: Path) -> None:
    """Make a Django project, as in its tutorial."""
    for arguments in (("-m", "django", "startproject", "mysite", "."), ("manage.py", "migrate")):
        subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, check=True)


_COUNT: Final = (
    "with+recursive+c(x)+as+(select+1+union+all+select+x%2B1+from+c+where+x<1000000)"
    "+select+count(*)+from+c"
)
_SAME: Final = "abcdefghijklmnopqrstuvwxyz012345"  # the CSRF token, the same in form and cookie
_FORM: Final = ("-H", "Content-Type: application/x-www-form-urlencoded")
_COOKIE: Final = ("-H", f"Cookie: csrftoken={_SAME}")
_BROWSER: Final = ("-H", "User-Agent: Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/140.0")
_USER: Final = ("-H", "Authorization: Basic dXNlcm5hbWU6cGFzc3dvcmQ=")  # its documented default

STRANGERS: Final = (
    Stranger(
        "datasette",
        "its own",
        "-- datasette serve --port {port} --setting sql_time_limit_ms 10000 wide.db",
        "/-/versions.json",
        (
            Expected(f"GET /wide.json?sql={_COUNT}", Verdict.LIVE, "queries run in threads"),
            Expected(
                "GET /wide/t?_size=max",
                Verdict.STALLED,
                "a page of 60,000 cells is rendered on the event loop",
                culprit="site-packages/datasette/",
            ),
        ),
        wide_table,
        ("--duration", "3s"),
    ),
    Stranger(
        "asgiwebdav",
        "its own",
        "-- asgi-webdav --root-path files --port {port}",
        "/_/nothing",
        (
            Expected("GET /large.txt", Verdict.LIVE, "files are read in threads"),
            Expected(
                "GET /many/",
                Verdict.STALLED,
                "a listing is collected and rendered in loops that never yield to the event loop",
                culprit="site-packages/asgi_webdav/",
            ),
        ),
        many_files,
        ("--max-stall", "100ms", *_USER, *_BROWSER),
    ),
    Stranger(
        "django",
        "Django",
        "mysite.asgi:application",
        "/admin/login/",
        (
            Expected(
                "POST /admin/login/", Verdict.LIVE, "a password is hashed in the view's thread"
            ),
        ),
        a_project,
        (*_FORM, *_COOKIE, "-d", f"csrfmiddlewaretoken={_SAME}&username=nobody&password=none"),
    ),
    Stranger(
        "piccolo-admin",
        "FastAPI on hypercorn",
        "-- admin_demo",  # it always listens on port 8000
        "/",
        (
            Expected(
                "POST /public/login/",
                Verdict.STALLED,
                "a password is hashed on the event loop",
                culprit="site-packages/piccolo/apps/user/tables.py",
            ),
        ),
        options=(
            *("--max-stall", "50ms", *_FORM, *_COOKIE, "-H", f"X-CSRFToken: {_SAME}"),
            *("-d", "username=piccolo&password=piccolo123"),
        ),
    ),
    Stranger(
        "simple-repository-server",
        "FastAPI",
        "-- simple-repository-server --host 127.0.0.1 --port {port} index",
        "/simple/",
        (
            Expected(
                "GET /simple/nightly/",
                Verdict.STALLED,
                "5,000 files are listed, and their addresses made, on the event loop",
                culprit="site-packages/simple_repository",
            ),
        ),
        many_wheels,
        ("--max-stall", "100ms"),
    ),
    Stranger(
        "sphinx-autobuild",
        "Starlette",
        "-- sphinx-autobuild --port {port} docs html",
        "/",
        (Expected("GET /genindex.html", Verdict.LIVE, "files are read in threads"),),
        a_document,
    ),
    Stranger(
        "glances",
        "FastAPI, served from a thread",
        "-- glances -w --disable-check-update -B 127.0.0.1 -p {port}",
        "/api/4/status",
        (Expected("GET /api/4/all", Verdict.LIVE, "its routes are plain functions"),),
    ),
)
