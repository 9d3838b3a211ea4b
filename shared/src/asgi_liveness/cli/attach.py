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

exit codes: 0 live or busy, 1 frozen, 2 it could not be run, 3 inconclusive. With --inject 0, or 2.
"""
_LONGEST: Final = 600.0  # seconds
_DEFAULT: Final = "3s"
_FROZEN, _INCONCLUSIVE = 1, 3  # exit codes


def add_attach(parser: Parser) -> None:
    """Add the arguments of ``attach``."""
    parser.usage = "%(prog)s PID|:PORT|NAME [--duration TIME] [--inject]"
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.add_argument("target", metavar="TARGET", help="a PID, a port as :8000, or a name")
    parser.add_argument(
        "--duration",
        metavar="TIME",
        default=_DEFAULT,
        help=f"how long each process is sampled (default: {_DEFAULT})",
    )
    parser.add_argument(
        "--inject",
        action="store_true",
        help="put the heartbeat of watch into the process, and print its stalls until Ctrl+C; "
        "needs Python 3.14 or later, here and there",
    )
    parser.set_defaults(action=_attach)


def _attach(args: argparse.Namespace) -> int:
    if args.inject:
        return _inject(args.target)
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


def _inject(text: str) -> int:
    from asgi_liveness.cli.watch import WatchScreen
    from asgi_liveness.watching.inserted import Inserted, remote_exec
    from asgi_liveness.watching.parts import WatchOptions
    from asgi_liveness.watching.processes import serving_one
    from asgi_liveness.watching.run import watch

    remote_exec()  # of all that may be wrong, a Python that cannot do it is the first to say
    process, program = serving_one(text)
    options = WatchOptions((program,))
    screen = WatchScreen([], is_quiet=False)
    with Inserted(process, options.max_stall) as watched:
        _, report = watch(watched, options, screen)
    screen.summed_up(report)
    return 0
