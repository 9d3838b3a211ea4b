"""A connection that sends nothing is taken by an event loop that runs, and by no other."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from asgi_liveness.serving import knock
from asgi_liveness.serving.knock import Knock, Knocks
from asgi_liveness.serving.ports import Listener, listeners_on, offspring, polled
from tests.waiting import LIMIT, until

SERVES = """\
import asyncio, os, socket, sys, time

kept = []  # from 3.13 on, a writer that nobody keeps closes its connection

async def main():
    await asyncio.start_server(lambda *streams: kept.append(streams), sock=server)
    frozen = sys.argv[1] == "frozen" or (sys.argv[1] == "half" and os.getpid() != first)
    while True:
        await asyncio.sleep(0.01)
        if os.getpid() == first:  # lines of two processes would mix
            print(server.getsockname()[1], flush=True)
        if frozen:
            time.sleep(600)

server, first = socket.create_server((sys.argv[2], 0), family=int(sys.argv[3])), os.getpid()
if sys.argv[1] == "half":
    os.fork()
asyncio.run(main())
"""


@contextmanager
def serving(kind: str, host: str = "127.0.0.1") -> Iterator[tuple[int, int]]:
    """A server that is live, frozen, or half so, in two processes; its pid and its port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    process = subprocess.Popen(
        [sys.executable, "-c", SERVES, kind, host, str(int(family))],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        port = int(process.stdout.readline())
        until(lambda: len(polled(family_of(process.pid), port)) == 1 + (kind == "half"))
        yield process.pid, port
    finally:
        for pid in family_of(process.pid):
            os.kill(pid, 9)
        process.wait()
        process.stdout.close()


def family_of(pid: int) -> set[int]:
    return {pid} | offspring({pid})


def takes(knocks: Knocks, pid: int) -> bool:
    """Whether a process has taken a connection by now."""
    knocks.again()
    return knocks.took(pid) is True


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::"])  # noqa: S104 (the example)
def test_a_loop_that_runs_takes_a_connection(host: str) -> None:
    with serving("live", host) as (pid, port):
        knocks = Knocks(polled([pid], port))
        try:
            assert until(lambda: takes(knocks, pid))
            knocks.forget(pid)
            assert not knocks.took(pid)
            assert until(lambda: takes(knocks, pid))
        finally:
            knocks.close()


def test_a_frozen_loop_takes_none() -> None:
    with serving("frozen") as (pid, port):
        time.sleep(0.1)  # it says its port just before it freezes
        knocks = Knocks(polled([pid], port))
        knocks.again()
        assert knocks.took(pid) is None
        knocks.again()
        assert knocks.took(pid) is False
        knocks.close()


def test_a_connection_that_another_process_takes_proves_nothing_of_the_frozen_one() -> None:
    with serving("half") as (live, port):
        (frozen,) = offspring({live})
        knocks = Knocks(polled([live, frozen], port))
        until(lambda: takes(knocks, live))
        for _ in range(5):
            knocks.again()
            assert knocks.took(frozen) is None
            time.sleep(0.02)
        knocks.close()


def test_a_server_that_listens_elsewhere_is_not_known() -> None:
    knocks = Knocks({})
    knocks.again()
    assert knocks.took(42) is None


def test_the_processes_of_a_port_share_its_socket() -> None:
    with serving("half") as (pid, port):
        assert listeners_on(port).processes == family_of(pid)
        assert not listeners_on(port).hidden


def test_a_socket_that_no_event_loop_watches_is_left_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listeners_on(port).processes == {os.getpid()}
        assert polled([os.getpid()], port) == {}


def test_sockets_of_another_port_are_left_out() -> None:
    with serving("live") as (pid, port):
        (found,) = polled([pid], port)[pid]
        assert (found.host, found.port) == ("127.0.0.1", port)
        assert polled([pid], port + 1) == {}
        assert polled([pid]) == {pid: [Listener("127.0.0.1", port, found.fd)]}


def test_a_pass_that_goes_on_while_all_are_closed_leaves_none_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, goes_on, opened = threading.Event(), threading.Event(), list[Knock]()

    class Slow(Knock):
        def __init__(self, listener: Listener) -> None:
            begun.set()
            goes_on.wait(LIMIT)
            super().__init__(listener)
            opened.append(self)

    monkeypatch.setattr(knock, "Knock", Slow)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        knocks = Knocks({os.getpid(): [Listener("127.0.0.1", port, server.fileno())]})
        passes = [threading.Thread(target=act) for act in (knocks.again, knocks.close)]
        for thread in passes:
            thread.start()
            begun.wait(LIMIT)
        goes_on.set()
        for thread in passes:
            thread.join()
        knocks.again()
    assert [each._socket.fileno() for each in opened] == [-1]
