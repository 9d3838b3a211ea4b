"""The picture and the tables of the frontier, made from its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

NOTHING: Final = "(nothing)"
MARKS: Final = {1: "o", 10: "s", 100: "^", 1000: "D"}
FRONTIERS: Final = {1: ":", 1000: "-."}  # the line style for a number of loops
COLOURS: Final = (*(f"C{number}" for number in range(10)), "black")
DASHED: Final = ("a thread", "a process")


def frontier(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points (speed, wait) that no other point beats in both."""
    best: list[tuple[float, float]] = []
    for speed, wait in sorted(points, key=lambda point: (-point[0], point[1])):
        if not best or wait < best[-1][1]:
            best.append((speed, wait))
    return best


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw the p99 of a probe's wait by the loops' speed: a line for each way, and the frontier."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (only the picture needs it)

    figure = Figure(figsize=(9.5, 5.6), layout="constrained")
    axes = figure.subplots()
    ways = dict.fromkeys(row["way"] for row in result["pooled"] if row["way"] != NOTHING)
    for number, way in enumerate(ways):
        rows = [row for row in result["pooled"] if row["way"] == way]
        line = "--" if way in DASHED else "-"
        speeds, waits = [row["speed"] for row in rows], [row["p99"] for row in rows]
        axes.plot(speeds, waits, line, color=COLOURS[number], label=way, lw=1, alpha=0.7)
        for row in rows:
            mark = MARKS[row["loops"]]
            axes.plot(row["speed"], row["p99"], mark, color=COLOURS[number], ms=6)
    for number, line in FRONTIERS.items():
        rows = [row for row in result["pooled"] if row["speed"] and row["loops"] == number]
        best = frontier([(row["speed"], row["p99"]) for row in rows])
        name = f"the frontier of {number:,}"
        axes.plot(*zip(*best, strict=True), line, color="black", lw=1.5, label=name)
    for number, mark in MARKS.items():
        axes.plot([], [], mark, color="grey", label=f"{number:,} loop{'s' * (number > 1)}")
    idle = [row["p99"] for row in result["pooled"] if row["way"] == NOTHING]
    axes.axhline(sum(idle) / len(idle), color="grey", lw=0.8, label="without a loop")
    axes.set_yscale("log")
    axes.set_xlabel("iterations of all loops, as a part of the bare loop's (right is faster)")
    axes.set_ylabel("p99 of a probe's wait in ms (down is shorter)")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    axes.grid(visible=True, which="major", lw=0.3)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def table(result: dict[str, Any]) -> str:
    """Return the frontier in Markdown: a row for each way, a column for each number of loops."""
    cells = {(row["way"], row["loops"]): row for row in result["pooled"]}
    numbers = sorted({loops for _, loops in cells})
    heads = "".join(f" {number:,} |" for number in numbers)
    lines = [f"| loops at once: |{heads}", f"| --- |{' --- |' * len(numbers)}"]
    for way in dict.fromkeys(way for way, _ in cells):
        cells_of_way = "".join(f" {_cell(cells.get((way, number)))} |" for number in numbers)
        lines.append(f"| {way if way == NOTHING else f'`{way}`'} |{cells_of_way}")
    return "\n".join(lines) + "\n\n" + _measured(result) + "\n"


def _measured(result: dict[str, Any]) -> str:
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
