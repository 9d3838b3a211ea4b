"""Pages that are made up: one with every block, a hostile one, one as large as the whole matrix."""

from __future__ import annotations

from asgi_liveness.page.model import (
    Block,
    Chart,
    CommandLine,
    Facts,
    Flame,
    Fold,
    Lane,
    Lanes,
    Links,
    Page,
    Point,
    Prose,
    Section,
    Series,
    Source,
    Sources,
    Stack,
    Table,
    TableCell,
    Tone,
)
from asgi_liveness.page.timeline import Timeline

FRAMEWORKS = ("FastAPI", "Starlette", "Quart")
SERVERS = ("uvicorn/asyncio", "uvicorn/uvloop", "hypercorn")
PATH = "opentelemetry/sdk/trace/export/__init__.py:114 in on_end()"


def live(count: int = 40, every: int = 50) -> Timeline:
    due = tuple(row * every for row in range(count))
    waits = tuple(1 + row * 7 % 5 for row in range(count))
    steps = tuple(900 + row * 37 % 120 for row in range(20))
    return Timeline(count * every, due, waits, interval=count * every // 20, steps=steps)


def stalled(count: int = 40, every: int = 50) -> Timeline:
    """Answers at once, then none for as long as a quarter of the window, twice."""
    length = count * every
    stalls = ((length // 5, length * 9 // 20), (length * 3 // 5, length * 17 // 20))
    due = tuple(row * every for row in range(count))
    waits = tuple(
        next((ended - at + 2 for began, ended in stalls if began <= at < ended), 2) for at in due
    )
    return Timeline(length, due, waits, stalls=stalls, limit=100)


def frozen(count: int = 40, every: int = 50) -> Timeline:
    due = tuple(row * every for row in range(count))
    length = count * every
    steps = tuple(4000 + row * 91 % 700 for row in range(20))
    return Timeline(
        length,
        due,
        (None,) * count,
        interval=length // 20,
        steps=steps,
        stalls=((0, length),),
    )


def mixed() -> Timeline:
    """Two paths, and statuses that are not 200."""
    return Timeline(
        length=1000,
        due=(0, 0, 100, 100, 200, 200),
        waits=(3, 4, None, 5, 700, None),
        statuses=(200, 503, 0, 200, 500, 0),
        paths=("/healthz", "/users"),
    )


def handler(framework: str) -> Source:
    name = framework.lower()
    lines = (
        f'@{"app" if name != "starlette" else "router"}.get("/blocking")',
        f"async def blocking({'request: Request' if name == 'starlette' else ''}) -> dict:",
        '    """Run the loop without await: nothing else is served."""',
        "    loop = LoopBody()",
        "",
        "    while loop.goes_on():",
        "        loop.step()  # no await",
        '    return {"steps": 1_000}'
        if name != "starlette"
        else '    return JSONResponse({"steps": 1_000})',
    )
    return Source(f"{framework} /blocking", 31, lines, marked=36)


def flame() -> Flame:
    server = tuple(f"uvicorn/protocols/step_{row}.py:{row} in step_{row}()" for row in range(14))
    way = (*server, "fastapi/routing.py:301 in app()", "app.py:31 in order()")
    return Flame(
        (
            Stack(37, (*way, PATH, "requests/api.py:115 in post()")),
            Stack(9, (*way, "json/encoder.py:200 in encode()")),
            Stack(2, (*server, "asyncio/base_events.py:1909 in _run_once()")),
        )
    )


def chart() -> Chart:
    ways = ("sleep(0)", "Pace", "thread", "process", "sleep(0) every 100", "nothing")
    series = tuple(
        Series(
            name,
            tuple(
                Point(
                    0.9 - way * 0.12 - row * 0.02,
                    1.5 * 4.0 ** (row + way % 3),
                    f"{10**row} loops, {0.9 - way * 0.12:.2f} of full speed",
                )
                for row in range(4)
            ),
            emphasis=way < 2,
        )
        for way, name in enumerate(ways)
    )
    return Chart("speed of the loop", "wait of a probe, ms (p99)", series, "What a way costs.")


def matrix(rows: int = 24) -> Table:
    verdicts = (
        TableCell("passed", Tone.GOOD),
        TableCell("failed", Tone.BAD, "2 of 20 probes answered"),
    )
    unsure = TableCell("inconclusive", Tone.UNSURE, "the idle app was late")
    found = []
    for row in range(rows):
        case = f"LIVE-{row // 9:03}"
        verdict = unsure if row % 11 == 5 else verdicts[row % 5 == 3]
        framework, server = FRAMEWORKS[row // 3 % 3], SERVERS[row % 3]
        found.append(
            (
                TableCell(case),
                TableCell(framework),
                TableCell(server),
                verdict,
                TableCell(f"{row % 7} ms"),
            )
        )
    return Table(
        ("case", "framework", "server", "outcome", "p99"),
        tuple(found),
        caption="Every case on every server",
        filters=("framework", "server", "outcome"),
        anchors=tuple(f"row-{row}" for row in range(rows)),
    )


def every_block() -> tuple[Block, ...]:
    return (
        Prose("The handler has no `await`, so the event loop cannot answer anything else.\nTwice."),
        CommandLine(
            "asgi-liveness check app.main:app --during 'GET /order' --report html=page.html"
        ),
        Facts((("silent", "2.0 s"), ("limit", "200 ms"), ("probes", "0 of 80 in time"))),
        Links((("the case", "#row-3"), ("the documents", "https://example.org/explain"))),
        Lanes(
            (
                Lane("GET /healthz", "LIVE", Tone.GOOD, "40 of 40 probes answered", live()),
                Lane("GET /order", "STALLED", Tone.BAD, "12 of 40 in time", stalled()),
                Lane("GET /users", "INCONCLUSIVE", Tone.UNSURE, "4 of 6 answered", mixed()),
                Lane("GET /old", "LIVE", Tone.GOOD, "20 of 20 answered", None),
            ),
            "Each request, on one scale of time.",
        ),
        matrix(),
        Sources(tuple(handler(name) for name in FRAMEWORKS)),
        Sources((handler("FastAPI"),)),
        flame(),
        chart(),
        Fold("More of it", (Prose("Folded."), CommandLine("pip install 'asgi-liveness[page]'"))),
    )


def page(blocks: tuple[Block, ...] | None = None) -> Page:
    """Every block in a section of its own, below a picture."""
    blocks = every_block() if blocks is None else blocks
    lanes = (
        Lane("nothing runs", "LIVE", Tone.GOOD, "40 of 40 probes answered", live()),
        Lane("/blocking", "FROZEN", Tone.BAD, "0 of 40 probes answered", frozen()),
        Lane("/cooperative", "LIVE", Tone.GOOD, "40 of 40 probes answered", live()),
    )
    return Page(
        title="FastAPI 0.165.0 on uvicorn/asyncio",
        sentence="GET /order froze the app: 68 of 80 probes were not answered in time.",
        tone=Tone.BAD,
        picture=Lanes(lanes, "Each line is a probe that asks the app for an answer."),
        sections=tuple(
            Section(
                f"part-{row}",
                type(block).__name__,
                (block,),
                "STALLED" if row == 4 else "",
                Tone.BAD if row == 4 else Tone.PLAIN,
            )
            for row, block in enumerate(blocks)
        ),
        made="asgi-liveness 0.1.0, Python 3.11.7, Linux x86_64, 2 cores",
    )


def large() -> Page:
    """As large as the whole matrix: 702 rows, and 400 windows of up to 100 probes."""
    kinds = (live, stalled, frozen)
    lanes = [
        Lane(
            f"{SERVERS[row % 3]}",
            "LIVE" if row % 3 == 0 else "FROZEN",
            Tone.GOOD if row % 3 == 0 else Tone.BAD,
            f"{row} of 40 probes answered",
            kinds[row % 3](20 + row % 5 * 20, 47 + row % 9),
        )
        for row in range(400)
    ]
    groups = [Lanes(tuple(lanes[row : row + 9])) for row in range(0, 400, 9)]
    sources = Sources(tuple(handler(name) for name in FRAMEWORKS))
    routes = tuple(
        Section(f"route-{row}", f"/route-{row}", (sources, group))
        for row, group in enumerate(groups)
    )
    sections = (Section("matrix", "Matrix", (matrix(702),)), *routes)
    return Page("Comparison", "54 of 702 cases failed.", Tone.BAD, sections, groups[0])
