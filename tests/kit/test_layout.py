"""The house: imports point one way, a type name means one thing, no file grows too long."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import asgi_liveness

KIT = Path(asgi_liveness.__file__).parent
FILES = sorted(KIT.rglob("*.py"))
BASE = {"errors", "explanation", "files", "foreign", "decoded", "encoded", "changes"}
MACHINERY = {"page", "stalls", "serving", "inside", "probing"}
MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(("conformance", "checking", "watching"), MACHINERY),
    "demo": {*MACHINERY, "conformance", "watching"},
    "page": {"probing"},
    "stalls": {"page", "serving", "inside"},
    "serving": {"inside", "probing"},
    **{package: set() for package in ("inside", "probing", *BASE)},
}
LONGEST = 260  # lines
ALONE = {"queued.py": 360}  # to be copied as one file


def imported(source: str) -> Iterator[str]:
    """The packages of the kit that a file imports, for its types too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "asgi_liveness":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("asgi_liveness."):
            yield str(node.module).split(".")[1]
        elif isinstance(node, ast.Import):
            names = (alias.name.split(".") for alias in node.names)
            yield from (name[1] for name in names if name[0] == "asgi_liveness" and name[1:])


def wrong_imports(package: str, source: str) -> set[str]:
    """What a file of *package* imports and may not; the packages on top may import all."""
    allowed = MAY_IMPORT.get(package)
    return set() if allowed is None else {*imported(source)} - allowed - BASE - {package}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(KIT)))
def test_imports_point_one_way(path: Path) -> None:
    package = path.relative_to(KIT).parts[0].removesuffix(".py")
    assert not wrong_imports(package, path.read_text())


@pytest.mark.parametrize(
    ("package", "planted"),
    [
        ("checking", "from asgi_liveness.conformance.contract import Window"),
        ("checking", "from asgi_liveness import conformance"),
        ("conformance", "import asgi_liveness.checking.run"),
        ("watching", "from asgi_liveness.demo.lanes import Mark"),
        ("demo", "from asgi_liveness.checking import report"),
        ("stalls", "def late():\n    from asgi_liveness.checking import report"),
        ("serving", "from asgi_liveness.stalls.stack import blamed"),
        ("inside", "from asgi_liveness.probing.request import Request"),
        ("errors", "from asgi_liveness.inside.ledger import Ledger"),
    ],
)
def test_a_planted_import_is_found(package: str, planted: str) -> None:
    assert wrong_imports(package, planted)


def test_every_package_has_its_rule() -> None:
    packages = {path.parent.name for path in KIT.glob("*/__init__.py")}
    assert packages <= {"cli", *MAY_IMPORT}


def test_a_type_name_means_one_thing() -> None:
    names = Counter(
        node.name
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(KIT)))
def test_no_file_grows_too_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= ALONE.get(path.name, LONGEST)
