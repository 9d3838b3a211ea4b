"""``asgi-liveness check`` and ``selftest``: their arguments, and what they print."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

from asgi_liveness.checking.before import Before, read_data
from asgi_liveness.checking.duration import FORMS, parse_duration, written
from asgi_liveness.checking.option import Option, OptionKind
from asgi_liveness.checking.options import DECLARED, DEFAULTS
from asgi_liveness.files import current_folder

if TYPE_CHECKING:
    from asgi_liveness.checking.report import Report
    from asgi_liveness.cli.arguments import Parser

_DESCRIPTION: Final = """\
Does your ASGI app still answer while it works? If not, which line blocks it?

The check serves the app as its users do, or by the command after --, and probes it from outside:
idle, then while each --during request runs. Run this in the environment of the app.
"""
_EPILOG: Final = f"""\
examples:
  asgi-liveness check myapp.main:app --during "GET /report" --probe /healthz
  asgi-liveness check myapp.main:create_app --factory --during "POST /import" -d @body.json
  asgi-liveness check http://127.0.0.1:8000 --during /report
  asgi-liveness check --during /report -- granian --interface asgi --port {{port}} myapp.main:app
  asgi-liveness check myapp.main:app --before "POST /login" -d @login.json --during "GET /me"

-H and -d belong to the --before that they follow, up to the next --before or --during. Anywhere
else they belong to every --during request. Probes carry neither.
TIME is in seconds, or has a unit: {FORMS}.

exit codes: 0 live, 1 a finding, 2 it could not be run or a request did no work, 3 inconclusive
Options may stand in [tool.asgi-liveness] of pyproject.toml. asgi-liveness explain says what the
words of a report mean.
"""


class _Placed(argparse.Action):
    """An option whose meaning its place decides.

    -H and -d belong to the --before that they follow, up to the next --before or --during.
    """

    def __call__(
        self,
        _: argparse.ArgumentParser,
        found: argparse.Namespace,
        value: Any,
        __: str | None = None,
    ) -> None:
        """Keep *value* where it belongs."""
        owner = found
        if self.dest == "before":
            found.owner = value = argparse.Namespace(request=value)
        elif self.dest == "during":
            found.owner = None
        else:
            owner = getattr(found, "owner", None) or found
        setattr(owner, self.dest, [*getattr(owner, self.dest, ()), value])


_ACTIONS: Final[dict[OptionKind, dict[str, Any]]] = {
    OptionKind.TARGET: {"nargs": "?"},
    OptionKind.COUNT: {"type": int},
    OptionKind.FLAG: {"action": "store_true"},
    OptionKind.SCOPE: {"action": "store_true"},
    OptionKind.TEXTS: {"action": "append"},
    OptionKind.HEADERS: {"action": _Placed},
    OptionKind.DATA: {"action": _Placed},
    OptionKind.BEFORE: {"action": _Placed},
}


def add_check(parser: Parser) -> None:
    """Add the arguments of ``check``: one for each option that is declared."""
    from asgi_liveness.checking.formats import FORMATS

    parser.takes_command = True
    parser.usage = "%(prog)s [TARGET] [options] [-- COMMAND ...]"
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.argument_default = argparse.SUPPRESS
    for name, option in DECLARED.items():
        if option.kind is not OptionKind.WORDS:
            _add(parser, name, option)
    formats = ", ".join(FORMATS)
    parser.add_argument(
        "--report",
        action="append",
        metavar="FORMAT=FILE",
        help=f"{formats}; - is stdout, folders are made",
    )
    parser.set_defaults(action=_check)


def add_selftest(parser: Parser) -> None:
    """Describe ``selftest``, which has no arguments."""
    parser.description = "Check small apps whose verdicts are known, on this machine."
    parser.set_defaults(action=_selftest)


def _add(parser: Parser, name: str, option: Option) -> None:
    settings = dict(_ACTIONS.get(option.kind, {}))
    if option.flag:
        settings["dest"] = name
    if name == "during":
        settings["action"] = _Placed
    if option.metavar:
        settings["metavar"] = option.metavar
    if option.kind is OptionKind.SCOPE:  # found before the word is split at its =
        whole = f"{option.flag}=all"
        parser.add_argument(
            whole, dest=name, action="store_const", const="all", help=argparse.SUPPRESS
        )
    parser.add_argument(option.flag or name, help=_help(name, option), **settings)


def _help(name: str, option: Option) -> str:
    """Return the help of an option, with its default where that says something."""
    default = DEFAULTS[name]
    if not default:
        return option.help
    shown = written(default) if option.kind is OptionKind.TIME else str(default)
    return f"{option.help} (default: {shown})"


def given(args: argparse.Namespace) -> dict[str, Any]:
    """Return the options that stand on the command line."""
    found = {name: value for name, value in vars(args).items() if name in DECLARED}
    if args.served:
        found["command"] = args.served
    return {name: _value(DECLARED[name], value) for name, value in found.items()}


def _value(option: Option, value: Any) -> Any:
    """Return what stands on the command line as ``Options`` takes it."""
    match option.kind:
        case OptionKind.TIME:
            return parse_duration(value, option.flag)
        case OptionKind.TEXTS:
            return tuple(value)
        case OptionKind.HEADERS:
            return tuple(header for text in value for header in _headers(option, text))
        case OptionKind.DATA:
            return read_data(value[-1], f"the file after {option.flag} @")
        case OptionKind.BEFORE:
            return tuple(Before(row.request, **_own(row)) for row in value)
        case _:
            return value


def _own(row: argparse.Namespace) -> dict[str, Any]:
    """Return the headers and the body of one --before."""
    names = vars(row).keys() & {"headers", "body"}
    return {name: _value(DECLARED[name], getattr(row, name)) for name in names}


def _headers(option: Option, text: str) -> list[str]:
    """Return *text*, or the headers in the file that it names, one a line."""
    if not text.startswith("@"):
        return [text]
    lines = read_data(text, f"the file after {option.flag} @").decode(errors="replace")
    return [line for line in lines.splitlines() if line.strip()]


def _check(args: argparse.Namespace) -> int:
    from asgi_liveness.checking import render, settings
    from asgi_liveness.checking.formats import FORMATS
    from asgi_liveness.checking.run import run
    from asgi_liveness.cli import outputs, step_summary
    from asgi_liveness.cli.colour import painter
    from asgi_liveness.cli.progress import Progress

    wanted = outputs.parse_outputs(vars(args).get("report", ()), tuple(FORMATS))
    options = settings.options(given(args), current_folder())
    progress, is_unwritten = Progress(), False

    def show(report: Report) -> None:
        nonlocal is_unwritten
        progress.clear()
        unwritten = outputs.write(wanted, lambda form: FORMATS[form](report))
        screen = outputs.screen(wanted)
        print(render.text(report, painter(screen)), end="", file=screen, flush=True)
        for line in unwritten:
            print(f"asgi-liveness: {line}", file=sys.stderr)
        step_summary.append(lambda: render.markdown(report), wanted)
        is_unwritten = bool(unwritten)

    try:
        report = run(options, progress.show, keep=show)
    finally:
        progress.clear()
    return report.exit_code or (2 if is_unwritten else 0)


def _selftest(_: argparse.Namespace) -> int:
    from asgi_liveness.checking.selftest import selftest

    return selftest()
