"""Every verdict can come out: each miniature is judged as it should be, and a wrong one shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgi_liveness.checking import selftest
from asgi_liveness.checking.miniatures import MINIATURES, Miniature
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Report, Verdict
from tests.kit.checking.made import LIVE, STALLED, report


def named(miniature: Miniature) -> str:
    return miniature.during or miniature.app


@pytest.mark.python
@pytest.mark.servers
@pytest.mark.usefixtures("temporary")
@pytest.mark.parametrize("miniature", MINIATURES, ids=named)
def test_a_miniature_is_judged_as_it_should_be(miniature: Miniature) -> None:
    said, right = selftest.judge(miniature)
    assert right, said


def test_every_verdict_has_a_miniature() -> None:
    assert {miniature.verdict for miniature in MINIATURES} == set(Verdict)


STALLS = Miniature("GET /report", Verdict.STALLED, "report")


@pytest.mark.parametrize(
    ("miniature", "said", "right"),
    [
        (STALLS, "stalled in report()", True),
        (replace(STALLS, culprit="other"), "WRONG, it must be stalled in other()", False),
        (replace(STALLS, culprit=""), "WRONG, it must be stalled", False),
        (replace(STALLS, verdict=Verdict.DIED), "WRONG, it must be died in report()", False),
    ],
)
def test_a_verdict_or_a_line_that_is_wrong_is_said(
    miniature: Miniature, said: str, monkeypatch: pytest.MonkeyPatch, *, right: bool
) -> None:
    asked: list[Options] = []

    def run(options: Options) -> Report:
        asked.append(options)
        return report(STALLED)

    monkeypatch.setattr(selftest, "run", run)
    line, judged = selftest.judge(miniature)
    assert (line.endswith(said), judged) == (True, right)
    assert asked[0].target == "asgi_liveness.checking.miniatures:app"
    assert (asked[0].during, asked[0].probe) == (("GET /report",), "/healthz")


@pytest.mark.parametrize(
    ("culprit", "code", "count"), [("report", 0, "2 of 2"), ("other", 1, "1 of 2")]
)
def test_the_selftest_counts_those_that_are_right(
    culprit: str,
    code: int,
    count: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    miniatures = (replace(STALLS, culprit=culprit), Miniature(None, Verdict.LIVE))
    monkeypatch.setattr(selftest, "MINIATURES", miniatures)
    monkeypatch.setattr(selftest, "run", lambda o: report(STALLED if o.during else LIVE))
    assert selftest.selftest() == code
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("  GET /report ")
    assert second.startswith("  idle, with a scheduler ")
    assert last == f"{count} miniatures are judged as they should be."
