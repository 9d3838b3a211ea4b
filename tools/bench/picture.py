"""The chart, the picture and the tables of the frontier, made from its JSON.

The rule: the chart has the ways that no other way beats in both speed and wait with the most loops
that were measured, and the ways that people write first (``FIRST``). All others are in the table.
"""

from __future__ import annotations

from typing import Any, Final

from asgi_liveness.page.model import Chart, Point, Series, Table, TableCell
from asgi_liveness.page.svg import chart_svg

NOTHING: Final = "(nothing)"
ASLEEP: Final = "sleep(0)"
PACED: Final = "Pace 1 ms"
"""``Pace`` as it is without arguments."""
FIRST: Final = (ASLEEP, "a thread")
"""What people write first: ``await asyncio.sleep(0)`` in each iteration, and a plain ``def``."""
SHORT: Final = {"sleep(0), every 100th iteration": "sleep(0), every 100th"}
"""Names that are too long to stand at a line."""
TITLE: Final = "The speed of all loops, and how long a request waits meanwhile"
Rows = list[dict[str, Any]]


def frontier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points (speed, wait) that no other point beats in both."""
    best: list[tuple[float, float]] = []
    for speed, wait in sorted(points, key=lambda point: (-point[0], point[1])):
        if not best or wait < best[-1][1]:
            best.append((speed, wait))
    return best


def chart(result: dict[str, Any]) -> Chart:
    """Return the p99 of a probe's wait by the speed of all loops: a line for each way of the rule.

    Each point is a number of loops, from the fewest to the most. Those of ``Pace`` have no labels:
    they lie in one spot whatever the number is.
    """
    rows = _with_speed(result)
    ways = drawn(rows)
    series = tuple(
        Series(
            SHORT.get(way, way),
            tuple(
                Point(row["speed"], row["p99"], _words(row), "" if is_paced else _loops(row))
                for row in rows
                if row["way"] == way
            ),
            emphasis=is_paced,
        )
        for way, is_paced in ((way, way.startswith("Pace")) for way in ways)
    )
    return Chart(
        x_label="iterations of all loops, as a part of the bare loop's (right is faster)",
        y_label="p99 of a probe's wait in ms (down is shorter)",
        series=series,
        caption=_caption(rows, ways),
    )


def picture(result: dict[str, Any]) -> str:
    """Return the chart as a file of SVG."""
    return chart_svg(chart(result), TITLE)


def drawn(rows: Rows) -> list[str]:
    """Return the ways that the chart has, by the rule, in the order of the table."""
    most = _most(rows)
    last = [row for row in rows if row["loops"] == most]
    best = frontier([(row["speed"], row["p99"]) for row in last])
    unbeaten = {row["way"] for row in last if (row["speed"], row["p99"]) in best}
    return [way for way in _ways(rows) if way in unbeaten or way in FIRST]


def sentences(result: dict[str, Any]) -> str:
    """Say in two sentences what the chart shows, with the most loops; nothing without numbers."""
    rows = {(row["way"], row["loops"]): row for row in result["pooled"]}
    most = _most(_with_speed(result))
    asleep, paced, idle = (rows.get((way, most)) for way in (ASLEEP, PACED, NOTHING))
    if not (asleep and paced and idle):
        return ""
    waits = (f"{_short(row['p99'])} ms" for row in (asleep, paced, idle))
    with_sleep, with_pace, without = waits
    return (
        f"With {most:,} loop{'s' * (most > 1)} at once, 99 of 100 requests were answered within "
        f"{with_sleep} where each iteration awaits asyncio.sleep(0), within {with_pace} with "
        f"{PACED}, and within {without} without a loop. "
        f"All loops together ran at {asleep['speed']:.2f} of the speed of a loop that never "
        f"awaits with sleep(0), and at {paced['speed']:.2f} of it with {PACED}."
    )


def numbers(result: dict[str, Any]) -> Table:
    """Return every way with every number of loops, as a table of the page."""
    head = ("way", "loops at once", "speed", "p50 in ms", "p99 in ms", "p99.9 in ms")
    rows = tuple(
        tuple(
            map(
                TableCell,
                (
                    row["way"],
                    f"{row['loops']:,}",
                    "–" if row["speed"] is None else f"{row['speed']:.3f}",
                    *(f"{row[name]:.3f}" for name in ("p50", "p99", "p99.9")),
                ),
            )
        )
        for row in result["pooled"]
    )
    return Table(head, rows, measured(result), filters=head[:2])


def _with_speed(result: dict[str, Any]) -> Rows:
    return [row for row in result["pooled"] if row["speed"] is not None]


def _most(rows: Rows) -> int:
    return max((row["loops"] for row in rows), default=0)


def _ways(rows: Rows) -> list[str]:
    return list(dict.fromkeys(row["way"] for row in rows))


def _loops(row: dict[str, Any]) -> str:
    return f"{row['loops']:,} loop{'s' * (row['loops'] > 1)}"


def _words(row: dict[str, Any]) -> str:
    """Return the numbers of a point."""
    waits = ", ".join(f"{row[name]:.3f} ms ({name})" for name in ("p50", "p99", "p99.9"))
    return f"{_loops(row)}: {row['speed']:.3f} of the bare loop's speed; a probe waited {waits}"


def _caption(rows: Rows, ways: list[str]) -> str:
    """Say which ways are drawn, and which are in the table alone."""
    fastest = max((row["speed"] for row in rows if row["way"] in ways), default=0)
    others = []
    for way in _ways(rows):
        if way not in ways:
            speed = max(row["speed"] for row in rows if row["way"] == way)
            others.append(f"{way} (speed up to {speed:.2f})" if speed > fastest else way)
    drawn_ones = (
        f"Each point is a number of loops at once. Drawn are the ways that no other beats in both "
        f"with {_most(rows):,} loops, and what people write first: {' and '.join(FIRST)}."
    )
    return f"{drawn_ones} In the table alone: {', '.join(others)}." if others else drawn_ones


def table(result: dict[str, Any]) -> str:
    """Return the frontier in Markdown: a row for each way, a column for each number of loops."""
    cells = {(row["way"], row["loops"]): row for row in result["pooled"]}
    numbers = sorted({loops for _, loops in cells})
    heads = "".join(f" {number:,} |" for number in numbers)
    lines = [f"| loops at once: |{heads}", f"| --- |{' --- |' * len(numbers)}"]
    for way in dict.fromkeys(way for way, _ in cells):
        cells_of_way = "".join(f" {_cell(cells.get((way, number)))} |" for number in numbers)
        lines.append(f"| {way if way == NOTHING else f'`{way}`'} |{cells_of_way}")
    return "\n".join(lines) + "\n\n" + measured(result) + "\n"


def measured(result: dict[str, Any]) -> str:
    """Return the units of the table, and the facts of the run."""
    noisy = result["noisy"]
    left_out = "1 was too noisy and is" if noisy == 1 else f"{noisy} were too noisy and are"
    probes = sum(row["probes"] for row in result["pooled"])
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return (
        "Speed of all loops together, as a part of the bare loop's · p50 / p99 / p99.9 of the wait "
        f"of a probe, in ms from when it was due. {probes:,} probes; {len(result['blocks'])} "
        f"blocks, each between two controls; {left_out} left out. Python {result['python']}, "
        f"{result['system']}, {versions}."
    )


def costs_table(result: dict[str, Any]) -> str:
    """Return the kit's own cost in Markdown."""
    keys = ("frameworks", "servers", "cases", "loops", "verdicts", "wall", "starts", "windows")
    lines = [f"| {' | '.join(keys)} | rest |", f"|{' --- |' * (len(keys) + 1)}"]
    for row in result["costs"]:
        rest = row["wall"] - row["starts"] - row["windows"]
        cells = [f"{row[key]:.1f}" if isinstance(row[key], float) else row[key] for key in keys]
        lines.append(f"| {' | '.join(map(str, cells))} | {rest:.1f} |")
    lines += ["", "Seconds of `asgi-liveness run -k CASES`; *rest* has the start of Python in it."]
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, Any] | None) -> str:
    """Return one cell: the speed, and the percentiles of the wait."""
    if row is None:
        return "–"
    waits = " / ".join(_short(row[name]) for name in ("p50", "p99", "p99.9"))
    return waits if row["speed"] is None else f"**{row['speed']:.2f}** · {waits}"


def _short(milliseconds: float) -> str:
    """Return a time with two digits or more."""
    return f"{milliseconds:.1f}" if milliseconds < 10 else f"{milliseconds:.0f}"  # noqa: PLR2004 (two digits)
