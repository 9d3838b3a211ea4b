"""The command ``asgi-liveness``: which command it runs, and how its errors look.

The rule: only the module of the command that is run is imported, so that ``--help`` is quick.
"""

from __future__ import annotations

import importlib
import io
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from asgi_liveness import __version__
from asgi_liveness.cli.arguments import Parser, did_you_mean
from asgi_liveness.cli.outputs import discard
from asgi_liveness.errors import LivenessError, UsageError
from asgi_liveness.foreign import plain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

DESCRIPTION: Final = "Does your ASGI app still answer while it works? If not, which line blocks it?"
_EPILOG: Final = """\
examples:
  asgi-liveness check myapp.main:app --during "GET /report" --probe /healthz
  asgi-liveness check --during /report -- granian --interface asgi --port {port} myapp.main:app
  asgi-liveness watch -- uvicorn myapp.main:app --reload
  asgi-liveness explain stalled
  asgi-liveness run mypkg.app:app --server uvicorn -k LIVE-002

exit codes: 0 live, or as it should be; 1 a finding, or a failure; 2 it could not be run;
3 inconclusive
"""
_MOST: Final = 1000  # characters of an error, which may repeat what was typed


class CommandRow(NamedTuple):
    """One command, as the help lists it."""

    name: str
    module: str
    """Of this package; its function ``add_NAME`` adds the arguments."""
    help: str


COMMANDS: Final = (
    CommandRow("check", "check", "check any ASGI app, and name the line that blocks it"),
    CommandRow("watch", "watch", "run your server, and print each line that blocks it"),
    CommandRow("attach", "attach", "say whether a server that runs is frozen, and at which line"),
    CommandRow("explain", "explain", "say what a verdict, an outcome or a case means"),
    CommandRow("selftest", "check", "show that every verdict can come out on this machine"),
    CommandRow("run", "conformance", "judge implementations of the contract"),
    CommandRow("serve", "serve", "serve an app, to see the freeze with curl"),
    CommandRow("demo", "demo", "show the freeze and its fixes, live"),
    CommandRow("report", "report", "show a recorded report, or make a page of it"),
    CommandRow("diff", "diff", "say what changed from one recorded report to another"),
    CommandRow("contract", "conformance", "print the contract as Markdown"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):  # a source line may hold what the terminal cannot show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else argv
    if not words:  # as ruff, uv and cargo do: nothing was checked, so it is no success
        _overview().print_help(sys.stderr)
        return 2
    try:
        args = parsed(words)
    except LivenessError as error:
        discard(words)
        return _refused(error)
    try:
        code: int = args.action(args)
    except LivenessError as error:
        return _refused(error)
    return code


def _refused(error: LivenessError) -> int:
    print(f"asgi-liveness: {plain(str(error), _MOST)}", file=sys.stderr)
    return 2


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of a command. Raises ``UsageError`` for a bad one.

    ``--help`` and ``--version`` print and raise ``SystemExit``.
    """
    name, *others = words
    if name.startswith("-"):
        _overview().parse([name])  # ends the program, if there is such an option
        raise _overview().unknown_option(name)
    row = next((row for row in COMMANDS if row.name == name), None)
    if row is None:
        names = [row.name for row in COMMANDS]
        meant = did_you_mean(name, names) or f"; there is {', '.join(names)}"
        raise UsageError(f"there is no command {name!r}{meant}")
    parser = Parser(prog=f"asgi-liveness {name}")
    module = importlib.import_module(f"asgi_liveness.cli.{row.module}")
    getattr(module, f"add_{name}")(parser)
    return parser.parse(others)


def _overview() -> Parser:
    """Return the parser that shows all commands."""
    parser = Parser(prog="asgi-liveness", description=DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"asgi-liveness {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for row in COMMANDS:
        commands.add_parser(row.name, help=row.help)
    return parser
