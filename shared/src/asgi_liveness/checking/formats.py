"""The formats of a check's report that other programs read: JUnit, and GitHub's annotations.

The rule: text of the app is data; each format escapes it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from asgi_liveness.checking import render
from asgi_liveness.checking.page import page
from asgi_liveness.checking.report import Report, Verdict
from asgi_liveness.foreign import xml
from asgi_liveness.page import html

if TYPE_CHECKING:
    from collections.abc import Callable

    from asgi_liveness.checking.report import WindowReport


_UNKNOWN: Final = (Verdict.INCONCLUSIVE, Verdict.NOT_CHECKED)


def junit(report: Report) -> str:
    """Return a test case for each route: a finding is a failure, no verdict is an error."""
    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", name="asgi-liveness", skipped="0")
    suite.set("tests", str(len(report.routes)))
    counts = {"failure": 0, "error": 0}
    for route in report.routes:
        case = ET.SubElement(
            suite, "testcase", name=xml(render.name(route)), classname=xml(report.target)
        )
        if route.verdict is Verdict.LIVE:
            continue
        tag = "error" if route.verdict in _UNKNOWN else "failure"
        counts[tag] += 1
        failure = ET.SubElement(case, tag, message=xml(_summary(report, route)), type=route.verdict)
        failure.text = xml(render.one(report, route))
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def github(report: Report) -> str:
    """Return a workflow command for each route, which GitHub shows at the culprit's line.

    A live idle app needs no annotation where there are requests.
    """
    idle = [route for route in report.routes if route.during is None and len(report.routes) > 1]
    shown = [r for r in report.routes if r not in idle or r.verdict is not Verdict.LIVE]
    return "".join(f"{_annotation(report, route)}\n" for route in shown)


def _annotation(report: Report, route: WindowReport) -> str:
    levels = {Verdict.LIVE: "notice", Verdict.INCONCLUSIVE: "warning"}
    properties = {"title": f"asgi-liveness: {render.name(route)} {route.verdict}"}
    if route.culprit:
        place = {"file": _in_repository(route.culprit.file), "line": str(route.culprit.line)}
        properties = place | properties
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{levels.get(route.verdict, 'error')} {listed}::{_data(render.one(report, route))}"


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


FORMATS: Final[dict[str, Callable[[Report], str]]] = {
    "json": Report.to_json,
    "junit": junit,
    "github": github,
    "md": render.markdown,
    "html": lambda report: html.render(page(report)),
}
"""What renders a report in each format of ``--report``."""
