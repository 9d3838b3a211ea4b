"""Everything that can be run, a session each. ``nox -l`` lists them in groups.

The groups are tags: ``nox -t bench`` runs every session of one. ``nox -s fast`` is for every
change; bare ``nox`` runs everything that must pass.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False  # `kit` logs those that are missing
nox.options.reuse_existing_virtualenvs = True
os.environ["UV_PYTHON_DOWNLOADS"] = "never"
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the tests start thousands of interpreters

ROOT = Path(__file__).parent
LOCK = "requirements.lock"
COMPARED = "comparison"  # names the report of all columns
KIT = "shared[queued]"  # the columns have a task queue
WITH_PAGE = "shared[page,queued]"  # and with what writes pages
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = [name for name in PROJECT["dependency-groups"] if name != "strangers"]
COMPARISON = PROJECT["tool"]["comparison"]
FRAMEWORKS: dict[str, list[str]] = COMPARISON["frameworks"]
COLUMNS = {
    name: tomllib.loads((ROOT / f"{name}_impl" / "column.toml").read_text()) for name in FRAMEWORKS
}
OWN = (ROOT / f"{name}_impl" / "known_differences.toml" for name in FRAMEWORKS)
KNOWN = [COMPARISON["known"], *(str(path.relative_to(ROOT)) for path in OWN if path.exists())]
LAST = list(FRAMEWORKS)[-1]
# Shutdowns take minutes: one column here, all columns in `nox -s record`.
nox.options.sessions = [
    *("lint", "types", "kit", "columns", "browser", "check", "fuzz", *FRAMEWORKS),
    *(f"shutdown({LAST})", "package", "newcomer"),
]
CORES = os.cpu_count() or 1
# One more than cores for tests that start no server: they wait for a third of the time.
UNSERVED = ("--numprocesses", str(CORES + 1))
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REDIS_TESTS = (
    *("tests/kit/test_queued_redis.py", "tests/columns/test_queued_redis.py"),
    *("tests/columns/test_traps_queue.py", "tests/tools/test_cluster.py"),
)
BUSY = 50  # percent of the processor
PATIENCE = 10.0  # seconds from Ctrl+C to a kill; the default of nox is 0.3


def _interpreter(version: str) -> str | None:
    """Find an interpreter that starts: this one, one on the PATH, or one of pyenv."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return sys.executable
    kept = sorted(
        Path(os.environ.get("PYENV_ROOT", "~/.pyenv"))
        .expanduser()
        .glob(f"versions/{version}.*/bin/python{version}")
    )
    for found in (shutil.which(f"python{version}"), *kept[-1:]):
        # A pyenv shim is on the path whether its Python is active or not.
        if (
            found
            and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return str(found)
    return None


PYTHONS = {version: _interpreter(version) for version in COMPARISON["pythons"]}
FOUND = {version: path for version, path in PYTHONS.items() if path}
RAN: list[str] = []  # by `kit`, in this call of nox


def _install(session: nox.Session, *names: str, kit: str = KIT, lock: str = LOCK) -> None:
    """Install the kit, frameworks and dependency groups, at the versions of the one lock."""
    session.install("--constraint", lock, "--editable", kit, *_wanted(*names))


def _wanted(*names: str) -> list[str]:
    """Return what pip installs for frameworks and dependency groups."""
    return [a for name in names for a in FRAMEWORKS.get(name, ("--group", name))]


def _target(framework: str) -> str:
    """Return a column's app."""
    return f"{framework}_impl.app:app"


def _without(session: nox.Session, *frameworks: str) -> None:
    """Fail if one of the frameworks is installed."""
    find = "import importlib.util, sys; print(*filter(importlib.util.find_spec, sys.argv[1:]))"
    found = session.run("python", "-c", find, *sorted(frameworks), silent=True, log=False)
    if isinstance(found, str) and found.strip():
        where = session.virtualenv.location
        session.error(f"{found.strip()} must not be installed in {where}: delete it and run again")


def _patiently(session: nox.Session, *command: str, exit_code: int = 0) -> None:
    """Run a command that starts servers, and let it end them after Ctrl+C."""
    session.run(
        *command,
        interrupt_timeout=PATIENCE,
        terminate_timeout=PATIENCE,
        success_codes=[exit_code],
    )


def _workers(session: nox.Session) -> tuple[str, ...]:
    """Return pytest's options for tests that start servers, which wait for most of the time.

    Two processes for each core; one on a machine that other work keeps busy.
    """
    measure = ("python", "-c", "import psutil; print(psutil.cpu_percent(1.0))")
    used = float(str(session.run(*measure, silent=True, log=False)))
    each = 1 if used > BUSY else 2
    return ("--numprocesses", str(each * CORES), "--dist", "worksteal")


def _test(session: nox.Session, *otherwise: str, workers: tuple[str, ...] = ()) -> None:
    """Run pytest on the tests that the user names (-- tests/PATH::NAME), else on *otherwise*."""
    words = zip(["", *session.posargs], session.posargs, strict=False)
    named = [word for before, word in words if word and before not in ("-k", "-m")]
    paths = [word for word in named if (ROOT / word.partition("::")[0]).exists()]
    # A test that is named runs alone, and so it needs no workers.
    parallel = () if any("::" in path for path in paths) else workers or _workers(session)
    _patiently(session, "pytest", *parallel, *(() if paths else otherwise), *session.posargs)


def _test_apart(session: nox.Session, *otherwise: str, servers: str = "servers") -> None:
    """Run the tests that start no server, and then those that do, with the mark *servers*.

    Tests that compute would take the processor from apps whose event loops are timed.
    """
    if session.posargs:
        _test(session, *otherwise)
    else:
        _test(session, *otherwise, "-m", "not servers", workers=UNSERVED)
        _test(session, *otherwise, "-m", f"{servers} and not alone")


def _judge(session: nox.Session, *frameworks: str, arguments: tuple[str, ...] = ()) -> None:
    """Judge columns on all servers; a framework or server that is missing is an error."""
    servers = [argument for name in COMPARISON["servers"] for argument in ("--server", name)]
    targets = [_target(name) for name in frameworks]
    known = [argument for path in KNOWN for argument in ("--known", path)]
    remedies = ("--has", COMPARISON["remedies"], "--worker", COMPARISON["worker"])
    asked = (*known, *remedies, *arguments)
    _patiently(session, "asgi-liveness", "run", *targets, *servers, *asked, *session.posargs)


def _show(
    session: nox.Session, name: str, *frameworks: str, arguments: tuple[str, ...] = ()
) -> None:
    """Judge columns; end with the path of the run's page, also where cells failed."""
    report = ("--report", f"json=out/{name}.json")
    try:
        _judge(session, *frameworks, arguments=(*report, *arguments))
    except CommandFailed:
        _results(session, name)
        raise
    _results(session, name)


def _results(session: nox.Session, name: str) -> None:
    """Print what changed, if all columns were judged; write the page, and print its path."""
    fresh = f"out/{name}.json"
    if (ROOT / fresh).exists():  # it is not if the arguments were wrong
        if name == COMPARED:
            _changes(session, fresh)
        session.run("python", "-m", "tools.page", fresh, f"out/{name}.html")


def _changes(session: nox.Session, fresh: str) -> None:
    """Print what changed since the committed results; that is no failure of the session."""
    # What the user chose from (-k, --server) leaves out the rest, which is not gone.
    part = ("--partial",) if session.posargs else ()
    compared = ("asgi-liveness", "diff", "results/comparison.json", fresh, *part)
    session.run(*compared, success_codes=[0, 1, 2])


@nox.session(venv_backend="none", tags=["test"])
def fast(session: nox.Session) -> None:
    """Lint, check types, and run all tests that start no server, in a minute (-- -k NAME)."""
    session.notify("lint")
    session.notify("types")
    # Its environment has all that the tests import.
    quick = ("tests", "--ignore", "tests/browser", "-m", "not servers", *UNSERVED)
    session.notify("columns", posargs=(*quick, *session.posargs))


@nox.session(tags=["test"])
def lint(session: nox.Session) -> None:
    """Lint and check the format."""
    session.install("--constraint", LOCK, "--group", "lint")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(tags=["test"])
def types(session: nox.Session) -> None:
    """Check the types, strictly: the kit, the columns, the tools and the tests."""
    _install(session, *FRAMEWORKS, *GROUPS)
    session.run("mypy", ".")


@nox.session(tags=["test"])
@nox.parametrize("python", [nox.param(path, id=version) for version, path in FOUND.items()])
def kit(session: nox.Session) -> None:
    """Test the kit, without a web framework, on every supported Python that is installed."""
    _install(session, "servers", "test")
    _without(session, *FRAMEWORKS)
    RAN.append(next(version for version, path in FOUND.items() if path == session.python))
    # Most servers show the same on every Python, and their tests take minutes: once is enough.
    first = RAN[-1] == next(iter(FOUND))
    _test_apart(session, "tests/kit", servers="servers" if first else "servers and python")
    lacking = ", ".join(version for version in PYTHONS if version not in FOUND) or "none"
    session.log(f"kit ran on Python {', '.join(RAN)}; not found: {lacking}")


@nox.session(tags=["test"])
def columns(session: nox.Session) -> None:
    """Test the columns, the traps, the tools and the documents."""
    _install(session, *FRAMEWORKS, "servers", "test", "frontier")
    others = ("tests/kit", "tests/corpus", "tests/browser")
    _test_apart(session, "tests", *(word for name in others for word in ("--ignore", name)))
    if not session.posargs:
        _test(session, "tests/columns", "-m", "alone", workers=("--numprocesses", "0"))


@nox.session(tags=["test"])
def browser(session: nox.Session) -> None:
    """Open pages in an installed Chromium: sections, keys, widths, colours, hostile texts."""
    if not any(map(shutil.which, BROWSERS)):
        if os.geteuid() != 0 or not os.environ.get("CI") or not shutil.which("apt-get"):
            session.skip("no Chromium is installed; type (as root): apt-get install chromium")
        session.run("apt-get", "update", "-q", external=True)
        session.run("apt-get", "install", "-qy", "chromium", external=True)
    _install(session, "test", "browser")
    _test(session, "tests/browser", workers=("--numprocesses", "2"))


@nox.session(tags=["test"])
def check(session: nox.Session) -> None:
    """Test `check` on apps with marked lines, on columns and server commands (-- --thorough)."""
    _install(session, *FRAMEWORKS, "servers", "test", "commands", "reports")
    _test(session, "tests/corpus")


@nox.session(tags=["test"])
def fuzz(session: nox.Session) -> None:
    """Give the command 200 hostile inputs, in three minutes at most (-- 2000 --seed 7)."""
    _install(session, "servers")
    _patiently(session, "python", "-m", "tools.fuzz", *(session.posargs or ["200"]))


@nox.session(tags=["test"])
def package(session: nox.Session) -> None:
    """Build the wheel, and run the suite from it outside of the clone."""
    session.install("--constraint", LOCK, "--group", "build")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session.run("python", "-m", "build", "--outdir", name, "shared", silent=True)
        (wheel,) = folder.glob("*.whl")
        wanted = ("--group", "servers", *_wanted("fastapi"))
        session.install("--constraint", LOCK, f"{wheel}[pytest,queued]", *wanted)
        shutil.copy(ROOT / "examples" / "bare_asgi.py", folder / "mypkg.py")
        with session.chdir(folder):
            suite = ("pytest", "--pyargs", "asgi_liveness.suite", "--liveness-target", "mypkg:app")
            _patiently(session, *suite)
            _patiently(session, "asgi-liveness", "demo", "fastapi", "--plain")


@nox.session(tags=["test"])
def newcomer(session: nox.Session) -> None:
    """Check an app that hangs, from the wheel in an empty environment."""
    session.install("--constraint", LOCK, *_wanted("build", "fastapi"), "uvicorn")
    with tempfile.TemporaryDirectory() as name:
        session.run("python", "-m", "build", "--wheel", "--outdir", name, "shared", silent=True)
        (wheel,) = Path(name).glob("*.whl")
        session.install("--constraint", LOCK, "--force-reinstall", str(wheel))
        app = (ROOT / "examples" / "hanging.py").read_text()
        (Path(name) / "mypkg.py").write_text(app)
        with session.chdir(name):
            checked = ("asgi-liveness", "check", "mypkg:app", "--during")
            found = session.run(*checked, "GET /report", silent=True, success_codes=[1])
            session.run(*checked, "GET /mended")
            session.install("--constraint", str(ROOT / LOCK), f"{wheel}[demo]")
            _patiently(session, "asgi-liveness", "demo", "--plain")
        if "mypkg.py:12 in report()" not in str(found):
            session.error(f"the line was not named:\n{found}")
        session.log(f"{found}")


def column(session: nox.Session) -> None:
    """Judge one column, without the other frameworks (-- -k LIVE-002 for one case)."""
    framework = session.name
    _install(session, framework, "servers", kit=WITH_PAGE)
    _without(session, *FRAMEWORKS.keys() - {framework, *COLUMNS[framework].get("made_of", ())})
    if session.posargs[:1] == ["serve"]:  # as the session of that name asks
        worker = ("--worker", COMPARISON["worker"])
        served = ("serve", _target(framework), *worker, *session.posargs[1:])
        _patiently(session, "asgi-liveness", *served)
    else:
        _show(session, framework, framework)


for _framework in FRAMEWORKS:
    nox.session(name=_framework, tags=["show", "test"])(column)


@nox.session(tags=["show"])
def compare(session: nox.Session) -> None:
    """Judge all columns in one run, side by side (-- -k LIVE for the first half minute)."""
    _install(session, *FRAMEWORKS, "servers", kit=WITH_PAGE)
    everything = () if "-k" in session.posargs else ("--all",)
    _show(session, COMPARED, *FRAMEWORKS, arguments=everything)


@nox.session(tags=["show"])
@nox.parametrize("framework", [nox.param(name, id=name) for name in FRAMEWORKS])
def shutdown(session: nox.Session, framework: str) -> None:
    """End servers by SIGTERM and Ctrl+C while a loop runs (-- -k DEFAULTS: without settings)."""
    _install(session, framework, "servers")
    report = f"json=out/shutdown-{framework}.json"
    _judge(session, framework, arguments=("-k", "EXITS", "--report", report))


@nox.session(tags=["show"], venv_backend="none")
def serve(session: nox.Session) -> None:
    """Serve one column (-- quart hypercorn) and say how to see the freeze and the fix."""
    framework, server, *others = [*session.posargs, "fastapi", "uvicorn/asyncio"][
        : max(2, len(session.posargs))
    ]
    if framework not in FRAMEWORKS:
        session.error(f"no column is called {framework!r}; choose from: {', '.join(FRAMEWORKS)}")
    session.notify(framework, posargs=["serve", "--server", server, *others])


@nox.session(tags=["record"])
def record(session: nox.Session) -> None:
    """Run the whole comparison, and renew results/ and the documents from it."""
    _install(session, *FRAMEWORKS, "servers")
    _judge(session, *FRAMEWORKS, arguments=("--all", "--report", "json=results/comparison.json"))
    wrong = ("tests.apps.miniatures:apps.cooperative_without_await", "--server", "uvicorn/asyncio")
    spoken = ("-k", "LIVE-006", "--report", "json=results/failure.json")
    _patiently(session, "asgi-liveness", "run", *wrong, *spoken, exit_code=1)
    checked = ("examples.hanging:app", "--during", "GET /report")
    kept = ("--report", "json=results/check.json")
    _patiently(session, "asgi-liveness", "check", *checked, *kept, exit_code=1)
    _patiently(session, "python", "-m", "tools.screens")
    session.run("python", "-m", "tools.docs")


@nox.session(tags=["record"])
def docs(session: nox.Session) -> None:
    """Write CONTRACT.md and the generated blocks of all documents (-- --check compares them)."""
    _install(session)
    session.run("python", "-m", "tools.docs", *session.posargs)


@nox.session(tags=["record"])
def screenshots(session: nox.Session) -> None:
    """Take the screenshots of the documents, in an installed Chromium."""
    _install(session, "browser", kit=WITH_PAGE)
    session.run("python", "-m", "tools.screenshots")


@nox.session(tags=["record"])
def site(session: nox.Session) -> None:
    """Build the documentation into out/site; a warning is an error, and so is a broken link."""
    _install(session, "docs")
    # Without the last build's state: a page that Sphinx does not read again cannot warn again.
    strict = ("--fail-on-warning", "--nitpicky", "--keep-going", "--fresh-env", "--quiet")
    session.run("sphinx-build", *strict, "--doctree-dir", "out/doctrees", "docs", "out/site")
    session.log("open out/site/index.html")


@nox.session(tags=["record"])
def coverage(session: nox.Session) -> None:
    """Record which lines of the kit no test runs, in any process (-- -k NAME)."""
    _install(session, "servers", "test", "coverage")
    folder = ROOT / "out" / "coverage"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    session.env["COVERAGE_FILE"] = str(folder / "data")
    session.env["COVERAGE_RCFILE"] = str(ROOT / "pyproject.toml")
    # An absolute path: processes that the tests start run in folders of their own.
    source = f"--source={ROOT / 'shared' / 'src' / 'asgi_liveness'}"
    # Other sessions judge the tests. Here some fail: a measured process is slower, and it cannot
    # write its measurements in the tests of a full disk.
    tests = ("tests/kit", *_workers(session), *session.posargs)
    session.run(
        *("coverage", "run", source, "-m", "pytest", *tests),
        interrupt_timeout=PATIENCE,
        terminate_timeout=PATIENCE,
        success_codes=[0, 1],
    )
    session.run("coverage", "combine", "--quiet")
    found = session.run("coverage", "report", silent=True)
    (ROOT / "results" / "coverage.txt").write_text(str(found))


@nox.session(tags=["record"])
def latest(session: nox.Session) -> None:
    """Judge all columns on the newest versions (-- --write renews the lock)."""
    fresh = ROOT / "out" / LOCK
    fresh.parent.mkdir(exist_ok=True)
    frameworks = fresh.with_name("frameworks.in")
    frameworks.write_text("".join(f"{line}\n" for line in _wanted(*FRAMEWORKS)))
    session.install("uv")
    groups = [a for name in GROUPS for a in ("--group", f"pyproject.toml:{name}")]
    session.run(
        *("uv", "pip", "compile", "--universal", "--python-version", COMPARISON["pythons"][0]),
        *("--quiet", "--no-annotate", "--custom-compile-command", "nox -s latest -- --write"),
        *("shared/pyproject.toml", str(frameworks), *groups, "--output-file", str(fresh)),
    )
    _install(session, *FRAMEWORKS, "servers", lock=str(fresh))
    write = "--write" in session.posargs
    session.posargs[:] = [argument for argument in session.posargs if argument != "--write"]
    _judge(session, *FRAMEWORKS, arguments=("--report", "json=out/latest.json"))
    if write:
        shutil.copy(fresh, LOCK)


@nox.session(tags=["bench"])
def steady(session: nox.Session) -> None:
    """Repeat all windows and count the outcomes (-- 20 fastapi --busy 2)."""
    _install(session, *FRAMEWORKS, "servers")
    _patiently(session, "python", "-m", "tools.endurance.steady", *(session.posargs or ["5"]))


@nox.session(tags=["endurance"])
def busy(session: nox.Session) -> None:
    """Run a command while processes keep the machine busy (-- 6 nox)."""
    _install(session)
    _patiently(session, "python", "-m", "tools.endurance.busy", *session.posargs)


@nox.session(tags=["bench"])
def early(session: nox.Session) -> None:
    """Check the corpus early and whole: the same verdicts and lines? (-- 5, -- -k crunching)."""
    _install(session, *FRAMEWORKS, "servers", "commands", "reports")
    _patiently(session, "python", "-m", "tools.endurance.early", *session.posargs)


@nox.session(tags=["bench"])
def gentle(session: nox.Session) -> None:
    """Compare the endings of servers with gentle loops and with busy ones (-- quart)."""
    _install(session, *FRAMEWORKS, "servers")
    _patiently(session, "python", "-m", "tools.endurance.gentle", *session.posargs)


@nox.session(tags=["bench"])
def frontier(session: nox.Session) -> None:
    """Measure speed and waits of every way to run loops, and draw it (-- --quick for a minute)."""
    _install(session, *FRAMEWORKS, "servers", "frontier")
    _patiently(session, "python", "-m", "tools.bench.frontier", *session.posargs)


@nox.session(tags=["bench"])
def pacing(session: nox.Session) -> None:
    """Compare Pace with its goals, in paired runs (-- 3)."""
    _install(session, *FRAMEWORKS, "servers", "frontier")
    _patiently(session, "python", "-m", "tools.bench.pacing", *session.posargs)


@nox.session(tags=["bench"])
def culprit(session: nox.Session) -> None:
    """Measure how long `check` takes to the culprit, and for a live route (-- 5)."""
    _install(session, "fastapi", "servers")
    _patiently(session, "python", "-m", "tools.bench.culprit", *session.posargs)


@nox.session(tags=["bench"])
def stalls(session: nox.Session) -> None:
    """Count how many of the shortest stalls the check finds and names (-- 40)."""
    _install(session, "servers")
    _patiently(session, "python", "-m", "tools.bench.stalls", *session.posargs)


@nox.session(tags=["bench"])
def watched(session: nox.Session) -> None:
    """Count how many stalls `watch` names on the screen, and how soon (-- 20)."""
    _install(session, "servers")
    _patiently(session, "python", "-m", "tools.bench.watched", *session.posargs)


@nox.session(tags=["bench"])
def engines(session: nox.Session) -> None:
    """Measure task queues: start, stop, and the end of a worker that has a job (-- 5)."""
    _install(session, "test")
    _patiently(session, "python", "-m", "tools.bench.engines", *session.posargs)
    session.run("python", "-m", "tools.docs")


@nox.session(tags=["bench"])
def scale(session: nox.Session) -> None:
    """Measure how costs grow: threads, tasks, workers, columns (-- --quick for half a minute)."""
    _install(session, *FRAMEWORKS, "servers")
    _patiently(session, "python", "-m", "tools.bench.scale", *session.posargs)
    session.run("python", "-m", "tools.docs")


@nox.session(tags=["bench"])
def heartbeat(session: nox.Session) -> None:
    """Measure what the heartbeat of a watched app costs (-- 60 --loop uvloop --in-process)."""
    _install(session, "servers", "test")
    _patiently(session, "python", "-m", "tools.bench.heartbeat", *session.posargs)


@nox.session(tags=["endurance"])
def soak(session: nox.Session) -> None:
    """Start and stop loops and disconnect clients for minutes; nothing may pile up (-- 5)."""
    _install(session, *FRAMEWORKS, "servers")
    _patiently(session, "python", "-m", "tools.endurance.soak", *(session.posargs or ["5"]))


@nox.session(tags=["endurance"])
def orphans(session: nox.Session) -> None:
    """Kill the runner at random moments; no process or file may be left (-- 50)."""
    _install(session, *FRAMEWORKS, "servers")
    _patiently(session, "python", "-m", "tools.endurance.orphans", *session.posargs)


@nox.session(tags=["endurance"])
@nox.parametrize("python", [nox.param(path, id=version) for version, path in FOUND.items()])
def stall_soak(session: nox.Session) -> None:
    """Stall a watched app for minutes: nothing may crash it or pile up (-- 5)."""
    _install(session, "servers")
    _patiently(session, "python", "-m", "tools.endurance.stall_soak", *session.posargs)


@nox.session(tags=["endurance"])
@nox.parametrize("python", [nox.param(path, id=version) for version, path in FOUND.items()])
def watch_soak(session: nox.Session) -> None:
    """Stall, reload and recycle under `watch` for minutes: nothing may pile up (-- 60)."""
    _install(session, "servers", "commands", "reports")
    _patiently(session, "python", "-m", "tools.endurance.watch_soak", *session.posargs)


@nox.session(tags=["endurance"])
def cluster(session: nox.Session) -> None:
    """Test the queue on a Redis, and kill machines under 10,000 jobs (-- 1000, -- --measure)."""
    if not shutil.which("redis-server"):
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            session.error("no Redis is installed; type (as root): apt-get install redis-server")
        session.run("apt-get", "update", "-q", external=True)
        session.run("apt-get", "install", "-qy", "redis-server", external=True)
    _install(session, *FRAMEWORKS, "servers", "test", "cluster")
    if not session.posargs or "-k" in session.posargs:
        _patiently(session, "pytest", *REDIS_TESTS, *session.posargs)
    if "-k" not in session.posargs:
        _patiently(session, "python", "-m", "tools.cluster", *session.posargs)


@nox.session(tags=["endurance"])
def strangers(session: nox.Session) -> None:
    """Check applications by other authors (-- datasette glances)."""
    session.install("--editable", "shared", "uvicorn", "--group", "strangers")
    _patiently(session, "python", "-m", "tools.strangers", *session.posargs)
