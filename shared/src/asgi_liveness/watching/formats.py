"""The formats of a watch's report that other programs read: JUnit, and Markdown.

The rule: text of the app is data; each format escapes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from asgi_liveness.foreign import fenced, xml
from asgi_liveness.foreign import markdown as markup_free
from asgi_liveness.page import html
from asgi_liveness.watching.page import page
from asgi_liveness.watching.report import WatchReport
from asgi_liveness.watching.screen import summary

if TYPE_CHECKING:
    from collections.abc import Callable


def junit(report: WatchReport) -> str:
    """Return a test case for each line that blocked; one that passed where there is none."""
    rows = [row for row in report.culprits if row.is_finding]
    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", name="asgi-liveness", errors="0", skipped="0")
    suite.set("tests", str(len(rows) + len(report.starved) or 1))
    suite.set("failures", str(len(rows) + len(report.starved)))
    for row in rows:
        _failed(suite, report, row.where, row.counted, "stalled")
    for each in report.starved:
        _failed(
            suite,
            report,
            f"{each.pool} at {each.where}",
            f"full, {each.threads} threads",
            "starved",
        )
    if report.verdict == "live":
        ET.SubElement(suite, "testcase", name="event loop", classname=xml(report.command))
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _failed(suite: ET.Element, report: WatchReport, name: str, message: str, kind: str) -> None:
    case = ET.SubElement(suite, "testcase", name=xml(name), classname=xml(report.command))
    failure = ET.SubElement(case, "failure", message=xml(message), type=kind)
    failure.text = xml(summary(report, lambda text, _: text))


def markdown(report: WatchReport) -> str:
    """Return the summary for a comment or a job's page."""
    head = f"**asgi-liveness: {report.verdict}**, {markup_free(report.command)}"
    rows = [
        f"| {row.stalls} | {row.total_s:.1f} s | {row.longest_s:.1f} s "
        f"| {markup_free(row.where)} | {markup_free(', '.join(row.requests))} |"
        for row in report.culprits
    ]
    table = [
        "| stalls | total | longest | where | requests |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]
    whole = fenced(summary(report, lambda text, _: text).splitlines())
    return "\n".join([head, "", *(table if rows else []), "", *whole]) + "\n"


FORMATS: Final[dict[str, Callable[[WatchReport], str]]] = {
    "json": WatchReport.to_json,
    "junit": junit,
    "md": markdown,
    "html": lambda report: html.render(page(report)),
}
"""What renders the report of a watch. ``jsonl`` is written while it runs, a line for each stall."""
