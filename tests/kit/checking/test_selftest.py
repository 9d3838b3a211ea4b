"""The selftest judges each miniature rightly, and reports a wrong verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgi_liveness.checking import selftest
from asgi_liveness.checking.miniatures import MINIATURES, Miniature
from asgi_liveness.checking.options import Options
from asgi_liveness.checking.report import Report, Verdict
from tests.kit.checking.made import LIVE, STALLED, report


def name(miniature: Miniature) -> str:
    return miniature.during or miniature.app


@pytest.mark.python
@pytest.mark.servers
@pytest.mark.usefixtures("temporary")
@pytest.mark.parametrize("miniature", MINIATURES, ids=name)
def test_a_miniature_gets_its_expected_verdict(miniature: Miniature) -> None:
    line, right = selftest.judge(miniature)
    assert right, line


def test_every_verdict_has_a_miniature() -> None:
    assert {miniature.verdict for miniature in MINIATURES} == {*Verdict} - {Verdict.NOT_CHECKED}


STALLS = Miniature("GET /report", Verdict.STALLED, "report")


@pytest.mark.parametrize(
    ("miniature", "end", "right"),
    [
        (STALLS, "stalled in report()", True),
        (replace(STALLS, culprit="other"), "WRONG, expected stalled in other()", False),
        (replace(STALLS, culprit=""), "WRONG, expected stalled", False),
        (replace(STALLS, verdict=Verdict.DIED), "WRONG, expected died in report()", False),
    ],
)
def test_a_wrong_verdict_or_function_is_reported(
    miniature: Miniature, end: str, monkeypatch: pytest.MonkeyPatch, *, right: bool
) -> None:
    checked: list[Options] = []

    def run(options: Options) -> Report:
        checked.append(options)
        return report(STALLED)

    monkeypatch.setattr(selftest, "run", run)
    line, judged = selftest.judge(miniature)
    assert (line.endswith(end), judged) == (True, right)
    assert checked[0].target == "asgi_liveness.checking.miniatures:app"
    assert (checked[0].during, checked[0].probe) == (("GET /report",), "/healthz")


@pytest.mark.parametrize(
    ("culprit", "code", "count"), [("report", 0, "2 of 2"), ("other", 1, "1 of 2")]
)
def test_the_selftest_counts_the_right_verdicts(
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
    assert last == f"{count} miniatures have the expected verdict."
