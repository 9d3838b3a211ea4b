"""The files that users and apps name: regular ones below a size, and an error for any other."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from asgi_liveness.errors import UsageError
from asgi_liveness.files import current_folder, read_bytes, read_json, read_toml

MB = 2**20


def test_a_regular_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xff\0")
    assert read_bytes(path) == b"\xff\0"
    assert read_bytes(path, 2) == b"\xff\0"


def made(kind: str, folder: Path) -> Path:
    """A file that is no regular one."""
    path = folder / "odd"
    if kind == "a folder":
        path.mkdir()
    elif kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    else:
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize("kind", ["a folder", "a pipe", "a device"])
@pytest.mark.parametrize("read", [read_bytes, read_toml, read_json])
def test_any_other_file_is_an_error_at_once(kind: str, read: object, tmp_path: Path) -> None:
    path = made(kind, tmp_path)
    assert callable(read)
    with pytest.raises(UsageError) as raised:
        read(path)
    assert str(raised.value) == f"{path} cannot be read: it is {kind}; name a regular file"


def test_a_socket_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such device or address"):
        read_bytes(made("a socket", tmp_path))


def test_a_pipe_with_a_writer_is_not_read_either(tmp_path: Path) -> None:
    path = made("a pipe", tmp_path)
    writer = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(writer, b"{}")
        with pytest.raises(UsageError, match="it is a pipe"):
            read_json(path)
    finally:
        os.close(writer)


def test_a_file_above_the_limit_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(UsageError, match=r"large cannot be read: it is larger than 64 MB\Z"):
        read_bytes(path)
    with pytest.raises(UsageError, match=r"it is larger than 1 MB\Z"):
        read_bytes(path, MB)


def test_a_file_that_the_kernel_makes_up_has_nothing_to_read() -> None:
    assert read_bytes(Path("/proc/self/environ")) == b""


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have_is_an_error(name: str) -> None:
    with pytest.raises(UsageError, match="it is no name of a file"):
        read_bytes(Path(name))


def test_the_error_can_call_the_file_by_another_name() -> None:
    with pytest.raises(UsageError) as raised:
        read_bytes(Path("s3cret"), name="the file after -d @")
    assert str(raised.value) == "the file after -d @ cannot be read: No such file or directory"


@pytest.mark.parametrize("content", [b"\xff", b"", b"[", b"[" * 100_000, b"\xef\xbb\xbf{}"])
def test_what_is_not_json_is_an_error_of_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"a.json is not JSON[^\n]*\Z"):
        read_json(path)


@pytest.mark.parametrize("content", [b"\xff", b"a", b"a=" + b"[" * 100_000, b"a=1\0"])
def test_what_is_not_toml_is_an_error_of_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"a.toml is not TOML[^\n]*\Z"):
        read_toml(path)


def test_a_folder_that_was_removed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(UsageError, match="the current folder cannot be used"):
        current_folder()
