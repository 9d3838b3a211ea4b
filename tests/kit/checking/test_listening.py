"""The hosts that a check asks are those of this machine that a server listens on."""

from __future__ import annotations

import os
import socket

import pytest

from asgi_liveness.checking.listening import asked, listening, shown


@pytest.mark.parametrize(
    ("bound", "hosts"),
    [
        ("127.0.0.1", ["127.0.0.1"]),
        ("127.0.0.2", ["127.0.0.2"]),
        ("0.0.0.0", ["127.0.0.1"]),  # noqa: S104 (the example)
        ("::", ["[::1]", "127.0.0.1"]),
        ("::1", ["[::1]"]),
        ("::ffff:127.0.0.3", ["127.0.0.3"]),
        ("::ffff:0.0.0.0", ["127.0.0.1"]),
        ("10.0.0.1", []),
        ("::ffff:10.0.0.1", []),
        ("fe80::1%eth0", []),
        ("2001:db8::1", []),
        ("", []),
    ],
)
def test_only_loopback_is_asked(bound: str, hosts: list[str]) -> None:
    assert asked(bound) == hosts


@pytest.mark.parametrize(
    ("host", "words"),
    [("127.0.0.1", "80"), ("::", "80"), ("127.0.0.2", "127.0.0.2:80"), ("fe80::1", "[fe80::1]:80")],
)
def test_an_address_is_shown_as_people_write_it(host: str, words: str) -> None:
    assert shown(host, 80) == words


def test_the_port_of_a_connection_is_not_listened_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            found = listening(os.getpid())
            assert ("127.0.0.1", port) in found
            assert ("127.0.0.1", client.getsockname()[1]) not in found
    assert ("127.0.0.1", port) not in listening(os.getpid())
