"""``asgi-liveness watch``: its arguments, and what it prints while a command runs."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Final, TextIO

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from asgi_liveness.cli.arguments import Parser
    from asgi_liveness.watching.named_stall import NamedStall
    from asgi_liveness.watching.report import WatchReport
    from asgi_liveness.watching.starvation import Starvation

_DESCRIPTION: Final = """\
Which line of my app blocks its event loop, and in which request?

Runs your own command as it is, with its terminal, and prints a line on standard error for each
stall while it still blocks. At the end it sums up by line; SIGUSR1 asks for that earlier.
"""
_EPILOG: Final = """\
examples:
  asgi-liveness watch -- uvicorn myapp.main:app --reload
  asgi-liveness watch -- gunicorn -k uvicorn_worker.UvicornWorker -w 2 myapp.main:app
  asgi-liveness watch --fail --report junit=stalls.xml -- uvicorn myapp.main:app

exit codes: those of the command; with --fail 1 if a stall or a full pool was found; 2 it could not
be run. max-stall may stand in [tool.asgi-liveness] of pyproject.toml.
"""
_STREAMED: Final = "jsonl"
"""The format that is written while the watch runs."""
_PLACE: Final = (
    "give the command after --, as: asgi-liveness watch -- uvicorn myapp.main:app --reload"
)


def add_watch(parser: Parser) -> None:
    """Add the arguments of ``watch``."""
    from asgi_liveness.checking.options import DECLARED
    from asgi_liveness.watching.formats import FORMATS

    parser.takes_command = True
    parser.hint = _PLACE
    parser.usage = "%(prog)s [options] -- COMMAND ..."
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    limit = DECLARED["max_stall"]
    parser.add_argument(
        limit.flag, dest="max_stall", metavar=limit.metavar, help=f"{limit.help} (default: 200ms)"
    )
    parser.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help=f"{', '.join([*FORMATS, _STREAMED])}; folders are made",
    )
    parser.add_argument("--fail", action="store_true", help="exit with 1 if there was a stall")
    parser.add_argument("--quiet", action="store_true", help="print the summary alone")
    parser.add_argument(
        "--no-requests",
        dest="requests",
        action="store_false",
        help="do not name the request, as GET /users/{id}; it is read from the ASGI scope",
    )
    parser.add_argument(
        "--metrics",
        metavar="[HOST:]PORT",
        help="serve how late the loop is, and its stalls by line, for Prometheus; on loopback "
        "unless a host is given (pip install 'asgi-liveness[prometheus]')",
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="let the command go on if the watch is killed; else it ends",
    )
    parser.set_defaults(action=_watch)


def _watch(args: argparse.Namespace) -> int:
    from asgi_liveness.checking import settings
    from asgi_liveness.checking.duration import parse_duration
    from asgi_liveness.checking.named import package_in, program_of
    from asgi_liveness.checking.options import DECLARED, DEFAULTS
    from asgi_liveness.cli import outputs, step_summary
    from asgi_liveness.files import current_folder
    from asgi_liveness.watching.formats import FORMATS, markdown
    from asgi_liveness.watching.numbers import Numbers
    from asgi_liveness.watching.parts import WatchOptions
    from asgi_liveness.watching.run import run

    if not args.served:
        raise UsageError(f"there is no command to watch; {_PLACE}")
    flag = DECLARED["max_stall"]
    limit = settings.load(current_folder()).get("max_stall", DEFAULTS["max_stall"])
    limit = parse_duration(args.max_stall, flag.flag) if args.max_stall else limit
    flag.check(limit)
    program, *words = args.served
    command = (program_of(program), *words)
    wanted = outputs.parse_outputs(args.report, (*FORMATS, _STREAMED))
    if any(output.path is None for output in wanted):
        raise UsageError("--report: the standard output belongs to the command; name a file")
    options = WatchOptions(
        command, limit, package_in(args.served), names_requests=args.requests, goes_on=args.keep
    )
    numbers = Numbers()
    if args.metrics:
        # Imported here: it needs a package that may be missing.
        from asgi_liveness.watching.prometheus import serve

        serve(numbers, *_address(args.metrics))
    streamed = [output.path for output in wanted if output.form == _STREAMED]
    with contextlib.ExitStack() as files:
        lines = [files.enter_context(path.open("w")) for path in streamed if path]
        screen = WatchScreen(lines, is_quiet=args.quiet)
        code, report = run(options, screen, numbers)
    screen.summed_up(report)
    whole = [output for output in wanted if output.form != _STREAMED]
    unwritten = outputs.write(whole, lambda form: FORMATS[form](report))
    for line in unwritten:
        screen.said(line)
    step_summary.append(lambda: markdown(report), wanted)
    if args.fail and report.verdict != "live":
        return 1
    return code or (2 if unwritten else 0)


def _address(text: str) -> tuple[int, str]:
    """Return the port and the host in *text*."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UsageError(f"--metrics {text!r:.40}: give a port, as 9464, or HOST:PORT")
    return int(port), host or "127.0.0.1"


class WatchScreen:
    """Standard error, beside what the command itself prints, and the files of ``jsonl``."""

    def __init__(self, lines: Sequence[TextIO], *, is_quiet: bool) -> None:
        from asgi_liveness.cli.colour import painter

        self._lines, self._is_quiet = lines, is_quiet
        self._paint = painter(sys.stderr)

    def stalled(self, stall: NamedStall, times: int, *, is_due: bool) -> None:
        """Print a stall that is due, and write one that is over."""
        from asgi_liveness.watching.screen import stall_line

        if not stall.goes_on:
            self._write(stall)
        if is_due and not self._is_quiet:
            self._print(stall_line(stall, times, self._paint))

    def starved(self, starvation: Starvation) -> None:
        """Print a full pool, and write one that is full no longer."""
        from asgi_liveness.watching.screen import starved_line

        if not starvation.goes_on:
            self._write(starvation)
        if not self._is_quiet:
            self._print(starved_line(starvation, self._paint))

    def summed_up(self, report: WatchReport) -> None:
        """Print the summary."""
        from asgi_liveness.watching.screen import summary

        self._print(f"\n{summary(report, self._paint)}".rstrip("\n"))

    def said(self, words: str) -> None:
        """Print a line about the watch itself."""
        self._print(f"asgi-liveness: {words}")

    def _print(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone, and the command goes on
            print(text, file=sys.stderr, flush=True)

    def _write(self, event: NamedStall | Starvation) -> None:
        from asgi_liveness.watching.report import line_of

        for file in self._lines:
            with contextlib.suppress(OSError):  # a full disk does not end the command
                file.write(line_of(event))
                file.flush()
