"""``asgi-liveness demo``: which view it opens, on which framework and server.

The rule: the plain view needs nothing but a framework and a server, so it is there for every pipe.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from asgi_liveness.cli.arguments import Parser

_EXTRA: Final = "pip install 'asgi-liveness[demo]'"
_PORT: Final = 8808
"""Where ``--web`` listens: not 8000, which people use for apps of their own."""


def add_demo(parser: Parser) -> None:
    """Add the arguments of ``demo``."""
    from asgi_liveness.demo.columns import FRAMEWORKS
    from asgi_liveness.serving.servers import SERVERS

    names = ", ".join(kind.name for kind in SERVERS)
    frameworks = ", ".join(FRAMEWORKS)
    parser.add_argument(
        "framework",
        nargs="?",
        default="",
        help=f"one of {frameworks} (default: the first that is installed)",
    )
    parser.add_argument(
        "--server", default="", help=f"one of {names} (default: the framework's own)"
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="print the freeze and both fixes as text, and end; so it does in a pipe",
    )
    parser.add_argument("--web", action="store_true", help="show it as a page, for a projector")
    parser.add_argument(
        "--port", type=int, default=None, help=f"where --web listens (default: {_PORT})"
    )
    parser.set_defaults(action=_demo)


def _demo(args: argparse.Namespace) -> int:
    from asgi_liveness.cli.arguments import did_you_mean
    from asgi_liveness.cli.colour import painter
    from asgi_liveness.demo.columns import FRAMEWORKS, column, columns

    if args.framework and args.framework not in FRAMEWORKS:
        meant = did_you_mean(args.framework, FRAMEWORKS)
        listed = f"; choose from: {', '.join(FRAMEWORKS)}"
        raise UsageError(f"no framework is called {args.framework!r:.40}{meant or listed}")
    if args.plain and args.web:
        raise UsageError("--plain and --web are two views; choose one")
    if args.port is not None and not args.web:
        raise UsageError("--port is where --web listens; add --web")
    first = column(args.framework) if args.framework else columns()[0]
    kind = first.server(args.server)
    is_shown = sys.stdin.isatty() and sys.stdout.isatty() and not (args.plain or args.web)
    if is_shown and not _has_textual():
        print(f"asgi-liveness: the live view needs an extra: {_EXTRA}", file=sys.stderr)
        is_shown = False
    say = functools.partial(print, flush=True)
    if args.web or is_shown:
        from asgi_liveness.demo.stage import Stage

        others = [each for each in columns() if each.name != first.name]
        stage = Stage([first, *others], args.server)
    if args.web:
        from asgi_liveness.demo import web

        web.show(stage, _PORT if args.port is None else args.port, say)
        return 0
    if is_shown:
        from asgi_liveness.demo.terminal import Demo

        return Demo(stage).run() or 0
    from asgi_liveness.demo.plain import show

    return 0 if show(first, kind, say, painter(sys.stdout)) else 1


def _has_textual() -> bool:
    import importlib.util

    return importlib.util.find_spec("textual") is not None
