"""The options of a check. Each is declared once: flag, kind, default and help.

The rule: the parser of the command, the settings of ``pyproject.toml`` and the line ``Again:`` are
derived from the fields of ``Options``; only the signature of ``asgi_liveness.check`` repeats them.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, get_type_hints

from asgi_liveness.checking.before import Before  # noqa: TC001 (the annotations are read)
from asgi_liveness.checking.duration import written
from asgi_liveness.checking.option import Option, OptionKind
from asgi_liveness.errors import UsageError

_STALLS: Final = 2
"""How many of the longest stalls a window must hold, so that one within it is seen to be longer."""


@dataclass(frozen=True)
class Options:
    """One check. Either *target* or *command* is named. Times in seconds."""

    target: Annotated[
        str, Option("", OptionKind.TARGET, "TARGET", "module:attribute, or http://127.0.0.1:PORT")
    ] = ""
    command: Annotated[
        tuple[str, ...],
        Option("--", OptionKind.WORDS, "COMMAND", "what serves the app, on the port {port}"),
    ] = ()
    during: Annotated[
        tuple[str, ...],
        Option(
            "--during",
            OptionKind.TEXTS,
            "REQUEST",
            "as 'GET /report', or 'WS /prices' for a WebSocket; may be repeated. GET and HEAD are "
            "sent up to 4 times, anything else exactly once",
        ),
    ] = ()
    probe: Annotated[
        str | None,
        Option(
            "--probe",
            OptionKind.TEXT,
            "PATH",
            "what must answer; else the first of /healthz, /health, /livez and / that the app has; "
            "if none, a 404 counts as an answer",
        ),
    ] = None
    server: Annotated[str, Option("--server", OptionKind.TEXT, "NAME", "uvicorn or hypercorn")] = (
        "uvicorn"
    )
    loop: Annotated[
        str,
        Option("--loop", OptionKind.TEXT, "NAME", "asyncio, uvloop, or auto: the server chooses"),
    ] = "auto"
    factory: Annotated[
        bool,
        Option("--factory", OptionKind.FLAG, "", "the target is a function that returns the app"),
    ] = False
    app_dir: Annotated[
        str,
        Option(
            "--app-dir", OptionKind.TEXT, "FOLDER", "where the app is; else the current directory"
        ),
    ] = ""
    headers: Annotated[
        tuple[str, ...],
        Option(
            "-H",
            OptionKind.HEADERS,
            "NAME:VALUE",
            "a header of every --during request, or after a --before of that alone; or @FILE, with "
            "one a line; shown in no report",
        ),
    ] = ()
    body: Annotated[
        bytes,
        Option(
            "-d",
            OptionKind.DATA,
            "DATA",
            "the body, or @FILE, of the same requests, with its content type if it is JSON or a "
            "form; the first message of a WebSocket; shown in no report",
        ),
    ] = b""
    before: Annotated[
        tuple[Before, ...],
        Option(
            "--before",
            OptionKind.BEFORE,
            "REQUEST",
            "is sent before the windows, such as 'POST /login' -d @login.json: its cookies are "
            "kept; may be repeated",
        ),
    ] = ()
    header_from: Annotated[
        tuple[str, ...],
        Option(
            "--header-from",
            OptionKind.TEXTS,
            "NAME:VALUE",
            "a header from the JSON that a --before answers, as 'Authorization: Bearer "
            "{access_token}'; {data.token} is a token within data",
        ),
    ] = ()
    duration: Annotated[
        float,
        Option(
            "--duration",
            OptionKind.TIME,
            "TIME",
            "how long each request is watched at most, or the idle app where none is named",
            least=0.5,
        ),
    ] = 4.0
    max_stall: Annotated[
        float,
        Option(
            "--max-stall",
            OptionKind.TIME,
            "TIME",
            "how long one callback may block the event loop",
            least=0.005,
        ),
    ] = 0.2
    concurrency: Annotated[
        int,
        Option(
            "--concurrency",
            OptionKind.COUNT,
            "N",
            "how many of a request run at a time; 2 show a lock that is held across an await",
            least=1,
            most=1000,
        ),
    ] = 1
    openapi: Annotated[
        bool | str,
        Option(
            "--openapi",
            OptionKind.SCOPE,
            "",
            "also try the GET routes without parameters of its OpenAPI document, but for actions "
            "such as /logout; --openapi=all tries these, too",
        ),
    ] = False
    allow_remote: Annotated[
        bool,
        Option("--allow-remote", OptionKind.FLAG, "", "the address may be that of another machine"),
    ] = False
    no_early: Annotated[
        bool,
        Option(
            "--no-early",
            OptionKind.FLAG,
            "",
            "watch for the whole duration, also where the verdict is certain, and run one copy of "
            "the app at a time",
        ),
    ] = False
    start_limit: Annotated[
        float,
        Option(
            "--start-limit", OptionKind.TIME, "TIME", "how long the first answer may take", least=1
        ),
    ] = 60.0

    def __post_init__(self) -> None:
        if self.target and self.command:
            named = "an address" if "@" in self.target else repr(self.target)
            raise UsageError(f"{named} and a command after -- were given; leave one of them out")
        if not self.target and not self.command:
            raise UsageError(
                "there is nothing to check; name an app as module:attribute, an address, or a "
                "command after --"
            )
        for name, option in DECLARED.items():
            option.check(getattr(self, name))
        if self.duration < _STALLS * self.max_stall:
            raise UsageError(
                f"a stall of --max-stall {written(self.max_stall)} cannot be seen within "
                f"--duration {written(self.duration)}; give --duration "
                f"{written(_STALLS * self.max_stall)} or more"
            )
        if self.header_from and not self.before:
            raise UsageError(
                "--header-from reads the answer of a --before, and there is none; give one, as "
                "--before 'POST /login' -d @login.json"
            )
        if self.openapi not in (False, True, "all"):
            raise UsageError(f"--openapi is {self.openapi!r:.40}; write --openapi or --openapi=all")
        if self.server not in ("uvicorn", "hypercorn"):
            raise UsageError(
                f"no server is called {self.server!r}; choose uvicorn or hypercorn, or give any "
                f"other as a command: -- granian --port {{port}} ..."
            )
        if self.loop not in ("auto", "asyncio", "uvloop"):
            raise UsageError(
                f"no event loop is called {self.loop!r}; choose auto, asyncio or uvloop"
            )


DECLARED: Final[dict[str, Option]] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Options, include_extras=True).items()
}
"""The options by the names of their fields, in the order of the command's help."""
DEFAULTS: Final[dict[str, Any]] = {row.name: row.default for row in fields(Options)}
"""The values of the options that nobody gives."""
