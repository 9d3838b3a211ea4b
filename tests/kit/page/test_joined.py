"""Several reports on one page: the worst first, and no address of one leads into another."""

from __future__ import annotations

from asgi_liveness.page.joined import joined
from asgi_liveness.page.model import Fold, Links, Page, Section, Table, TableCell, Tone

TABLE = Table(("a",), ((TableCell("x", href="#LIVE-001"),),), anchors=("LIVE-001",))


def page(title: str, tone: Tone) -> Page:
    links = Links((("in", "#cases"), ("out", "https://x")))
    inner = Section("cases", "Cases", (TABLE, Fold("more", (TABLE, links))))
    return Page(title, f"{title} says", tone, (inner,), made="made")


def test_reports_stand_the_worst_first_and_in_their_order() -> None:
    names = ("one", "two", "three", "four")
    tones = (Tone.GOOD, Tone.BAD, Tone.UNSURE, Tone.BAD)
    made = joined([(f"{n}.json", page(n, t)) for n, t in zip(names, tones, strict=True)])
    table = made.sections[0].blocks[0]
    assert isinstance(table, Table)
    assert [row[0].text for row in table.rows] == ["two", "four", "three", "one"]
    assert [row[0].href for row in table.rows] == [f"#{each.anchor}" for each in made.sections[1:]]
    assert (made.tone, made.sentence) == (Tone.BAD, "2 of 4 reports have a finding.")


def test_addresses_within_a_report_stay_in_it() -> None:
    made = joined([("1", page("one", Tone.GOOD)), ("2", page("two", Tone.GOOD))])
    for number, section in enumerate(made.sections[1:], start=1):
        fold = next(block for block in section.blocks if isinstance(block, Fold))
        assert fold.anchor == f"report-{number}-cases"
        table, inner = fold.blocks
        assert isinstance(table, Table)
        assert isinstance(inner, Fold)
        assert table.anchors == (f"report-{number}-LIVE-001",)
        assert table.rows[0][0].href == f"#report-{number}-LIVE-001"
        assert inner.blocks[1] == Links((("in", f"#report-{number}-cases"), ("out", "https://x")))
