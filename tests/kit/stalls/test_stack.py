"""Which frame of a stack is to blame: the innermost one of the app's own code."""

from __future__ import annotations

from pathlib import Path

import pytest

import asgi_liveness
from asgi_liveness.checking import miniatures
from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.line import line
from asgi_liveness.stalls.stack import (
    imports,
    in_background,
    is_of_app,
    is_own,
    is_serving,
    runs_a_loop,
)
from tests.kit.checking.windows import (
    INSTALLED,
    LOOP,
    OTHER,
    RANDINT,
    REPORT,
    SELECT,
    STANDARD,
)

MAIN = LOOP[-1]
KIT = Path(asgi_liveness.__file__).parent
ENCODER = Frame(f"{INSTALLED}/fastapi/encoders.py", 300, "jsonable_encoder")
ROUTING = Frame(f"{INSTALLED}/starlette/routing.py", 73, "app")
DATABASE = Frame(f"{INSTALLED}/psycopg/connection.py", 9, "execute")
INSTALLED_APP = Frame(f"{INSTALLED}/myapp/views.py", 4, "view")
SERVERS = (
    *("uvicorn", "uvicorn_worker", "hypercorn", "granian", "gunicorn"),
    *("h11", "h2", "wsproto", "uvloop", "trio"),
)
FRAMEWORKS = ("starlette", "fastapi", "quart", "flask", "werkzeug", "anyio")
BOTTOMS = [
    Frame(f"{STANDARD}/asyncio/events.py", 88, "_run"),
    Frame(f"{STANDARD}/asyncio/base_events.py", 1985, "_run_once"),
    Frame(f"{STANDARD}/asyncio/base_events.py", 641, "run_forever"),
    Frame(f"{STANDARD}/asyncio/base_events.py", 687, "run_until_complete"),
    Frame(f"{STANDARD}/asyncio/runners.py", 118, "run"),
    Frame(f"{INSTALLED}/uvloop/__init__.py", 96, "run"),
    Frame(f"{INSTALLED}/granian/_futures.py", 11, "future_with_watcher"),
    Frame(f"{INSTALLED}/trio/_core/_run.py", 2800, "unrolled_run"),
]


def blamed(
    frames: tuple[Frame, ...], package: str = "", *, ran: bool = False
) -> tuple[Frame, Frame | None] | None:
    """Return the line to blame for one sample, and the frame below it."""
    found = line([frames], package, ran=ran)
    return (found.frame, found.below) if found else None


def name_of(frame: Frame) -> str:
    return f"{frame[0].rpartition('site-packages/')[2]} {frame[2]}"


# Middleware, which only passes the request on.


def test_a_middleware_is_not_to_blame_for_the_code_that_it_awaits() -> None:
    middleware = Frame("/srv/myapp/middleware.py", 9, "__call__")
    app = Frame(f"{INSTALLED}/starlette/routing.py", 700, "__call__")
    assert blamed((ENCODER, app, middleware, *LOOP)) == (ENCODER, None)
    assert blamed((REPORT, app, middleware, *LOOP)) == (REPORT, None)
    assert blamed((DATABASE, app, middleware, *LOOP)) == (DATABASE, None)
    assert blamed((middleware, *LOOP)) == (middleware, None)
    assert blamed((DATABASE, middleware, *LOOP)) == (middleware, DATABASE)


# Where a callback of the event loop begins.


@pytest.mark.parametrize("bottom", BOTTOMS, ids=name_of)
def test_frames_that_call_the_event_loop_are_never_to_blame(bottom: Frame) -> None:
    assert blamed((bottom, MAIN)) is None
    assert blamed((REPORT, bottom, MAIN)) == (REPORT, None)
    assert blamed((RANDINT, bottom, MAIN)) is None


@pytest.mark.parametrize(
    "frame",
    [
        Frame(f"{STANDARD}/asyncio/tasks.py", 300, "run"),
        Frame(f"{STANDARD}/asyncio/events.py", 80, "call_soon"),
        Frame(f"{INSTALLED}/trio/_socket.py", 5, "run"),
        Frame(f"{INSTALLED}/uvloop/loop.py", 5, "run"),
        Frame("/srv/granian_app.py", 5, "view"),
    ],
    ids=name_of,
)
def test_a_frame_of_no_event_loop_hides_no_other_frame(frame: Frame) -> None:
    assert blamed((SELECT, frame, REPORT, *LOOP)) is not None


@pytest.mark.parametrize("folder", ["granian", "uvloop", "trio/_core"])
def test_an_app_in_a_folder_named_like_an_event_loop_is_to_blame(folder: str) -> None:
    own = Frame(f"/home/me/{folder}/__init__.py", 5, "view")
    assert blamed((RANDINT, own, *LOOP)) == (own, RANDINT)


@pytest.mark.parametrize("stack", [(SELECT, *LOOP[1:]), (SELECT,), LOOP, LOOP[1:], ()])
def test_an_event_loop_that_waits_does_not_stall(stack: tuple[Frame, ...]) -> None:
    assert blamed(stack) is None


def test_an_event_loop_of_a_python_in_an_unusual_folder_waits() -> None:
    bottom = Frame("/python/asyncio/base_events.py", 1948, "_run_once")
    assert blamed((Frame("/python/selectors.py", 468, "select"), bottom, MAIN)) is None


def test_a_selector_that_the_app_calls_is_a_stall() -> None:
    assert blamed((SELECT, REPORT, *LOOP)) == (REPORT, SELECT)


# The frame of a callback.


@pytest.mark.parametrize(
    ("callback", "found"),
    [
        ((REPORT,), (REPORT, None)),
        ((RANDINT, REPORT), (REPORT, RANDINT)),
        ((OTHER, REPORT), (OTHER, None)),
        ((DATABASE, REPORT), (REPORT, DATABASE)),
        ((RANDINT, DATABASE, REPORT), (REPORT, DATABASE)),
        ((REPORT, DATABASE, OTHER), (REPORT, None)),
        ((RANDINT, REPORT, ROUTING, OTHER), (REPORT, RANDINT)),
        ((Frame("<string>", 1, "made"), REPORT), (REPORT, Frame("<string>", 1, "made"))),
    ],
)
def test_the_innermost_frame_of_the_app_is_to_blame(
    callback: tuple[Frame, ...], found: tuple[Frame, Frame | None]
) -> None:
    assert blamed((*callback, *LOOP)) == found


@pytest.mark.parametrize(
    ("callback", "found"),
    [
        ((ENCODER, ROUTING), (ENCODER, None)),
        ((RANDINT, ENCODER, ROUTING), (ENCODER, RANDINT)),
        ((ENCODER, DATABASE, ROUTING), (DATABASE, ENCODER)),
        ((RANDINT, DATABASE), (DATABASE, RANDINT)),
        ((ENCODER, REPORT, DATABASE), (REPORT, ENCODER)),
    ],
)
def test_a_library_is_to_blame_before_a_framework(
    callback: tuple[Frame, ...], found: tuple[Frame, Frame | None]
) -> None:
    assert blamed((*callback, *LOOP)) == found


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_is_to_blame_only_without_a_library(framework: str) -> None:
    frame = Frame(f"{INSTALLED}/{framework}/app.py", 2, "call")
    assert blamed((frame, DATABASE, *LOOP)) == (DATABASE, frame)
    assert blamed((frame, *LOOP)) == (frame, None)


@pytest.mark.parametrize("callback", [(RANDINT,), (Frame("<frozen runpy>", 1, "run"),)])
def test_a_stack_without_frames_of_an_app_blames_no_line(callback: tuple[Frame, ...]) -> None:
    assert blamed((*callback, *LOOP)) is None


@pytest.mark.parametrize("server", sorted(set(SERVERS) - {"granian"}))
def test_a_server_that_sends_blames_neither_itself_nor_the_app(server: str) -> None:
    frame = Frame(f"{INSTALLED}/{server}/http.py", 5, "send")
    assert blamed((frame, REPORT, *LOOP)) is None
    assert blamed((frame, *LOOP)) is None
    assert blamed((RANDINT, frame, *LOOP)) is None
    assert blamed((REPORT, frame, *LOOP)) == (REPORT, None)


def test_a_handler_of_the_log_is_to_blame_where_a_server_calls_it() -> None:
    emit = Frame(f"{STANDARD}/logging/__init__.py", 1104, "emit")
    server = Frame(f"{INSTALLED}/uvicorn/protocols/http/h11_impl.py", 420, "run_asgi")
    assert blamed((emit, server, *LOOP)) == (emit, None)
    assert blamed((emit, REPORT, *LOOP)) == (REPORT, emit)


def test_a_transport_that_writes_is_not_to_blame() -> None:
    writes = Frame(f"{STANDARD}/asyncio/selector_events.py", 1078, "write")
    assert blamed((writes, REPORT, *LOOP)) is None


def test_an_app_that_sends_while_the_thread_runs_is_to_blame() -> None:
    sends = Frame(f"{INSTALLED}/uvicorn/protocols/http/h11_impl.py", 5, "send")
    assert blamed((sends, REPORT, *LOOP), ran=True) == (REPORT, sends)
    assert blamed((sends, ROUTING, *LOOP), ran=True) is None
    assert blamed((SELECT, *LOOP), ran=True) is None


START = Frame(f"{STANDARD}/threading.py", 973, "start")
WAIT = Frame(f"{STANDARD}/threading.py", 355, "wait")


def test_a_line_that_starts_a_thread_is_not_to_blame() -> None:
    executor = Frame(f"{STANDARD}/concurrent/futures/thread.py", 176, "submit")
    assert blamed((WAIT, WAIT, START, REPORT, *LOOP)) is None
    assert blamed((START, executor, REPORT, *LOOP)) is None
    assert blamed((WAIT, REPORT, *LOOP)) == (REPORT, WAIT)
    assert blamed((Frame("/srv/myapp/jobs.py", 5, "start"), REPORT, *LOOP)) is not None


# The owner of a file.


@pytest.mark.parametrize("folder", [INSTALLED, "/usr/lib/python3/dist-packages"])
@pytest.mark.parametrize("name", ["myapp/views.py", "myapp/a/b.py", "myapp.py"])
def test_an_installed_app_is_the_apps_own_code(folder: str, name: str) -> None:
    frame = Frame(f"{folder}/{name}", 4, "view")
    assert blamed((DATABASE, frame, *LOOP), "myapp") == (frame, DATABASE)
    assert blamed((DATABASE, frame, *LOOP), "other") == (DATABASE, None)


def test_an_installed_app_and_its_start_script_have_the_same_rank() -> None:
    assert blamed((INSTALLED_APP, REPORT, *LOOP), "myapp") == (INSTALLED_APP, None)
    assert blamed((REPORT, INSTALLED_APP, *LOOP), "myapp") == (REPORT, None)


@pytest.mark.parametrize("name", ["myapp_tools/x.py", "my/app.py", "notmyapp/x.py", "a/myapp/x.py"])
def test_a_package_of_another_name_is_a_library(name: str) -> None:
    frame = Frame(f"{INSTALLED}/{name}", 4, "run")
    assert blamed((frame, REPORT, *LOOP), "myapp") == (REPORT, frame)


@pytest.mark.parametrize(
    "file",
    [
        "/home/app/.pyenv/versions/3.12.1/lib/python3.12/random.py",
        "/app/conda/lib/python3.12/json/decoder.py",
    ],
)
def test_a_python_in_a_folder_named_like_the_app_is_not_the_app(file: str) -> None:
    frame = Frame(file, 4, "call")
    assert blamed((frame, REPORT, *LOOP), "app") == (REPORT, frame)


def test_the_kit_is_never_to_blame_except_as_the_app_itself() -> None:
    wrapper = Frame(str(KIT / "observed.py"), 80, "__call__")
    loops = Frame(miniatures.__file__, 80, "loops")
    assert blamed((wrapper, *LOOP)) is None
    assert blamed((loops, *LOOP)) is None
    assert blamed((loops, wrapper, *LOOP), "asgi_liveness") == (loops, None)


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("/srv/myapp/reports.py", True),
        ("/srv/lib/reports.py", True),
        ("/srv/python3.12/reports.py", True),
        ("main.py", True),
        ("<string>", False),
        ("<frozen importlib._bootstrap>", False),
        (f"{STANDARD}/random.py", False),
        ("/usr/lib64/python3.11/random.py", False),
        ("/opt/lib/python3.13t/random.py", False),
        (f"{INSTALLED}/psycopg/connection.py", False),
        ("/usr/lib/python3/dist-packages/yaml.py", False),
        ("/home/me/.local/lib/python3.12/site-packages/yaml.py", False),
        (f"{KIT}/observed.py", False),
        (f"{KIT}_of_mine/observed.py", True),
    ],
)
def test_a_file_is_the_apps_own_or_not(file: str, *, own: bool) -> None:
    assert is_own(file) is own


@pytest.mark.parametrize(
    ("file", "package", "of_app"),
    [
        ("/srv/myapp/reports.py", "", True),
        (f"{INSTALLED}/myapp/views.py", "myapp", True),
        (f"{INSTALLED}/myapp/views.py", "other", False),
        (f"{INSTALLED}/myapp/views.py", "", False),
        (f"{STANDARD}/random.py", "", False),
        (f"{KIT}/observed.py", "", False),
        (f"{KIT}/checking/miniatures.py", "asgi_liveness", True),
    ],
)
def test_a_file_is_of_the_app_by_its_folder_or_package(
    file: str, package: str, *, of_app: bool
) -> None:
    assert is_of_app(file, package) is of_app


# Where a task or a thread is.


@pytest.mark.parametrize(
    ("frame", "background"),
    [
        (Frame(f"{INSTALLED}/starlette/background.py", 36, "__call__"), True),
        (Frame(f"{INSTALLED}/quart/app.py", 1400, "_wrapper"), True),
        (Frame(f"{INSTALLED}/quart/app.py", 1600, "handle_request"), False),
        (Frame(f"{INSTALLED}/starlette/routing.py", 73, "app"), False),
        (Frame("/srv/background.py", 3, "run"), False),
    ],
)
def test_a_background_task_is_known_by_the_code_that_runs_it(
    frame: Frame, *, background: bool
) -> None:
    assert in_background((RANDINT, REPORT, frame, *LOOP)) is background


def test_an_import_is_known_by_the_frames_of_importlib() -> None:
    bootstrap = Frame("<frozen importlib._bootstrap_external>", 940, "exec_module")
    assert imports((REPORT, bootstrap, OTHER, *LOOP))
    assert not imports((REPORT, Frame("<frozen runpy>", 1, "_run_code")))
    assert not imports(())


@pytest.mark.parametrize("bottom", BOTTOMS, ids=name_of)
def test_a_thread_with_an_event_loop_is_known_by_its_frames(
    bottom: Frame,
) -> None:
    assert runs_a_loop((REPORT, bottom, MAIN))
    assert runs_a_loop((bottom,))
    assert not runs_a_loop((REPORT, MAIN))
    assert not runs_a_loop(())


def test_only_servers_and_frameworks_are_serving_packages() -> None:
    assert all(is_serving(name) for name in (*SERVERS, *FRAMEWORKS))
    assert not any(is_serving(name) for name in ("", "myapp", "httpx", "asgi_liveness"))
