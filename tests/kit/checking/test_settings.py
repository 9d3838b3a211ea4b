"""Options in ``[tool.asgi-liveness]`` of ``pyproject.toml``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from asgi_liveness.checking.before import Before
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.settings import load, options
from asgi_liveness.errors import UsageError

Settings = Callable[[str], Path]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Write a table into a project's file, and return the project's folder."""

    def write(table: str) -> Path:
        (tmp_path / "pyproject.toml").write_text(f"[tool.asgi-liveness]\n{table}\n")
        return tmp_path

    return write


def test_every_option_but_the_body_has_a_key(settings: Settings) -> None:
    folder = settings(
        'target = "myapp:app"\ncommand = ["granian", "myapp:app"]\nduring = ["GET /a", "/b"]\n'
        'probe = "/healthz"\nserver = "hypercorn"\nloop = "uvloop"\nfactory = true\n'
        'app-dir = "src"\nheaders = ["X-Tenant: t"]\nduration = "2s"\nmax-stall = "50ms"\n'
        "concurrency = 3\nopenapi = true\nallow-remote = false\nno-early = true\nstart-limit = 30\n"
        'before = ["GET /csrf", {request = "POST /login", headers = ["A: b"], body = "@login"}]\n'
        'header-from = "Authorization: Bearer {token}"\n'
    )
    (folder / "login").write_bytes(b"\xff")
    found = load(folder)
    assert found == {
        "target": "myapp:app",
        "command": ("granian", "myapp:app"),
        "during": ("GET /a", "/b"),
        "probe": "/healthz",
        "server": "hypercorn",
        "loop": "uvloop",
        "factory": True,
        "app_dir": "src",
        "headers": ("X-Tenant: t",),
        "duration": 2.0,
        "max_stall": 0.05,
        "concurrency": 3,
        "openapi": True,
        "allow_remote": False,
        "no_early": True,
        "start_limit": 30.0,
        "before": (Before("GET /csrf"), Before("POST /login", ("A: b",), b"\xff")),
        "header_from": ("Authorization: Bearer {token}",),
    }
    assert {field.name for field in fields(Options)} - found.keys() == {"body"}


def test_openapi_may_be_all(settings: Settings) -> None:
    assert load(settings('openapi = "all"')) == {"openapi": "all"}


def test_a_request_before_the_windows_needs_no_list(settings: Settings) -> None:
    folder = settings('before = {request = "POST /a", headers = {A = "b"}, body = "c"}')
    assert load(folder) == {"before": (Before("POST /a", ("A: b",), b"c"),)}


def test_one_request_needs_no_list_and_a_number_is_in_seconds(settings: Settings) -> None:
    folder = settings('during = "/a"\nduration = 1.5')
    assert load(folder) == {"during": ("/a",), "duration": 1.5}


@pytest.mark.parametrize("content", ["", "[tool]\n", "[tool.other]\na = 1\n", "tool = 1\n"])
def test_a_project_without_the_table_has_no_settings(content: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(content)
    assert load(tmp_path) == {}


# Which file.


def test_the_file_is_in_the_folder_or_above_it_in_the_repository(
    settings: Settings,
) -> None:
    root = settings('probe = "/outer"')
    inner = root / "a" / "b"
    inner.mkdir(parents=True)
    assert load(inner) == {}
    (root / ".git").mkdir()
    assert load(inner) == {"probe": "/outer"}
    (root / "a" / ".git").write_text("gitdir: elsewhere")  # a worktree's
    assert load(inner) == {}


def test_the_nearest_file_counts_alone(settings: Settings) -> None:
    root = settings('probe = "/outer"')
    (root / ".git").mkdir()
    (root / "a").mkdir()
    (root / "a" / "pyproject.toml").write_text("[project]\n")
    assert load(root / "a") == {}


@pytest.mark.parametrize(
    ("table", "folder"), [('target = "myapp:app"', "."), ('app-dir = "src"', "src")]
)
def test_an_app_is_imported_from_the_folder_of_the_file(
    table: str, folder: str, settings: Settings
) -> None:
    root = settings(table)
    (root / ".git").mkdir()
    (root / "tests").mkdir()
    assert load(root / "tests")["app_dir"] == str(root / folder)
    assert load(root).get("app_dir", ".") == folder


# What is given wins.


def test_given_options_win_and_the_file_has_the_rest(settings: Settings) -> None:
    folder = settings('target = "myapp:app"\nduring = ["/a"]\nduration = "2s"\nmax-stall = "50ms"')
    found = options({"during": ("/b",), "duration": 3.0}, folder)
    assert found == Options(target="myapp:app", during=("/b",), duration=3.0, max_stall=0.05)


@pytest.mark.parametrize("given", [{"command": ("serve",)}, {"target": "other:app"}])
def test_a_given_target_or_command_replaces_that_of_the_file(
    given: dict[str, object], settings: Settings
) -> None:
    for table in ('target = "myapp:app"', 'command = ["granian"]'):
        assert options(given, settings(table)) == Options(**given)  # type: ignore[arg-type]


def test_without_a_file_the_given_options_are_all(tmp_path: Path) -> None:
    assert options({"target": "myapp:app"}, tmp_path) == Options(target="myapp:app")


# What is wrong.


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ("durration = 4", "there is no 'durration'; did you mean 'duration'?"),
        ("max_stall = 4", "there is no 'max_stall'; did you mean 'max-stall'?"),
        ("colour = 4", "there is no 'colour'; there is target, command, during, "),
        ('body = "x"', "a body belongs to one request; give it with -d DATA"),
        ('duration = "4x"', "'duration' is '4x': write a time as 2.5, 2500ms, 4s, 1m"),
        ("duration = -4", "'duration' is '-4': write a time as 2.5"),
        ("duration = true", "'duration' must be a time, as '4s' or 4"),
        ("duration = [4]", "'duration' must be a time, as '4s' or 4"),
        ("during = 4", "'during' must be a list of texts"),
        ('during = ["/a", 4]', "'during' must be a list of texts"),
        ('command = "granian"', "'command' must be a list of texts"),
        ('headers = {X-Token = "t"}', "'headers' must be a list of texts"),
        ('factory = "yes"', "'factory' must be true or false"),
        ("openapi = 1", "'openapi' must be true, false or \"all\""),
        ('openapi = "some"', "'openapi' must be true, false or \"all\""),
        ("before = 4", "'before': write each as {request = "),
        ("before = [{}]", "'before': write each as {request = "),
        ('before = [{request = "/a", data = "x"}]', "'before': write each as {request = "),
        ('before = [{request = "/a", headers = [4]}]', "'before': write each as {request = "),
        ('before = [{request = "/a", body = 4}]', "'before': write each as {request = "),
        (
            'before = [{request = "/a", body = "@missing"}]',
            "'before': the file of a body cannot be read: No such file or directory",
        ),
        ("concurrency = true", "'concurrency' must be a whole number"),
        ("concurrency = 1.0", "'concurrency' must be a whole number"),
        ("target = 4", "'target' must be a text"),
        ('probe = ""', "'probe' must be a text"),
    ],
)
def test_a_bad_setting_is_an_error_with_file_and_key(
    table: str, error: str, settings: Settings
) -> None:
    folder = settings(table)
    with pytest.raises(UsageError) as raised:
        load(folder)
    where = f"{folder / 'pyproject.toml'}, [tool.asgi-liveness]: "
    assert str(raised.value).startswith(f"{where}{error}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"[tool", b"\xff", b"a = 1\na = 2"])
def test_a_file_that_is_not_toml_is_an_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(content)
    with pytest.raises(UsageError, match=r"pyproject\.toml is not TOML: [^\n]+\Z"):
        load(tmp_path)


def test_a_setting_in_place_of_the_table_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool]\nasgi-liveness = "x"\n')
    with pytest.raises(UsageError, match="it must be a table of options"):
        load(tmp_path)
