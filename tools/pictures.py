"""The pictures of the documents, rendered from results/."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asgi_liveness.conformance.page import page
from asgi_liveness.page import svg

if TYPE_CHECKING:
    from asgi_liveness.conformance.report import ConformanceReport


def probes(report: ConformanceReport) -> str:
    """Return the probes of the first target through the freeze and both fixes.

    Raises ``ValueError`` where the record has no timelines.
    """
    picture = page(report).picture
    if picture is None or not all(lane.timeline for lane in picture.rows):
        raise ValueError("the record has no timelines: nox -s record")
    target, server = report.targets[0], report.servers[0]
    return svg.timeline_svg(picture, f"{target.name} {target.version} on {server}")
