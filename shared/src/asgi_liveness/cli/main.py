"""Arguments and printing, nothing else."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import select
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.cli import check as command
from asgi_liveness.cli import outputs
from asgi_liveness.cli.arguments import Parser, split_names
from asgi_liveness.conformance import document, known, render
from asgi_liveness.conformance.cases import choose_cases
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.conformance.promises import REMEDIES, lacking
from asgi_liveness.conformance.report import ConformanceReport
from asgi_liveness.conformance.runner import Runner
from asgi_liveness.errors import LivenessError, TargetError
from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS, choose_servers

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPILOG: Final = """\
examples:
  asgi-liveness check myapp.main:app --during "GET /report" --probe /healthz
  asgi-liveness check --during /report -- granian --interface asgi --port {port} myapp.main:app
  asgi-liveness explain stalled
  asgi-liveness run mypkg.app:app --server uvicorn -k LIVE-002

exit codes: 0 live, or as it should be; 1 a finding, or a failure; 2 it could not be run;
3 inconclusive
"""
_RUN_EPILOG: Final = """\
examples:
  asgi-liveness run mypkg.app:app
  asgi-liveness run mypkg.app:app --has supervised,streamed --all
  asgi-liveness run one.app:app two.app:app --report json=out/compared.json
"""
_WHAT_TO_TYPE: Final = """\
{target} on {kind}; what its loops print is not shown.
In a second terminal:

  curl -m 2 {url}/hello       # answers
  curl {url}/blocking &       # an endless loop that never awaits
  curl -m 2 {url}/hello       # no answer: frozen

Press Enter here, which stops the loop; the freeze is over. Then:

  curl {url}/background       # the first fix
  curl -m 2 {url}/hello       # answers while the loop runs
  curl {url}/cooperative &    # the second fix
  curl -m 2 {url}/hello       # answers while both run

A browser is no witness: it queues tabs of one address by itself.
Enter stops the loops, Ctrl+C ends the server, frozen or not."""
_MARKS: Final = {
    Outcome.PASSED: ".",
    Outcome.FAILED: "F",
    Outcome.DIFFERS: "d",
    Outcome.RECORDED: "r",
    Outcome.INCONCLUSIVE: "?",
    Outcome.NOT_APPLICABLE: "-",
    Outcome.ERROR: "E",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):  # a source line may hold what the terminal cannot show
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        args = parsed(sys.argv[1:] if argv is None else argv)
        code: int = args.command(args)
    except LivenessError as error:
        print(f"asgi-liveness: {error}", file=sys.stderr)
        return 2
    return code


def parsed(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments. Raises ``UsageError`` for what nothing takes."""
    own, served = command.split(argv)
    return _parser().parse(own, argparse.Namespace(served=served))


def _run(args: argparse.Namespace) -> int:
    differences = [row for file in args.known for row in known.load(file, args.target)]
    servers, cases = choose_servers(args.server), choose_cases(args.k, ends_servers=args.all)
    lacks = lacking(split_names(args.lacks), split_names(args.has))
    wanted = outputs.parse_outputs(args.report, ("json", "md"))
    screen = outputs.screen(wanted)
    with Runner(args.target, servers, cases, differences, lacks) as runner:
        with contextlib.redirect_stdout(screen):
            _judge_all(runner)
        report = ConformanceReport.of(runner)
    unwritten = outputs.write(
        wanted, lambda form: report.to_json() if form == "json" else render.markdown(report)
    )
    if report.verdicts[Outcome.ERROR] < len(report.cells):
        print(f"\n{render.text(report)}", end="", file=screen)
    errors: dict[str, str] = {}  # one a target: what is wrong is mostly the same on all servers
    for cell in report.cells:
        if cell.verdict == Outcome.ERROR:
            errors.setdefault(cell.target, cell.message)
    for line in [*errors.values(), *unwritten]:
        print(f"asgi-liveness: {line}", file=sys.stderr)
    return report.exit_code or (2 if unwritten else 0)


def _judge_all(runner: Runner) -> None:
    """Judge every cell, and show that it goes on."""
    at: tuple[str, str] | None = None
    width, held, ending = max(len(kind.name) for kind in runner.servers), 0, False
    for cell in runner.cells:
        if at is None or at[0] != cell.target:
            print(f"{cell.target}: starting ...", end="", flush=True)
            began = time.monotonic()
            runner.start(cell.target)
            print(f" {time.monotonic() - began:.1f} s", end="", flush=True)
        if at != (cell.target, cell.server.name):
            at = (cell.target, cell.server.name)
            print(f"\n  {cell.server.name:<{width}}  ", end="", flush=True)
            held, ending = 0, False
        if cell.case.ends_servers and not ending:
            ending = True
            print(" ending servers ", end="", flush=True)
        verdict = runner.judge(cell).outcome
        held += verdict in (Outcome.PASSED, Outcome.DIFFERS, Outcome.RECORDED)
        print(_MARKS[verdict], end="", flush=True)
        if cell.case is runner.cases[-1]:
            print(f"  {held} of {len(runner.cases)}", end="", flush=True)
            if cell.server is runner.servers[-1]:
                print()


def _serve(args: argparse.Namespace) -> int:
    with Server(choose_servers([args.server])[0], args.target, args.port) as server:
        asyncio.run(server.ready())
        print(_WHAT_TO_TYPE.format(target=args.target, kind=server.kind.name, url=server.url))
        sys.stdout.flush()
        listening = [sys.stdin]
        while not server.ended:
            typed, _, _ = select.select(listening, [], [], 0.1)
            if typed and sys.stdin.readline():
                server.ledger.stop()
                print("the stop flag is set", flush=True)
            elif typed:  # the end of the input: nobody will type any more
                listening = []
        raise TargetError(f"{server.kind.name} ended by itself: {server.last_words()}")


def _report(args: argparse.Namespace) -> int:
    report = ConformanceReport.load(args.file)
    print(render.markdown(report) if args.format == "md" else render.text(report), end="")
    return report.exit_code


def _contract(_: argparse.Namespace) -> int:
    print(document.markdown(), end="")
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="asgi-liveness",
        description="Does your ASGI app still answer while it works? If not, which line blocks it?",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command.add_to(commands)

    run = commands.add_parser(
        "run",
        help="judge implementations of the contract",
        epilog=_RUN_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("target", nargs="+", help="an ASGI app, as module:attribute")
    names = ", ".join(kind.name for kind in SERVERS)
    run.add_argument("--server", action="append", default=[], help=f"one of {names}, or a program")
    run.add_argument("-k", metavar="TEXT", help="only cases with TEXT in their id or name")
    run.add_argument("--all", action="store_true", help="also the cases that end servers")
    remedies = ", ".join(remedy.name for remedy in REMEDIES)
    run.add_argument(
        "--has", action="append", default=[], metavar="NAME,...", help=f"remedies: of {remedies}"
    )
    run.add_argument("--lacks", action="append", default=[], help="a feature that targets lack")
    run.add_argument(
        "--known",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a list of known differences; may be given several times",
    )
    run.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help="json or md; - is stdout",
    )
    run.set_defaults(command=_run)

    serve = commands.add_parser("serve", help="serve a target, to see the freeze with curl")
    serve.add_argument("target", help="an ASGI app, as module:attribute")
    serve.add_argument("--server", default="uvicorn/asyncio", help=f"one of {names}")
    serve.add_argument("--port", type=int, default=8000)
    serve.set_defaults(command=_serve)

    report = commands.add_parser("report", help="show a recorded report")
    report.add_argument("file", type=Path)
    report.add_argument("--format", choices=("text", "md"), default="text")
    report.set_defaults(command=_report)

    contract = commands.add_parser("contract", help="print the contract as Markdown")
    contract.set_defaults(command=_contract)
    return parser
