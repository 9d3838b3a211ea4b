"""A picture of the probes through a freeze, from the recorded comparison alone.

The record has counts, not the fate of each probe. So a window can be drawn only if all of its
probes were answered or none was; any other raises ``ValueError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance import contract

if TYPE_CHECKING:
    from asgi_liveness.conformance.report import ConformanceReport

LANES: Final = (
    (contract.IDLE, "nothing runs"),
    (contract.BLOCKING, "a loop without await"),
    (contract.BACKGROUND, "the loop in a plain def background task"),
    (contract.COOPERATIVE, "the loop with await asyncio.sleep(0)"),
)
_LEFT, _STEP, _LANE, _TOP = 12, 18, 48, 50  # pixels
_COUNT: Final = 120  # pixels for the count behind a lane
_STYLE: Final = """\
text { font: 14px system-ui, sans-serif; fill: #1f2328 }
.small { font-size: 12px; fill: #59636e }
.answered { stroke: #1a7f37; stroke-width: 5; stroke-linecap: round }
.not { fill: #cf222e }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .small { fill: #9198a1 }
.answered { stroke: #3fb950 } .not { fill: #f85149 }
}"""


def svg(report: ConformanceReport) -> str:
    """Return the picture of the first target on the first server, for light and dark pages."""
    target, server = report.targets[0], report.servers[0]
    rows = {
        row.window: row
        for row in report.windows
        if (row.target, row.server) == (target.target, server)
    }
    lanes = [
        (words, rows[window.title].answered, rows[window.title].due) for window, words in LANES
    ]
    width = _LEFT + _STEP * max(due for _, _, due in lanes) + _COUNT
    height = _TOP + _LANE * len(lanes) - 8
    title = f"{target.name} {target.version} on {server}: each mark is a probe of the app"
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{title}">',
        f"<style>{_STYLE}</style>",
        f'<text class="small" x="8" y="20">{title}</text>',
    ]
    for number, (words, answered, due) in enumerate(lanes):
        parts += _lane(_TOP + _LANE * number, words, answered, due)
    return "\n".join([*parts, "</svg>", ""])


def _lane(y: int, words: str, answered: int, due: int) -> list[str]:
    if answered not in (0, due):
        raise ValueError(
            f"{words}: {answered} of {due} probes were answered; which is not recorded"
        )
    xs = [_LEFT + _STEP * index for index in range(due)]
    if answered:
        marks = [f'<path class="answered" d="M{x} {y + 12}v12"/>' for x in xs]
    else:
        marks = [f'<circle class="not" cx="{x}" cy="{y + 18}" r="3.5"/>' for x in xs]
    said = f"{answered} of {due} answered"
    end = xs[-1] + _STEP
    return [
        f'<text x="8" y="{y}">{words}</text>',
        *marks,
        f'<text class="small" x="{end}" y="{y + 22}">{said}</text>',
    ]
