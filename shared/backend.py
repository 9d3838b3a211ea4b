"""The build of the sdist and the wheel: flit's own, with the columns in the package.

The columns stand at the top of the repository, where people read them, and ``asgi-liveness demo``
serves them. flit packs one folder and follows no link to another, so the build works in a copy.

The rule: nothing is written into the source; an sdist has the columns already and needs no clone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flit_core import buildapi
from flit_core.buildapi import (
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

_PACKAGE: Final = Path("src", "asgi_liveness")
_COLUMNS: Final = _PACKAGE / "columns"
_PACKED: Final = ("app.py", "remedies.py", "column.toml")
"""The files of a column that the demo needs."""
_LEFT_OUT: Final = shutil.ignore_patterns("__pycache__", "*.egg-info", "dist")


def build_sdist(folder: str, settings: dict[str, Any] | None = None) -> str:
    """Build the sdist in *folder*, and return its name."""
    with _with_columns(folder) as absolute:
        return str(buildapi.build_sdist(absolute, settings))


def build_wheel(
    folder: str, settings: dict[str, Any] | None = None, metadata: str | None = None
) -> str:
    """Build the wheel in *folder*, and return its name."""
    with _with_columns(folder) as absolute:
        return str(buildapi.build_wheel(absolute, settings, metadata))


@contextlib.contextmanager
def _with_columns(folder: str) -> Iterator[str]:
    """Work in a copy of the project that has the columns; yield the absolute path of *folder*."""
    project, absolute = Path.cwd(), str(Path(folder).absolute())
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name, "project")
        shutil.copytree(project, copy, ignore=_LEFT_OUT)
        if not (copy / _COLUMNS).exists():
            _pack(project.parent, copy / _COLUMNS)
        os.chdir(copy)
        try:
            yield absolute
        finally:
            os.chdir(project)


def _pack(clone: Path, columns: Path) -> None:
    found = sorted(path.parent for path in clone.glob("*_impl/column.toml"))
    if not found:
        raise FileNotFoundError(f"no column in {clone}: build in a clone, or from the sdist")
    for column in found:
        (columns / column.name).mkdir(parents=True)
        for name in _PACKED:
            shutil.copy2(column / name, columns / column.name / name)
