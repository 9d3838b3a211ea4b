"""``asgi-liveness run`` and ``contract``: their arguments, and what they print."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from asgi_liveness.cli import outputs
from asgi_liveness.cli.arguments import split_names
from asgi_liveness.cli.colour import painter
from asgi_liveness.cli.progress import Letters, Progress
from asgi_liveness.conformance.outcome import Outcome
from asgi_liveness.errors import UsageError
from asgi_liveness.foreign import plain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from asgi_liveness.cli.arguments import Parser
    from asgi_liveness.cli.outputs import Output
    from asgi_liveness.conformance.cell import Result
    from asgi_liveness.conformance.report import ConformanceReport
    from asgi_liveness.conformance.runner import Runner

_RUN_EPILOG: Final = """\
examples:
  asgi-liveness run mypkg.app:app
  asgi-liveness run mypkg.app:app --has supervised,streamed --all
  asgi-liveness run one.app:app two.app:app --report json=out/compared.json
"""
_SEVERAL: Final = {
    "--has": "--has supervised,process",
    "--lacks": "--lacks sync",
    "--server": "--server uvicorn --server hypercorn",
}
MARKS: Final = {
    Outcome.PASSED: (".", "as it should be"),
    Outcome.FAILED: ("F", "failed"),
    Outcome.DIFFERS: ("d", "known difference"),
    Outcome.RECORDED: ("r", "recorded"),
    Outcome.INCONCLUSIVE: ("?", "inconclusive"),
    Outcome.NOT_APPLICABLE: ("-", "not applicable"),
    Outcome.ERROR: ("E", "error"),
}
"""The letter of each outcome in the line of progress, and its meaning."""
_FINE: Final = (Outcome.PASSED, Outcome.DIFFERS, Outcome.RECORDED)
_UNJUDGED: Final = (Outcome.ERROR, Outcome.NOT_APPLICABLE)


def add_run(parser: Parser) -> None:
    """Add the arguments of ``run``."""
    from asgi_liveness.conformance.promises import REMEDIES
    from asgi_liveness.serving.servers import SERVERS

    parser.epilog, parser.several = _RUN_EPILOG, _SEVERAL
    add = parser.add_argument
    add("target", nargs="+", help="an ASGI app, as module:attribute")
    names = ", ".join(kind.name for kind in SERVERS)
    add("--server", action="append", default=[], help=f"one of {names}, or a program")
    add("-k", metavar="TEXT", help="only cases with TEXT in their id or name")
    add("--all", action="store_true", help="also the cases that end servers: this takes minutes")
    remedies = ", ".join(remedy.name for remedy in REMEDIES)
    add("--has", action="append", default=[], metavar="NAME,...", help=f"remedies: of {remedies}")
    add("--lacks", action="append", default=[], help="a feature that the targets lack")
    add("--worker", default="", metavar="COMMAND", help="what runs the jobs of queued")
    add(
        "--known",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="a list of known differences; may be given several times",
    )
    add(
        "--report",
        action="append",
        default=[],
        metavar="FORMAT=FILE",
        help="json, md or html; - is stdout, folders are made",
    )
    _add_verbose(parser)
    parser.set_defaults(action=_run)


def add_contract(parser: Parser) -> None:
    """Describe ``contract``, which has no arguments."""
    parser.description = "Print the contract: its routes, its promises and its cases."
    parser.set_defaults(action=_contract)


def _add_verbose(parser: Parser) -> None:
    parser.add_argument("--verbose", action="store_true", help="show every window and every cell")


def _run(args: argparse.Namespace) -> int:
    from asgi_liveness.conformance import known
    from asgi_liveness.conformance.cases import choose_cases
    from asgi_liveness.conformance.promises import REMEDIES, lacking
    from asgi_liveness.conformance.report import ConformanceReport
    from asgi_liveness.conformance.runner import Runner
    from asgi_liveness.serving.servers import choose_servers
    from asgi_liveness.serving.worker import worker_command

    if remedies := {row.name for row in REMEDIES}.intersection(args.target if args.has else ()):
        names = ",".join([*args.has, *sorted(remedies)])
        raise UsageError(f"to give --has several values, write --has {names}")
    differences = [row for file in args.known for row in known.load(file, args.target)]
    servers, cases = choose_servers(args.server), choose_cases(args.k, ends_servers=args.all)
    lacks = lacking(split_names(args.lacks), split_names(args.has))
    wanted = outputs.parse_outputs(args.report, ("json", "md", "html"))
    screen = outputs.screen(wanted)
    worker = worker_command(args.worker) if args.worker else ()
    with Runner(args.target, servers, cases, differences, lacks=lacks, worker=worker) as runner:
        try:
            with contextlib.redirect_stdout(screen):
                _judge_all(runner, screen)
        except BaseException:
            if runner.results:  # what was judged is kept, whatever ended the run
                _show(ConformanceReport.of(runner), wanted, verbose=args.verbose)
            raise
        report = ConformanceReport.of(runner)
    is_written = _show(report, wanted, verbose=args.verbose)
    return report.exit_code or (0 if is_written else 2)


def _show(report: ConformanceReport, wanted: Sequence[Output], *, verbose: bool) -> bool:
    """Write and print the report; return whether every file could be written."""
    from asgi_liveness.cli import step_summary
    from asgi_liveness.conformance import render
    from asgi_liveness.conformance.page import page
    from asgi_liveness.page import html

    made: dict[str, Callable[[], str]] = {
        "json": report.to_json,
        "md": lambda: render.markdown(report),
        "html": lambda: html.render(page(report)),
    }
    unwritten = outputs.write(wanted, lambda form: made[form]())
    screen = outputs.screen(wanted)
    if any(cell.verdict not in _UNJUDGED for cell in report.cells):
        # Errors have a line of their own on standard error.
        text = render.text(report, verbose=verbose, errors=False, paint=painter(screen))
        print(f"\n{text}", end="", file=screen)
    for line in [*_errors(report), *unwritten]:
        print(f"asgi-liveness: {plain(line)}", file=sys.stderr)
    step_summary.append(lambda: render.markdown(report), wanted)
    return not unwritten


def _errors(report: ConformanceReport) -> list[str]:
    """Return one error for each target: it is mostly the same on all servers."""
    errors: dict[str, str] = {}
    for cell in report.cells:
        if cell.verdict == Outcome.ERROR:
            errors.setdefault(cell.target, cell.message)
    return list(errors.values())


def _judge_all(runner: Runner, screen: TextIO) -> None:
    """Judge every cell, and print the letter of each outcome."""
    progress = Progress()
    line = Letters(progress)
    print("   ".join(f"{mark} {meaning}" for mark, meaning in MARKS.values()))
    try:
        _print_letters(runner, line, progress, painter(screen))
    finally:
        line.flush()


def _print_letters(
    runner: Runner, line: Letters, progress: Progress, paint: Callable[[str, str], str]
) -> None:
    at: tuple[str, str] | None = None
    width, fine, is_ending = max(len(kind.name) for kind in runner.servers), 0, False
    cells = runner.cells
    runner.judge_together(cells)

    def show(result: Result) -> None:
        cell, number = result.cell, len(runner.results)
        step = f"{number} of {len(cells)}: {cell.case.id} on {cell.server.name}"
        progress.show(step, number / len(cells))

    runner.on_judged = show
    for cell in cells:
        if at is None or at[0] != cell.target:
            progress.show(f"{cell.target}: starting", len(runner.results) / len(cells))
            line.add(f"{cell.target}: starting ...")
            began = time.monotonic()
            runner.start(cell.target)
            line.add(f" {time.monotonic() - began:.1f} s")
            line.end()
        if at != (cell.target, cell.server.name):
            at = (cell.target, cell.server.name)
            line.add(f"  {cell.server.name:<{width}}  ")
            fine, is_ending = 0, False
        if cell.case.ends_servers and not is_ending:
            is_ending = True
            line.add(" ending servers ")
        outcome = runner.judge(cell).outcome
        fine += outcome in _FINE
        line.add(paint(MARKS[outcome][0], outcome))
        if cell.case is runner.cases[-1]:
            line.add(f"  {fine} of {len(runner.cases)}")
            line.end()


def _contract(_: argparse.Namespace) -> int:
    from asgi_liveness.conformance import document

    print(document.markdown(), end="")
    return 0
