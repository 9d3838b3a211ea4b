"""The kinds of inputs. Each makes one from a seeded generator, runs it and judges it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from unittest import mock

from asgi_liveness.checking import run as running
from asgi_liveness.checking.report import Probes, Report, Verdict, WindowReport
from asgi_liveness.errors import TargetError
from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.culprit import Culprit
from asgi_liveness.watching.report import CulpritRow, WatchReport
from tools.comparison import ROOT
from tools.fuzz import values
from tools.fuzz.ran import Ran, command, judge_reports
from tools.fuzz.responses import documents, responses

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

REPORTS: Final = ("json=out/r.json", "junit=out/r.xml", "md=out/r.md", "github=out/r.github")
_REFUSED: Final = {"run": ("-k", "no such case"), "serve": ("--server", "no-such")}
"""What ends these commands before they start a server."""
WINDOW: Final = WindowReport(
    "GET /a", Verdict.STALLED, Probes(80, 0), 4.0, 0.0, 4.0, strip="." * 80
)


def report_of(*routes: WindowReport) -> Report:
    """Return a report of these windows."""
    idle = replace(WINDOW, during=None, verdict=Verdict.LIVE, strip="|" * 80)
    system: dict[str, str | int | None] = {"python": "3.12.1", "platform": "Linux", "cores": 2}
    server = "uvicorn 1, asyncio, 1 worker"
    return Report("a:app", server, "GET /a", 0.05, 0.2, (idle, *routes), "x", system)


def reports(rng: random.Random, folder: Path) -> Ran:
    """Show a report that is damaged or hostile."""
    culprit = Culprit("a.py", 1, "f", "x()", Frame("b.py", 2, "g"), 3, 4)
    data = json.loads(report_of(replace(WINDOW, culprit=culprit, notes=("n",))).to_json())
    if rng.random() < 0.4:  # noqa: PLR2004 (the smaller part)
        data = json.loads((ROOT / "results" / "failure.json").read_text())
    if rng.random() < 0.2:  # noqa: PLR2004 (the smaller part)
        row = CulpritRow(culprit, "", 2, 3.0, 2.0, {"GET /a": 2}, "n", is_finding=True)
        data = json.loads(WatchReport("uvicorn", 0.2, 9.0, 1, (row,), (), 0.001, 0.002).to_json())
    (folder / "old.json").write_text(json.dumps(data))
    (folder / "r.json").write_text(values.mutated(data, rng), errors="surrogatepass")
    form = rng.choice(([], ["--format", "md"], ["--verbose"]))
    if rng.random() < 0.3:  # noqa: PLR2004 (the smaller part)
        return command(["diff", *rng.sample(["old.json", "r.json"], 2), *form])
    badges = ["--badge", "svg=out/b.svg", "--badge", "json=out/b.json"]
    return command(["report", str(folder / "r.json"), *form, *(badges if rng.randrange(2) else [])])


def settings(rng: random.Random, folder: Path) -> Ran:
    """Check with settings of a project that are damaged or hostile."""
    (folder / "pyproject.toml").write_bytes(values.toml(rng))
    return _check(["check", *([] if rng.randrange(2) else ["a:app"])], report_of(WINDOW))


def known(rng: random.Random, folder: Path) -> Ran:
    """Run with a list of known differences that is damaged or hostile, and no case to judge."""
    (folder / "k.toml").write_bytes(values.toml(rng))
    return command(["run", "a:app", "--known", "k.toml", "-k", "no such case"])


def arguments(rng: random.Random, folder: Path) -> Ran:
    """Check with hostile words for requests, headers, bodies, targets, files and commands."""
    flags = ["--during", "--probe", "-H", "-d", "--duration", "--max-stall", "--server", "--report"]
    flags += ["--app-dir", "--concurrency", "--loop", "--no-such"]
    os.mkfifo(folder / "pipe")
    (folder / "notes.md").write_text("mine")
    texts = [*values.TEXTS, "@pipe", "json=pipe", "md=notes.md", "json=/dev/full", "json=a/../b"]
    words = [
        word for _ in range(rng.randint(1, 3)) for word in (rng.choice(flags), rng.choice(texts))
    ]
    target = rng.choice(("a:app", "http://127.0.0.1:1", rng.choice(texts), ""))
    name = rng.choice(("check", "check", "check", "report", "explain", "run", "serve", "contract"))
    first = [name, *_REFUSED.get(name, ()), *([target] if target else [])]
    words = [*first, *(word.replace("\0", "") for word in words)]
    if rng.random() < 0.3:  # noqa: PLR2004 (these alone get as far as a file)
        report = rng.choice(("md=notes.md", "json=./notes.md", "md=pipe", "json=/dev/null"))
        words = ["check", "a:app", "--report", report]
    ran = _check(words, report_of(WINDOW))
    ran.require((folder / "notes.md").read_text() == "mine", "a file of somebody was overwritten")
    return ran


def output(rng: random.Random, folder: Path) -> Ran:
    """Report what a hostile app is called, has as its source, and prints."""
    said = [values.text(rng) for _ in range(8)]
    culprit = Culprit(said[0], 3, said[1], said[2], Frame(said[3], 4, said[4]), 3, 4)
    route = replace(WINDOW, culprit=culprit, because=said[5], notes=(said[6], said[7]))
    died = replace(route, verdict=Verdict.DIED, culprit=None)
    return _check(["check", "a:app", *_reports(folder)], report_of(route, died), folder)


def secrets(rng: random.Random, folder: Path) -> Ran:
    """Report what an app repeats of a header or a body."""
    secret = values.secret(rng)
    said = " ".join(
        (rng.choice(values.TEXTS)[:50], rng.choice(secret.echoes), "x" * rng.randrange(600))
    )
    culprit = Culprit("a.py", 3, "f", f"if key == {said}:", seen=1, looks=2)
    route = replace(WINDOW, culprit=culprit, because=said, notes=(said,), advice=said)
    before = ["--before", "POST /login"] if rng.random() < 0.3 else []  # noqa: PLR2004 (some)
    words = ["check", "a:app", *before, *secret.words, *_reports(folder)]
    found = TargetError(said) if rng.random() < 0.2 else report_of(route)  # noqa: PLR2004 (some)
    return _check(words, found, folder, secret.core)


def _reports(folder: Path) -> list[str]:
    (folder / "out").mkdir()
    return [word for report in REPORTS for word in ("--report", report)]


def _check(
    words: list[str], found: Report | Exception, folder: Path | None = None, secret: str = ""
) -> Ran:
    """Run a check that finds *found*, without an app."""

    async def report(_: object, keep: Callable[[Report], None]) -> None:
        if isinstance(found, Exception):
            raise type(found)(*found.args)
        keep(found)

    with mock.patch.object(running._Check, "report", report):  # noqa: SLF001 (nothing else starts)
        ran = command(words, secret)
    if folder is not None:
        judge_reports(ran, folder / "out", secret)
    return ran


KINDS: Final[dict[str, Callable[[random.Random, Path], Ran]]] = {
    kind.__name__: kind
    for kind in (reports, settings, known, arguments, output, secrets, documents, responses)
}
"""The kinds that need no server of the kit's, by their names."""
