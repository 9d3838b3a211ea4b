"""The ledger has one writer for each slot, among threads and processes, and many readers."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from asgi_liveness.errors import LedgerError
from asgi_liveness.inside.ledger import PATH_VARIABLE, SLOTS, Ledger
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMIT = 20  # seconds

TAKE_SLOTS = """\
import sys
from pathlib import Path
from asgi_liveness.inside.ledger import Ledger
with Ledger(Path(sys.argv[1])) as ledger:
    ledger.stamp_start()
    while not ledger.generation:
        pass
    print(*(ledger.take_slot("/process", "app.py:1") for _ in range(300)))
    for _ in range(3000):
        ledger.stamp_start()
"""

TAKE_A_SLOT = """\
import sys
from pathlib import Path
from asgi_liveness.inside.ledger import Ledger
with Ledger(Path(sys.argv[1])) as ledger:
    ledger.take_slot("/elsewhere", "app.py:1")
    print("taken", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    with Ledger.create(path) as ledger:
        yield ledger


def test_a_new_ledger_is_empty(ledger: Ledger) -> None:
    words = (ledger.generation, ledger.failures, ledger.starts, ledger.answers, ledger.beats)
    assert (*words, ledger.taken) == (0, 0, 0, 0, 0, 0)
    assert ledger.loops() == []


def test_one_map_of_a_ledger_reads_the_words_of_another(ledger: Ledger, path: Path) -> None:
    with Ledger(path) as other:
        other.stamp_start()
        other.beat()
        other.beat()
        for _ in range(3):
            other.stamp_answer()
        other.take_slot("/normal", "app.py:7")
    assert (ledger.starts, ledger.beats, ledger.answers, ledger.taken) == (1, 2, 3, 1)
    assert [(loop.route, loop.place) for loop in ledger.loops()] == [("/normal", "app.py:7")]


def test_slots_of_many_threads_are_distinct(ledger: Ledger, path: Path) -> None:
    together = threading.Barrier(8)

    def take_a_hundred(_: int) -> list[int]:
        with Ledger(path) as own:
            together.wait(LIMIT)
            return [own.take_slot("/thread", "app.py:1") for _ in range(100)]

    with ThreadPoolExecutor(8) as pool:
        taken = [slot for slots in pool.map(take_a_hundred, range(8)) for slot in slots]
    assert len(set(taken)) == 800
    assert ledger.taken == 800


def test_no_slot_is_taken_while_another_holds_the_lock(ledger: Ledger, path: Path) -> None:
    taking = threading.Thread(target=ledger.take_slot, args=("/late", "app.py:1"))
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        taking.start()
        taking.join(0.1)  # long enough for a thread that does not wait
        assert ledger.taken == 0
    taking.join(LIMIT)
    assert ledger.taken == 1


def test_slots_of_several_processes_are_distinct_and_no_start_is_lost(
    ledger: Ledger, path: Path
) -> None:
    command = [sys.executable, "-c", TAKE_SLOTS, str(path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    try:
        until(lambda: ledger.starts == 3)
        ledger.stop()
        printed = [process.communicate(timeout=LIMIT)[0] for process in processes]
    finally:
        for process in processes:
            with process:
                process.kill()
    assert len(set(" ".join(printed).split())) == 900
    assert ledger.taken == 900
    assert ledger.starts == 3 + 9000


def test_no_step_is_lost_with_a_slot_for_each_writer(ledger: Ledger) -> None:
    def step_a_thousand_times(_: int) -> None:
        slot = ledger.take_slot("/thread", "app.py:1")
        for steps in range(1, 1001):
            ledger.store_steps(slot, steps)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(step_a_thousand_times, range(4)))
    assert [loop.steps for loop in ledger.loops()] == [1000] * 4


def test_loops_are_in_order_of_birth_from_any_number_on(ledger: Ledger) -> None:
    for route in ("/first", "/second", "/third"):
        ledger.take_slot(route, "app.py:1")
    assert [loop.route for loop in ledger.loops()] == ["/first", "/second", "/third"]
    assert [loop.route for loop in ledger.loops(since=2)] == ["/third"]
    assert ledger.loops(since=3) == []


def test_a_loop_writes_its_own_slot_alone(ledger: Ledger) -> None:
    first, second = (ledger.take_slot(route, "app.py:1") for route in ("/first", "/second"))
    ledger.store_steps(first, 3)
    ledger.store_steps(second, 5)
    ledger.stamp_end(second)
    assert [(loop.steps, loop.ended) for loop in ledger.loops()] == [(3, False), (5, True)]


def test_a_loop_is_on_the_event_loop_by_its_thread(ledger: Ledger) -> None:
    ledger.stamp_event_loop(4711)
    for thread in (4711, 4712):
        ledger.stamp_thread(ledger.take_slot("/any", "app.py:1"), thread)
    ledger.take_slot("/has-made-no-step", "app.py:1")
    assert [loop.on_event_loop for loop in ledger.loops()] == [True, False, False]


def test_a_stop_is_a_new_generation(ledger: Ledger, path: Path) -> None:
    with Ledger(path) as app:
        born_with = app.generation
        ledger.stop()
        assert app.generation != born_with
        assert app.generation == ledger.generation


def test_a_full_ledger_is_an_error_and_stays_readable(ledger: Ledger) -> None:
    for _ in range(SLOTS):
        ledger.take_slot("/many", "app.py:1")
    for _ in range(2):
        with pytest.raises(LedgerError) as raised:
            ledger.take_slot("/one-more", "app.py:1")
        assert str(raised.value) == "the ledger is full: 16384 loops were started on one server"
    assert ledger.taken == SLOTS
    assert {loop.route for loop in ledger.loops()} == {"/many"}


@pytest.mark.parametrize("route", ["/" + 31 * "x", "/" + 15 * "ü" + "x"])
def test_a_route_may_have_32_bytes(ledger: Ledger, route: str) -> None:
    ledger.take_slot(route, "app.py:1")
    assert ledger.loops()[0].route == route


@pytest.mark.parametrize("route", ["/" + 32 * "x", "/" + 16 * "ü"])
def test_a_longer_route_is_an_error(ledger: Ledger, route: str) -> None:
    with pytest.raises(LedgerError) as raised:
        ledger.take_slot(route, "app.py:1")
    assert str(raised.value) == f"the route {route!r} is longer than 32 bytes"
    assert ledger.taken == 0


@pytest.mark.parametrize(
    ("place", "kept"),
    [
        ("app.py:12", "app.py:12"),
        (f"{'d' * 184}/app.py:1", f"{'d' * 183}/app.py:1"),
        (f"{'d' * 500}/app.py:1", f"{'d' * 183}/app.py:1"),
        (f"{'ü' * 300}/app.py:1", f"\N{REPLACEMENT CHARACTER}{'ü' * 91}/app.py:1"),
    ],
    ids=["short", "a byte too long", "long", "cut within a character"],
)
def test_a_long_place_keeps_its_end(ledger: Ledger, place: str, kept: str) -> None:
    ledger.take_slot("/any", place)
    assert ledger.loops()[0].place == kept


def test_a_missing_ledger_is_an_error_with_its_remedy(path: Path) -> None:
    with pytest.raises(LedgerError) as raised:
        Ledger(path)
    assert str(raised.value) == (
        f"the ledger {path} cannot be opened ([Errno 2] No such file or directory: '{path}'); "
        f"unset ASGI_LIVENESS_LEDGER to run the loops without one"
    )


def test_a_file_that_is_not_a_ledger_is_an_error(path: Path) -> None:
    path.write_bytes(b"too short")
    with pytest.raises(LedgerError, match="cannot be opened"):
        Ledger(path)


def test_a_ledger_that_cannot_be_made_is_an_error_with_its_remedy(path: Path) -> None:
    with pytest.raises(LedgerError) as raised:
        Ledger.create(path / "below")
    assert str(raised.value) == (
        f"the ledger {path}/below cannot be written (No such file or directory); "
        f"set TMPDIR to a writable folder"
    )


def test_a_ledger_never_replaces_a_file(path: Path) -> None:
    path.write_bytes(b"another's")
    with pytest.raises(LedgerError, match=r"cannot be written \(File exists\)"):
        Ledger.create(path)
    assert path.read_bytes() == b"another's"


def test_the_environment_names_the_ledger(
    ledger: Ledger, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PATH_VARIABLE, str(path))
    found = Ledger.from_environment()
    assert found is not None
    with found:
        found.beat()
    assert ledger.beats == 1


def test_an_environment_without_the_variable_has_no_ledger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(PATH_VARIABLE, raising=False)
    assert Ledger.from_environment() is None
    monkeypatch.setenv(PATH_VARIABLE, "")
    assert Ledger.from_environment() is None


def test_a_process_opens_a_ledger_once(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PATH_VARIABLE, str(ledger.path))
    first = Ledger.from_environment()
    assert first is Ledger.from_environment()
    with Ledger.create(tmp_path / "another") as another:
        monkeypatch.setenv(PATH_VARIABLE, str(another.path))
        second = Ledger.from_environment()
    assert second is not None
    assert second is not first
    assert second.path == another.path


def test_failures_and_stops_are_counted_apart(ledger: Ledger, path: Path) -> None:
    with Ledger(path) as app:
        ledger.fail()
        assert (app.failures, app.generation) == (1, 0)
        ledger.stop()
        assert (app.failures, app.generation) == (1, 1)


def test_a_loop_is_in_the_process_of_the_app_or_another(ledger: Ledger, path: Path) -> None:
    ledger.take_slot("/here", "app.py:1")
    assert not ledger.loops()[0].in_app  # the app's process is not known yet
    ledger.stamp_event_loop(1)
    with subprocess.Popen(
        [sys.executable, "-c", TAKE_A_SLOT, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        assert [(loop.in_app, loop.ended) for loop in ledger.loops()] == [
            (True, False),
            (False, False),
        ]
    # The loop has ended with its process.
    assert [loop.ended for loop in ledger.loops()] == [False, True]
