"""Check applications that nobody here wrote, as their users start them, and hold what comes out
against what reading their sources and timing them by hand said before.

    nox -s strangers                 all of them
    nox -s strangers -- datasette    those that are named

Each runs in a folder of its own, on this machine alone. Some do block their event loop: on work
that grows with what they are asked for, which few of their users will ever notice.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness.checking.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

BIN: Final = Path(sys.executable).parent
ENVIRONMENT: Final = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
LIMIT: Final = 120.0  # seconds for one of them
TOKEN: Final = "strangers" * 4  # what a form's token and its cookie agree on


class Asked(NamedTuple):
    """A request, what is expected while it is under way, and why."""

    request: str
    verdict: Verdict
    why: str
    blamed: str = ""
    """The end of the folder or file in which the line must be."""


class Stranger(NamedTuple):
    """An application, and how its users start it."""

    distribution: str
    made_with: str
    command: tuple[str, ...]
    """The command, or a target and options if it does not begin with ``--``."""
    probe: str
    asked: tuple[Asked, ...]
    prepare: Callable[[Path], None]
    """Lays out in a folder what it is to serve."""
    options: tuple[str, ...] = ()


def wide_table(folder: Path) -> None:
    """Make a database with a table of 1,000 rows and 60 columns."""
    rows = [[f"row {row}, column {column}" for column in range(60)] for row in range(1000)]
    columns, values = ", ".join(f"c{number}" for number in range(60)), ", ".join("?" * 60)
    with closing(sqlite3.connect(folder / "wide.db")) as database:
        database.execute(f"create table t ({columns})")
        database.executemany(f"insert into t values ({values})", rows)  # noqa: S608 (our own)
        database.commit()


def many_files(folder: Path) -> None:
    """Make a folder of 10,000 files, and a file of 20 MB."""
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
    """Make a Django project, as its tutorial says."""
    for arguments in (("-m", "django", "startproject", "mysite", "."), ("manage.py", "migrate")):
        subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, check=True)


def nothing(_: Path) -> None:
    """It has all that it needs."""


QUERY: Final = (
    "with+recursive+c(x)+as+(select+1+union+all+select+x%2B1+from+c+where+x<1000000)"
    "+select+count(*)+from+c"
)
STRANGERS: Final = (
    Stranger(
        "datasette",
        "a framework of its own",
        *("--", "datasette", "wide.db", "--port", "{port}"),
    ),
)
