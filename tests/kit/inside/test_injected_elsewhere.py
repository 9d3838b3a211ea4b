"""Children of a watched process are watched; an app that cannot be watched runs undisturbed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from asgi_liveness.inside import injected
from asgi_liveness.inside.injected import layout as inside
from asgi_liveness.serving.board import Board
from tests.kit.checking.windows import read_word, write_word
from tests.kit.inside.watched import (
    Start,
    board,
    functions,
    run,
    samples,
    start,
)
from tests.waiting import until

__all__ = ["board", "run", "start"]  # the fixtures of these tests

# Other processes.


def test_a_fork_has_a_slot_of_its_own(board: Board, run: Callable[..., str]) -> None:
    out = run(
        "over()\n"
        "child = os.fork()\n"
        "if child:\n"
        "    os.waitpid(child, 0)\n"
        "    print(os.getpid(), child)\n"
        "else:\n"
        "    asyncio.run(asyncio.wait_for(asyncio.sleep(0.3, stand()), 1))\n"
        "    os._exit(0)\n"
    )
    assert [one.process for one in board.heartbeats()] == [int(pid) for pid in out.split()]
    assert [one.thread for one in board.heartbeats()] == [int(pid) for pid in out.split()]


def test_a_fork_without_a_loop_leaves_its_parents_loop_watched(board: Board, start: Start) -> None:
    process = start(
        "async def fork():\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        time.sleep(0.3)\n"
        "        os._exit(0)\n"
        "    await asyncio.to_thread(os.waitpid, child, 0)\n"
        "    await blocked(spin)\n"
        "asyncio.run(fork())"
    )
    until(partial(samples, board))
    assert functions(board) == {"spin"}
    assert [(one.process, one.runs) for one in board.heartbeats()] == [(process.pid, True)]


def test_the_collector_of_a_fork_shows_nothing_in_its_parents_slot(
    board: Board, start: Start, tmp_path: Path
) -> None:
    done = tmp_path / "done"
    start(
        "import gc\n"
        "async def fork():\n"
        "    if not os.fork():\n"
        "        held = [[n] for n in range(1_000_000)]\n"
        "        for _ in range(10): gc.collect()\n"
        f"        open({str(done)!r}, 'w').close()\n"
        "        os._exit(0)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(fork())"
    )
    until(lambda: any(one.pass_since for one in board.heartbeats()) or done.exists())
    assert done.exists()


def test_a_child_process_is_watched_as_well(board: Board, run: Callable[..., str]) -> None:
    run(
        "import subprocess\n"
        "if 'child' not in sys.argv:\n"
        "    subprocess.run([sys.executable, __file__, 'child'], check=True)\n"
        "over()\n"
    )
    assert len({one.process for one in board.heartbeats()}) == 2


# Apps that run undisturbed.


def test_the_sitecustomize_of_the_environment_runs_as_well(
    board: Board, run: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text("SEEN = 'own'\n")
    out = run(
        "over()\n"
        "import sitecustomize\n"
        "print(sitecustomize.SEEN, sitecustomize.__file__)\n"
        "print(os.environ['PYTHONPATH'] in sys.path)\n"
        "print([path for path in sys.path if 'asgi_liveness' in path])",
        PYTHONPATH=str(tmp_path / "own"),
    )
    assert out == f"own {tmp_path}/own/sitecustomize.py\nFalse\n[]\n"
    assert len(board.heartbeats()) == 1


@pytest.mark.parametrize("line", ["import no_such_module", "raise ImportError('own')", "1 / 0"])
def test_errors_of_the_environments_sitecustomize_are_shown(
    line: str, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "sitecustomize.py").write_text(f"{line}\n")
    process = start("over()\nprint('fine')", PYTHONPATH=str(tmp_path / "own"))
    out, _ = process.communicate(timeout=60)
    assert out == b"fine\n"
    assert "Error in sitecustomize" in (tmp_path / "err").read_text()


def test_nothing_is_imported_before_the_app_imports_asyncio(tmp_path: Path) -> None:
    script = "import sys\nprint({'asyncio', 'json', 'threading', 'ssl'} & {*sys.modules})"
    (tmp_path / "alone.py").write_text(script)
    environment = {"PYTHONPATH": str(Path(injected.__file__).parent)}
    environment |= {inside.BOARD_VARIABLE: str(tmp_path), inside.LIMIT_VARIABLE: "0.1"}
    done = subprocess.run(
        [sys.executable, str(tmp_path / "alone.py")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_no_module_of_the_kit_is_imported(run: Callable[..., str]) -> None:
    assert run("over()\nprint([name for name in sys.modules if 'asgi_liveness' in name])") == "[]\n"


@pytest.mark.parametrize(
    "lines",
    [
        "over()\nprint('fine')",
        "asyncio.run(blocked(lambda: (stand(), print('fine'), sys.stdout.flush(), os._exit(0))))",
    ],
    ids=["no stall", "stall"],
)
def test_a_full_board_leaves_the_app_alone(
    lines: str, board: Board, run: Callable[..., str]
) -> None:
    write_word(board, inside.TAKEN, inside.LOOPS)
    assert run(lines) == "fine\n"
    assert samples(board) == []
    assert read_word(board, inside.TAKEN) == inside.LOOPS


@pytest.mark.parametrize(
    "lines",
    [
        "gone()\nover()",
        "async def meanwhile():\n    gone()\n    stand()\nasyncio.run(meanwhile())\nover()",
        "over()\ngone()\nover()",
    ],
    ids=["before", "meanwhile", "between"],
)
def test_a_removed_board_leaves_the_app_alone(lines: str, run: Callable[..., str]) -> None:
    gone = "import shutil\ndef gone(): shutil.rmtree(os.path.dirname(os.environ[BOARD]), True)\n"
    board = f"BOARD = {inside.BOARD_VARIABLE!r}\n"
    assert run(f"{board}{gone}{lines}\nprint('fine')") == "fine\n"


def test_a_file_that_cannot_be_written_leaves_the_app_alone(
    board: Board, run: Callable[..., str]
) -> None:
    folder = f"os.path.join({str(board.path.parent)!r}, f'samples.{{os.getpid()}}.{inside.HEADER}')"
    assert run(f"os.mkdir({folder})\nover()\nprint('fine')") == "fine\n"
    assert len(board.heartbeats()) == 1


def test_a_system_without_new_threads_leaves_the_app_alone(run: Callable[..., str]) -> None:
    out = run(
        "def start(self): raise RuntimeError('can\\'t start new thread')\n"
        "threading.Thread.start = start\nover()\nprint('fine')"
    )
    assert out == "fine\n"


@pytest.mark.parametrize("name", [inside.BOARD_VARIABLE, inside.LIMIT_VARIABLE])
def test_an_environment_without_a_board_is_left_alone(
    name: str, board: Board, run: Callable[..., str]
) -> None:
    assert run("over()\nprint(threading.active_count())", **{name: ""}) == "1\n"
    assert board.heartbeats() == []
