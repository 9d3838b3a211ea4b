"""``asgi-liveness check``, ``explain`` and ``selftest``: their arguments, and what is printed."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.checking import render, settings
from asgi_liveness.checking.duration import parse_duration
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.run import run
from asgi_liveness.cli import outputs
from asgi_liveness.cli.explain import explain
from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_DESCRIPTION: Final = """\
Does your ASGI app still answer while it works? If not, which line blocks it?

The app is served as its users serve it, by a command after -- if that is given, and probed from
outside: at rest, then while each --during request is under way. Run this in the app's own
environment.
"""
_EPILOG: Final = """\
examples:
  asgi-liveness check myapp.main:app --during "GET /report" --probe /healthz
  asgi-liveness check myapp.main:create_app --factory --during "POST /import" -d @body.json
  asgi-liveness check http://127.0.0.1:8000 --during /report
  asgi-liveness check --during /report -- granian --interface asgi --port {port} myapp.main:app

exit codes: 0 live, 1 a finding, 2 it could not be run, 3 inconclusive
Options may stand in [tool.asgi-liveness] of pyproject.toml. The words of a report are told by
asgi-liveness explain.
"""


def split(argv: Sequence[str]) -> tuple[Sequence[str], tuple[str, ...]]:
    """Take the command after ``--`` off the arguments of a check: argparse would mix them."""
    if "check" not in argv[:1] or "--" not in argv:
        return argv, ()
    at = list(argv).index("--")
    return argv[:at], tuple(argv[at + 1 :])


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the three commands."""
    check = commands.add_parser(
        "check",
        help="check any ASGI app, and name the line that blocks it",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s [TARGET] [options] [-- COMMAND ...]",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    add = check.add_argument
    add("target", nargs="?", metavar="TARGET", help="module:attribute, or http://127.0.0.1:PORT")
    add("--during", action="append", metavar="REQUEST", help="as 'GET /report'; may be repeated")
    add("--probe", metavar="PATH", help="what must answer; else /healthz, /health, /livez, /")
    add("-H", action="append", dest="headers", metavar="NAME:VALUE", help="shown in no report")
    add("-d", dest="body", metavar="DATA", help="a body, or @FILE; shown in no report")
    add("--server", metavar="NAME", help="uvicorn (if not told otherwise) or hypercorn")
    add("--loop", metavar="NAME", help="auto, asyncio or uvloop")
    add("--factory", action="store_true", help="the target returns the app")
    add("--app-dir", metavar="FOLDER", help="where the app is; else the current directory")
    add("--duration", metavar="TIME", help="how long each request is watched; 4s")
    add("--max-stall", metavar="TIME", help="how long the event loop may not turn; 200ms")
    add("--concurrency", type=int, metavar="N", help="how many of a request at a time; 1")
    add("--openapi", action="store_true", help="try the GET routes of its OpenAPI document")
    add("--allow-remote", action="store_true", help="the address may be of another machine")
    add("--start-limit", metavar="TIME", help="how long the app may take to start; 1m")
    formats = ", ".join(outputs.FORMATS)
    add("--report", action="append", metavar="FORMAT=FILE", help=f"{formats}; - is stdout")
    check.set_defaults(command=_check)

    explained = commands.add_parser("explain", help="say what a verdict or a case means")
    explained.add_argument("word", nargs="+", help="stalled, starved, ..., or LIVE-002")
    explained.set_defaults(command=_explain)

    selftest = commands.add_parser("selftest", help="show that every verdict can come out here")
    selftest.set_defaults(command=_selftest)


def _check(args: argparse.Namespace) -> int:
    wanted = outputs.parse_outputs(vars(args).get("report", ()), tuple(outputs.FORMATS))
    options = settings.options(given(args), Path.cwd())
    progress = _Progress()
    try:
        report = run(options, progress.tell)
    finally:
        progress.clear()
    unwritten = outputs.write(wanted, lambda form: outputs.FORMATS[form](report))
    print(render.text(report), end="", file=outputs.screen(wanted))
    for line in unwritten:
        print(f"asgi-liveness: {line}", file=sys.stderr)
    return report.exit_code or (2 if unwritten else 0)


def given(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options that stand on the command line."""
    names = {field.name for field in fields(Options)} - {"command"}
    found = {name: value for name, value in vars(args).items() if name in names}
    if args.served:
        found["command"] = args.served
    for name in filter(found.__contains__, settings.TIMES):
        found[name] = parse_duration(found[name], f"--{name.replace('_', '-')}")
    for name in filter(found.__contains__, ("during", "headers")):
        found[name] = tuple(found[name])
    if "body" in found:
        found["body"] = _body(found["body"])
    return found


def _body(data: str) -> bytes:
    if not data.startswith("@"):
        return data.encode(errors="surrogateescape")
    try:
        return Path(data[1:]).read_bytes()
    except OSError as error:
        raise UsageError(f"the file after -d @ cannot be read: {error.strerror}") from error


class _Progress:
    """One line on standard error that shows what is going on, if that is a terminal."""

    def __init__(self) -> None:
        self._shown = False

    def tell(self, words: str) -> None:
        if sys.stderr.isatty():
            self._shown = True
            print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _explain(args: argparse.Namespace) -> int:
    print(explain(" ".join(args.word)), end="")
    return 0


def _selftest(_: argparse.Namespace) -> int:
    from asgi_liveness.checking.selftest import selftest  # noqa: PLC0415 (it brings miniatures)

    return selftest()
