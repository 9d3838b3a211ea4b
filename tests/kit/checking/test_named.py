"""The program and the package that a target or a command names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asgi_liveness.checking.named import check_name, package_of, program_of, tool_hint
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.served import served
from asgi_liveness.errors import UsageError


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of this Python's programs, with one in it; the PATH is another."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (tmp_path / "path").mkdir()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    put(folder, "served", "from myapp.cli import main")
    return folder


def put(folder: Path, name: str, script: str = "") -> Path:
    program = folder / name
    program.write_text(f"#!python\nimport sys\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("target", "package"),
    [
        ("myapp:app", "myapp"),
        ("myapp.web.main:app", "myapp"),
        ("myapp:apps.first", "myapp"),
        ("myapp:create_app()", "myapp"),
        ("http://127.0.0.1:8000", ""),
        ("https://localhost", ""),
    ],
)
def test_an_app_names_its_package_and_an_address_names_none(target: str, package: str) -> None:
    assert package_of(Options(target)) == package


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("myapp/main.py", "names a file; name the app in it as a module: myapp.main:app"),
        ("./myapp/main.py:api", "as a module: myapp.main:api"),
        ("main.py", "as a module: main:app"),
        ("myapp/main:app", "as a module: myapp.main:app"),
        ("src/myapp/main.py", "as a module: myapp.main:app --app-dir src"),
        ("../shop/main.py", "as a module: main:app --app-dir ../shop"),
        ("/srv/my shop/main.py", "as a module: main:app --app-dir '/srv/my shop'"),
        (":", "names no module; write module:attribute, as myapp.main:app"),
        (":app", "names no module; write module:attribute"),
        ("localhost:8000", "is an address; write http://localhost:8000"),
        (":8000", "is an address; write http://127.0.0.1:8000"),
        ("localhost", "is an address; write http://localhost:8000"),
        ("127.0.0.1", "is an address; write http://127.0.0.1:8000"),
        ("http:/127.0.0.1:9000", "is an address; write http://127.0.0.1:8000"),
    ],
)
def test_a_target_that_is_no_module_is_refused_with_what_to_write(target: str, error: str) -> None:
    with pytest.raises(UsageError) as raised:
        served(Options(target))
    assert str(raised.value).startswith(f"{target!r} ")
    assert error in str(raised.value)


@pytest.mark.parametrize("target", ["myapp", "myapp:", "myapp.main:app", "a_b.c:make()"])
def test_a_module_is_a_name(target: str) -> None:
    check_name(target)


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("granian --interface asgi --port {port} myapp.main:app", "myapp"),
        ("gunicorn -k uvicorn.workers.UvicornWorker -b 127.0.0.1:{port} myapp:app", "myapp"),
        ("uvicorn --factory myapp:create_app --port {port}", "myapp"),
        ("nowhere --bind localhost:{port}", ""),
        ("python main.py", ""),
    ],
)
def test_a_command_names_the_package_of_the_app_that_it_is_given(
    command: str, package: str
) -> None:
    assert package_of(Options(command=tuple(command.split()))) == package


@pytest.mark.parametrize(
    ("script", "package"),
    [
        ("from myapp.cli import main", "myapp"),
        ("import re\nfrom myapp import main", "myapp"),
        ("from uvicorn.main import main", ""),
        ("from granian.cli import entrypoint", ""),
        ("from fastapi.cli import main", ""),
        ("print('no import')", ""),
        ("  from myapp import main", ""),
    ],
)
def test_an_installed_program_names_its_import_unless_that_is_a_server(
    script: str, package: str, installed: Path
) -> None:
    put(installed, "served", script)
    assert package_of(Options(command=("served", "--port", "{port}"))) == package


def test_a_program_that_is_no_text_names_no_package(installed: Path) -> None:
    (installed / "binary").write_bytes(b"\x7fELF\xff\xfe")
    assert package_of(Options(command=("binary",))) == ""
    assert package_of(Options(command=("nowhere",))) == ""


def test_a_program_is_found_on_the_path_or_next_to_this_python(
    installed: Path, tmp_path: Path
) -> None:
    assert program_of("served") == str(installed / "served")
    on_path = put(tmp_path / "path", "served")
    assert program_of("served") == str(on_path)
    assert program_of("nowhere") == "nowhere"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("folder", ["", ".venv/bin"])
def test_a_program_may_be_given_with_its_folder(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    program = put(tmp_path / folder, "served", "from myapp.cli import main")
    for given in (str(program), f"./{folder}/served", f"{tmp_path}/nowhere"):
        assert Path(program_of(given)).resolve() == Path(given).resolve()
    assert package_of(Options(command=(str(program),))) == "myapp"


@pytest.mark.parametrize(
    ("prefix", "tool"),
    [
        ("/home/me/.local/pipx/venvs/asgi-liveness", True),
        ("/home/me/.local/share/uv/tools/asgi-liveness", True),
        ("/home/me/.cache/uv/archive-v0/abc", True),
        ("/srv/.venv", False),
        ("/usr", False),
    ],
)
def test_the_environment_of_a_tool_is_not_that_of_the_app(
    prefix: str, monkeypatch: pytest.MonkeyPatch, *, tool: bool
) -> None:
    monkeypatch.setattr(sys, "prefix", prefix)
    hint = tool_hint("myapp:app")
    assert bool(hint) is tool
    if tool:
        assert prefix in hint
        assert hint.endswith("-- .venv/bin/uvicorn --port {port} myapp:app")
