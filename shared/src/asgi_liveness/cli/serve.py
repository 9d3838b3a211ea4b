"""``asgi-liveness serve``: an app on a server, and what to type to see the freeze.

The rule: each line that it prints is true of this app. It names no route that the app does not
have, and it starts no loop to find that out.
"""

from __future__ import annotations

import asyncio
import os
import select
import shlex
import sys
from typing import TYPE_CHECKING, Final

from asgi_liveness.errors import TargetError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import httpx

    from asgi_liveness.cli.arguments import Parser
    from asgi_liveness.serving.server import Server

HELLO: Final = "/hello"
SCRIPT: Final = frozenset({HELLO, "/blocking", "/background", "/cooperative"})
"""The routes of an implementation of the contract that show the freeze and both fixes."""
_LIMIT: Final = 1.0  # seconds for an answer to a question about one route
_NOT_FOUND: Final = 404

_OF_THE_CONTRACT: Final = """\
  curl -m 2 {url}/hello       # answers
  curl {url}/blocking &       # an endless loop that never awaits
  curl -m 2 {url}/hello       # no answer: frozen

Press Enter here: the loop stops and the freeze is over. Then:

  curl {url}/background       # the first fix
  curl -m 2 {url}/hello       # answers while the loop runs
  curl {url}/cooperative &    # the second fix
  curl -m 2 {url}/hello       # answers while both run
"""
_ENDING: Final = """\
A browser shows nothing of this: it queues the tabs of one address by itself.
Enter stops the loops that step a LoopBody, Ctrl+C ends the server, frozen or not."""


def add_serve(parser: Parser) -> None:
    """Add the arguments of ``serve``."""
    from asgi_liveness.serving.servers import SERVERS

    names = ", ".join(kind.name for kind in SERVERS)
    parser.add_argument("target", help="an ASGI app, as module:attribute")
    parser.add_argument(
        "--server", default="uvicorn/asyncio", help=f"one of {names} (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="where to listen (default: %(default)s)"
    )
    parser.add_argument(
        "--worker", default="", metavar="COMMAND", help="what runs the jobs of /queued"
    )
    parser.set_defaults(action=_serve)


def _serve(args: argparse.Namespace) -> int:
    from asgi_liveness.serving.server import Server
    from asgi_liveness.serving.servers import choose_servers
    from asgi_liveness.serving.worker import VARIABLE, worker_command

    (kind, *_), queue = choose_servers([args.server]), os.environ.get(VARIABLE, "")
    worker = worker_command(args.worker) if args.worker else ()
    with Server(kind, args.target, args.port, queue=queue) as server:
        asyncio.run(server.ready())
        routes = asyncio.run(find_routes(server))
        print(f"{args.target} on {server.kind.name}; what its loops print is not shown.")
        if worker:
            server.start_worker(worker)
            print(f"{args.worker} runs the jobs of POST {server.url}/queued.")
        print(instructions(server.url, routes), flush=True)
        listening = [sys.stdin]
        while not server.ended:
            typed, _, _ = select.select(listening, [], [], 0.1)
            if typed and sys.stdin.readline():
                server.ledger.stop()
                print("the stop flag is set", flush=True)
            elif typed:  # the end of the input: nobody will type any more
                listening = []
        raise TargetError(f"{server.kind.name} ended by itself: {server.last_words()}")


async def find_routes(server: Server) -> list[str]:
    """Return the paths of the app's GET routes without parameters, as far as they can be known.

    An OpenAPI document lists them. Without one, the paths of the contract are tried with OPTIONS,
    which no framework takes for GET; should an app start a loop all the same, it is stopped.
    """
    from asgi_liveness.checking.openapi import plain_gets
    from asgi_liveness.conformance.contract import ROUTES
    from asgi_liveness.probing.client import open_client

    listed = await plain_gets(server.url)
    if listed is not None:
        return [path for path in listed if path.isprintable()]
    paths = dict.fromkeys(row.path for row in ROUTES if row.method == "GET" and "{" not in row.path)
    async with open_client(server.url) as client:
        found = [path for path in paths if await _exists(server, client, path)]
    server.ledger.stop()
    return found


async def _exists(server: Server, client: httpx.AsyncClient, path: str) -> bool:
    try:
        response = await asyncio.wait_for(client.options(path), _LIMIT)
    except TimeoutError:  # the route is there, and runs a loop
        server.ledger.stop()
        return True
    return response.status_code != _NOT_FOUND


def instructions(url: str, routes: Sequence[str]) -> str:
    """Return the commands to type, for an app with these *routes*."""
    if set(routes) >= SCRIPT:
        return f"In a second terminal:\n\n{_OF_THE_CONTRACT.format(url=url)}\n{_ENDING}"
    first, *others = [path for path in routes if path != HELLO] or [""]
    if not first:
        return "No GET route was found to start a loop with. Ctrl+C ends the server."
    hello, start = f"curl -m 2 {url}{HELLO}", f"curl {shlex.quote(f'{url}{first}')} &"
    width = max(len(hello), len(start)) + 4
    answers = "answers" if HELLO in routes else "answers: a 404 is an answer"
    more = f"The other GET routes of the app: {', '.join(others)}\n\n" if others else ""
    return (
        f"In a second terminal:\n\n"
        f"  {hello:<{width}}# {answers}\n"
        f"  {start:<{width}}# a route of the app\n"
        f"  {hello:<{width}}# does it still answer?\n\n"
        f"{more}{_ENDING}"
    )
