"""The generated blocks of the documents that are rendered from results/ and the kit's tables."""

from __future__ import annotations

import functools
import json
import tomllib
from typing import TYPE_CHECKING

from asgi_liveness.checking import render as of_check
from asgi_liveness.checking.report import Report
from asgi_liveness.conformance import matrix, render
from asgi_liveness.conformance.promises import PROMISES
from asgi_liveness.conformance.report import ConformanceReport
from tools.bench import engine_table, picture, scale_table
from tools.cluster import table
from tools.comparison import COMPARISON, FRAMEWORKS, ROOT

if TYPE_CHECKING:
    from pathlib import Path

RESULTS = ROOT / "results"


def recorded() -> ConformanceReport:
    """Return the recorded comparison."""
    path = RESULTS / "comparison.json"
    return _loaded(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=1)
def _loaded(path: Path, _: int) -> ConformanceReport:
    """Return a report; most blocks need it, and to read it takes a second."""
    return ConformanceReport.load(path)


def columns() -> dict[str, str]:
    """Return the columns that are recorded: a new one stands in no document before it is."""
    titles = recorded().titles
    return {name: target for name, target in FRAMEWORKS.items() if target in titles}


def result() -> str:
    """Does `/hello` answer? Four rows, and in one sentence how far the frameworks agree."""
    report = recorded()
    table = render.answering(report).partition("\n\n")[0]
    agreed = render.agreement(report).partition(";")[0].rstrip(".")
    versions = " · ".join(f"{row.name} {row.version}" for row in report.targets)
    machine = f"{report.platform['system']}, {report.platform['cores']} cores"
    return f"{table}\n\n{agreed}. {versions} · Python {report.python} · {machine}.\n"


def agreement() -> str:
    """In which cells the frameworks agree, and which cases differ."""
    return f"{render.agreement(recorded())}\n"


def kept() -> str:
    """Remedies by promises."""
    return "\n".join(matrix.markdown(recorded())) + "\n"


def promises() -> str:
    """The promises, with their words."""
    judged = {True: "", False: " (recorded, not judged)"}
    return "".join(f"- **{row.name}**: {row.text}{judged[row.judged]}\n" for row in PROMISES)


def differences() -> str:
    """The known differences, each with its reason and its source."""
    own = (ROOT / f"{name}_impl" / "known_differences.toml" for name in columns())
    files = [ROOT / COMPARISON["known"], *(path for path in own if path.exists())]
    rows = [row for path in files for row in tomllib.loads(path.read_text())["difference"]]
    titles, lines = recorded().titles, []
    for row in rows:
        cases, targets = (_several(row[key]) for key in ("case", "target"))
        where = [", ".join(titles[target] for target in targets)]
        where += [f"on {', '.join(row['server'])}"] if "server" in row else []
        where += [f"with Python {', '.join(row['python'])}"] if "python" in row else []
        lines.append(
            f"- **{', '.join(cases)}** ({' '.join(where)}): {row['reason']} "
            f"([source]({row['link']}))\n"
        )
    return "".join(lines)


def _several(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def compare() -> str:
    """What ``nox -s compare`` prints of its windows."""
    return _text(render.seen(recorded()))


def failure() -> str:
    """What a failed case prints, from the recorded failure of a miniature."""
    (cell,) = ConformanceReport.load(RESULTS / "failure.json").cells
    return _text(f"{cell.message}\n")


def check() -> str:
    """What a check of the hanging app prints."""
    return _text(of_check.text(Report.load(RESULTS / "check.json")))


def watch() -> str:
    """What a watch prints while somebody clicks through an app."""
    return _text((RESULTS / "watch.txt").read_text())


def attach() -> str:
    """What ``attach`` prints of an app that hangs."""
    return _text((RESULTS / "attach.txt").read_text())


def watching() -> str:
    """What watching costs, how many stalls it names, and how soon."""
    return _text((RESULTS / "watching.txt").read_text())


def frontier() -> str:
    """Speed and waits of every way to run loops."""
    return picture.table(json.loads((RESULTS / "frontier.json").read_text()))


def frontier_picture() -> str:
    """The chart of the frontier, as SVG."""
    return picture.picture(json.loads((RESULTS / "frontier.json").read_text()))


def costs() -> str:
    """The time that the comparison itself takes, recorded with the frontier."""
    return picture.costs_table(json.loads((RESULTS / "frontier.json").read_text()))


def engines() -> str:
    """Times of task queues, and what became of a job whose worker was told to stop."""
    return engine_table.table(json.loads((RESULTS / "engines.json").read_text()))


def scale() -> str:
    """How costs grow with threads, tasks, workers and columns."""
    return scale_table.tables(json.loads((RESULTS / "scale.json").read_text()), recorded().seconds)


def cluster() -> str:
    """How many queued jobs run in a second, and how soon they start and stop."""
    return table.tables(json.loads((RESULTS / "cluster.json").read_text()))


def pacing() -> str:
    """How ``nox -s pacing`` ended when it was last recorded by hand."""
    return _text((RESULTS / "pacing.txt").read_text())


def health() -> str:
    """How bare ``nox`` ended when it was last recorded by hand; the tests check each session."""
    return _text((RESULTS / "health.txt").read_text())


def _text(text: str) -> str:
    return f"```text\n{text}```\n"
