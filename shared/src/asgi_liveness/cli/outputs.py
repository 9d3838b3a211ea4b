"""``--report FORMAT=FILE``: where reports are written, and the formats that other programs read.

The rule: what cannot be written is told before the run, which would be lost. ``-`` is the
standard output; the screen then goes to standard error.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from asgi_liveness.checking import render
from asgi_liveness.checking.report import Report, Verdict
from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from asgi_liveness.checking.report import WindowReport


@dataclass(frozen=True)
class Output:
    """One report to be written; without a path to standard output."""

    form: str
    path: Path | None


def parse_outputs(texts: Sequence[str], forms: Sequence[str]) -> list[Output]:
    """Return the outputs in the order of *forms*. Raises ``UsageError`` for a bad one."""
    found: dict[Path | None, Output] = {}
    for text in texts:
        form, _, name = text.partition("=")
        if form not in forms or not name:
            listed = f"{', '.join(forms[:-1])} or {forms[-1]}"
            raise UsageError(f"--report {text!r}: write FORMAT=FILE, with {listed}")
        path = None if name == "-" else Path(name)
        if path in found:
            raise UsageError(f"--report {text!r}: another report goes there")
        found[path] = Output(form, path)
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.open("a").close()
        except OSError as error:
            raise UsageError(f"--report {text!r}: cannot be written: {error.strerror}") from error
    return sorted(found.values(), key=lambda output: forms.index(output.form))


def screen(outputs: Sequence[Output]) -> TextIO:
    """Where to print what people read."""
    return sys.stderr if any(output.path is None for output in outputs) else sys.stdout


def write(outputs: Sequence[Output], rendered: Callable[[str], str]) -> list[str]:
    """Write what *rendered* makes of each format; return a line for each that cannot be."""
    unwritten = []
    for output in outputs:
        report = rendered(output.form)
        if output.path is None:
            sys.stdout.write(report)
            continue
        try:
            output.path.write_text(report, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            unwritten.append(f"{output.path} could not be written: {error.strerror}")
    return unwritten


def junit(report: Report) -> str:
    """A test case for each route: a finding is a failure, an inconclusive one an error."""
    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", name="asgi-liveness", skipped="0")
    suite.set("tests", str(len(report.routes)))
    counts = {"failure": 0, "error": 0}
    for route in report.routes:
        case = ET.SubElement(
            suite, "testcase", name=_xml(render.name(route)), classname=_xml(report.target)
        )
        if route.verdict is Verdict.LIVE:
            continue
        tag = "error" if route.verdict is Verdict.INCONCLUSIVE else "failure"
        counts[tag] += 1
        told = ET.SubElement(case, tag, message=_xml(_summary(report, route)), type=route.verdict)
        told.text = _xml(render.one(report, route))
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def github(report: Report) -> str:
    """A workflow command of GitHub's for each route, which it shows at the culprit's line.

    That the app at rest is live need not be shown beside the requests.
    """
    at_rest = [route for route in report.routes if route.during is None and len(report.routes) > 1]
    shown = [r for r in report.routes if r not in at_rest or r.verdict is not Verdict.LIVE]
    return "".join(f"{_annotation(report, route)}\n" for route in shown)


def _annotation(report: Report, route: WindowReport) -> str:
    levels = {Verdict.LIVE: "notice", Verdict.INCONCLUSIVE: "warning"}
    properties = {"title": f"asgi-liveness: {render.name(route)} {route.verdict}"}
    if route.culprit:
        place = {"file": _in_repository(route.culprit.file), "line": str(route.culprit.line)}
        properties = place | properties
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{levels.get(route.verdict, 'error')} {told}::{_data(render.one(report, route))}"


def _in_repository(file: str) -> str:
    """Return the file as GitHub knows it: relative to the checkout, wherever the check ran."""
    root, path = os.environ.get("GITHUB_WORKSPACE"), Path(file).resolve()
    return str(path.relative_to(root)) if root and path.is_relative_to(root) else file


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _summary(report: Report, route: WindowReport) -> str:
    return f"{render.name(route)} {route.verdict}: {render.fact(report, route)}"


def _xml(text: str) -> str:
    """Return *text* without the characters that XML has no way to write."""
    return re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


FORMATS: Final[dict[str, Callable[[Report], str]]] = {
    "json": Report.to_json,
    "junit": junit,
    "github": github,
    "md": render.markdown,
}
