"""The gate in runs of pytest: which tests fail, and what the run prints."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.conftest import Command

Run = Callable[..., "CompletedProcess[str]"]

APP = """\
import time

def render():
    time.sleep(0.4)

def legacy():
    time.sleep(0.4)

async def app(scope, receive, send):
    if scope["type"] == "http":
        render()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
"""
TESTS = """\
import asyncio, time, unittest
import anyio.from_thread, httpx, pytest, pytest_asyncio, uvloop
import app

KIND = {kind}

@pytest.fixture
def anyio_backend():
    return "asyncio", {{"use_uvloop": KIND is uvloop.Loop}}

@pytest.fixture(scope="session")
def event_loop_policy():
    return uvloop.EventLoopPolicy() if KIND is uvloop.Loop else asyncio.DefaultEventLoopPolicy()

@pytest_asyncio.fixture
async def around():
    app.render()
    yield
    app.render()

@pytest.fixture
def portal():
    options = {{"use_uvloop": KIND is uvloop.Loop}}
    with anyio.from_thread.start_blocking_portal("asyncio", options) as portal:
        yield portal

async def call():
    assert isinstance(asyncio.get_running_loop(), KIND)
    transport = httpx.ASGITransport(app.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        assert (await client.get("/")).status_code == 200

@pytest.mark.asyncio
async def test_bad_asyncio():
    await call()

@pytest.mark.anyio
async def test_bad_anyio():
    await call()

def test_bad_portal(portal):
    portal.call(call)

@pytest.mark.liveness(max_stall="50ms")
def test_bad_with_a_mark():
    asyncio.run(asyncio.sleep(0.01))
    with asyncio.Runner(loop_factory=KIND) as runner:
        runner.run(call())

class TestBad(unittest.IsolatedAsyncioTestCase):
    async def test_bad_unittest(self):
        app.render()

@pytest.mark.asyncio
async def test_bad_anyway():
    app.render()
    raise LookupError("its own")

@pytest.mark.xfail(strict=True)
@pytest.mark.asyncio
async def test_good_expected():
    app.render()

@pytest.mark.asyncio
async def test_good_set_up(around):
    await asyncio.sleep(0)

@pytest.mark.asyncio
async def test_good_allowed():
    app.legacy()

@pytest.mark.liveness(max_stall="off")
@pytest.mark.asyncio
async def test_good_off():
    app.render()

@pytest.mark.liveness(max_stall=None)
@pytest.mark.asyncio
async def test_good_none():
    app.render()

@pytest.mark.liveness(max_stall=20.0)
@pytest.mark.asyncio
async def test_good_within_the_limit():
    app.render()

@pytest.mark.asyncio
async def test_good_import():
    import slow

def test_good_without_a_loop():
    time.sleep(0.4)

@pytest.mark.asyncio
async def test_good_skipped():
    app.render()
    pytest.skip("for a reason")
"""
ALLOW = "app.py:legacy the driver has no async API yet"
ONE = "import asyncio, app\ndef test_one():\n    asyncio.run({})\n"


@pytest.fixture
def run(command: Command, tmp_path: Path) -> Run:
    """Run pytest on a small project with settings of its own."""
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "slow.py").write_text("import time\ntime.sleep(0.4)\n")

    def run(tests: str, *arguments: str, **settings: str) -> CompletedProcess[str]:
        (tmp_path / "test_own.py").write_text(tests)
        given = "".join(f"{name} = {value}\n" for name, value in settings.items())
        (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = .\n{given}")
        base = f"--basetemp={tmp_path / 'base'}"  # pytest-xdist leaves a folder
        return command("-m", "pytest", "-p", "no:cacheprovider", base, *arguments)

    return run


def outcomes(done: CompletedProcess[str]) -> dict[str, str]:
    """Return the outcome of each test of a run with ``-rA``."""
    return {
        name: outcome
        for outcome, name in re.findall(
            r"^(PASSED|FAILED|XFAIL|ERROR) test_own\.py::(?:\w+::)?(\w+)", done.stdout, re.MULTILINE
        )
    }


@pytest.mark.servers
@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("asyncio.SelectorEventLoop", ()),
        ("uvloop.Loop", ()),
        ("asyncio.SelectorEventLoop", ("--numprocesses", "2")),
    ],
    ids=["asyncio", "uvloop", "xdist"],
)
def test_a_test_fails_if_an_event_loop_stalls_in_its_call(
    kind: str, arguments: tuple[str, ...], run: Run
) -> None:
    settings = {"liveness_max_stall": "100ms", "liveness_allow": ALLOW}
    done = run(
        TESTS.format(kind=kind),
        *("-rA", "-W", "ignore::DeprecationWarning", "--strict-markers", *arguments),
        **settings,
    )
    found = outcomes(done)
    wrong = {
        name: outcome
        for name, outcome in found.items()
        if (outcome == "FAILED") != name.startswith("test_bad")
    }
    assert (wrong, len(found)) == ({}, TESTS.count("def test_") - 1), done.stdout  # one is skipped
    assert done.returncode == 1
    assert "app.py:4 in render() stalled the event loop for 0." in done.stdout
    assert "\n  3 | def render():\n> 4 |     time.sleep(0.4)\n" in done.stdout
    assert "\nThis is a synchronous call: run it in a thread" in done.stdout
    own = done.stdout.partition("LookupError: its own")[2]
    assert "Captured event-loop stalls call" in own
    assert "Traceback" not in done.stdout
    assert "matched no stall" not in done.stdout


@pytest.mark.servers
def test_a_mark_needs_no_setting(run: Run) -> None:
    marked = ONE.format("app.app({'type': 'http'}, None, send)").replace(
        "def test_one", "async def send(_): ...\n@pytest.mark.liveness\ndef test_one"
    )
    done = run(f"import pytest\n{marked}", "--strict-markers")
    assert "1 failed" in done.stdout
    assert "(limit 0.2 s)" in done.stdout


@pytest.mark.servers
@pytest.mark.parametrize("arguments", [(), ("--numprocesses", "2")], ids=["alone", "xdist"])
def test_an_entry_that_matches_nothing_is_reported(arguments: tuple[str, ...], run: Run) -> None:
    settings = {
        "liveness_max_stall": "100ms",
        "liveness_allow": "\n  app.py:gone no reason is left\n  app.py:legacy it is old",
    }
    tests = "import asyncio, app\nasync def main():\n    app.legacy()\n" + ONE.format("main()")
    gone = "liveness_allow: app.py:gone matched no stall in this run; remove it"
    whole = run(tests, *arguments, **settings)
    assert whole.returncode == 0, whole.stdout
    assert gone in whole.stdout
    assert "app.py:legacy" not in whole.stdout
    parts = (("-k", "test_two"), ("test_own.py::test_one",), ("-x",))
    for part in parts[:1] if arguments else parts:
        more = tests + "def test_two():\n    pass\n"
        if part == ("-x",):
            more += "def test_three():\n    assert 0\ndef test_four():\n    pass\n"
        partial = run(more, *arguments, *part, **settings)
        assert "matched no stall" not in partial.stdout, part


@pytest.mark.servers
def test_a_stall_without_a_line_is_a_line_of_the_summary(run: Run) -> None:
    held = "import asyncio, json\nTEXT = '[' + '1,' * 5_000_000 + '1]'\n"
    held += "async def main():\n    json.loads(TEXT)\n"
    tests = held + "def test_one():\n    asyncio.run(main())\n"
    done = run(tests, liveness_max_stall="50ms")
    line = "1 stall without a line (the machine was busy, or they were too short to see)"
    assert (line in done.stdout, done.returncode) in ((True, 0), (False, 1)), done.stdout


@pytest.mark.servers
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"liveness_max_stall": "fast"}, "liveness_max_stall 'fast': write a time as 2.5, 2500ms"),
        ({"liveness_max_stall": "1ms"}, "liveness_max_stall '1ms': give 10ms or more, or off"),
        ({"liveness_allow": "app.py:legacy"}, "liveness_allow: app.py:legacy has no reason"),
    ],
)
def test_a_bad_setting_is_a_usage_error(settings: dict[str, str], message: str, run: Run) -> None:
    done = run("def test_one(): ...", **settings)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {message}" in done.stderr
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.servers
@pytest.mark.parametrize("arguments", [(), ("--numprocesses", "2")], ids=["alone", "xdist"])
def test_a_bad_mark_fails_its_test(arguments: tuple[str, ...], run: Run) -> None:
    tests = (
        "import pytest\n"
        "@pytest.mark.liveness(limit=3)\n"
        "def test_one(): ...\n"
        "@pytest.mark.liveness(max_stall='soon')\n"
        "def test_two(): ...\n"
    )
    done = run(tests, *arguments)
    assert "2 failed" in done.stdout
    assert (
        'test_own.py::test_one: write the mark as @pytest.mark.liveness(max_stall="200ms")'
    ) in done.stdout
    assert "test_own.py::test_two: max_stall 'soon': write a time as" in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.servers
def test_a_run_without_a_gate_imports_none(run: Run) -> None:
    tests = (
        "import asyncio, sys\n"
        "before = asyncio._set_running_loop\n"
        "def test_one():\n"
        "    assert 'asgi_liveness.pytest_gate' not in sys.modules\n"
        "    assert asyncio._set_running_loop is sys.modules['_asyncio']._set_running_loop\n"
    )
    assert "1 passed" in run(tests).stdout
    assert "1 failed" in run(tests, liveness_max_stall="1s").stdout
