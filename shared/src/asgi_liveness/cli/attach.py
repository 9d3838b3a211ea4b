"""``asgi-liveness attach``: its arguments, and its exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from asgi_liveness.checking.duration import FORMS, parse_duration
from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from asgi_liveness.cli.arguments import Parser

_DESCRIPTION: Final = """\
Is a server that runs already frozen, busy or live? If it is frozen, which line blocks it?

py-spy samples the server's processes from outside; nothing in them changes. It may need root.
"""
_EPILOG: Final = f"""\
examples:
  asgi-liveness attach :8000        who listens on port 8000, with all workers
  asgi-liveness attach 4711         process 4711, and all that it started
  asgi-liveness attach uvicorn      a program by its name, or by a word of its command line

TIME is in seconds, or has a unit: {FORMS}.

exit codes: 0 live or busy, 1 frozen, 2 it could not be run, 3 inconclusive
"""
_LONGEST: Final = 600.0  # seconds
_DEFAULT: Final = "3s"
_FROZEN, _INCONCLUSIVE = 1, 3  # exit codes


def add_attach(parser: Parser) -> None:
    """Add the arguments of ``attach``."""
    parser.usage = "%(prog)s PID|:PORT|NAME [--duration TIME]"
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument("target", metavar="TARGET", help="a PID, a port as :8000, or a name")
    parser.add_argument(
        "--duration",
        metavar="TIME",
        default=_DEFAULT,
        help=f"how long each process is sampled (default: {_DEFAULT})",
    )
    parser.set_defaults(action=_attach)


def _attach(args: argparse.Namespace) -> int:
    seconds = parse_duration(args.duration, "--duration")
    if not 0 < seconds <= _LONGEST:
        raise UsageError(f"--duration {args.duration}: write a time of up to {_LONGEST:g} s")
    from asgi_liveness.cli.colour import painter
    from asgi_liveness.watching.attach import attach
    from asgi_liveness.watching.attach_text import text
    from asgi_liveness.watching.judged import Condition

    further = [] if args.duration == _DEFAULT else ["--duration", args.duration]
    rows = attach(args.target, seconds, ["attach", args.target, *further])
    print(text(rows, painter(sys.stdout)), end="", flush=True)
    states = {row.finding.state for row in rows}
    if Condition.FROZEN in states:
        return _FROZEN
    return _INCONCLUSIVE if Condition.UNCLEAR in states else 0
