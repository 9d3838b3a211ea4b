"""The apps of a check: which run at the same time, and what a start that goes wrong changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, cast

import pytest

from asgi_liveness.checking import apps as module
from asgi_liveness.checking.apps import Apps
from asgi_liveness.checking.options import Options
from asgi_liveness.errors import TargetError

COMMAND = ("granian", "--port", "{port}", "shop:app")


class Started:
    """An app that starts as a test says, in the place of a ``CheckedApp``."""

    made: ClassVar[list[Started]] = []
    outcomes: ClassVar[list[str]] = []
    """For each app: "well", "frozen" or "failed"."""

    def __init__(self, *_: object) -> None:
        self.outcome = self.outcomes[len(self.made)]
        self.answered, self.ended, self.probe_path = self.outcome == "well", 0, "/healthz"
        self.made.append(self)

    async def start(self) -> None:
        await asyncio.sleep(0.01)
        if self.outcome == "failed":
            raise TargetError("the port is taken")

    def end(self) -> None:
        self.ended += 1


Scene = Callable[[Apps], Coroutine[Any, Any, Any]]


def play(
    monkeypatch: pytest.MonkeyPatch, scene: Scene, *outcomes: str, cores: int = 2, **asked: Any
) -> Any:
    """Play a scene with apps that start with these outcomes; all must have ended at the end."""
    monkeypatch.setattr(module, "CheckedApp", Started)
    monkeypatch.setattr(Started, "made", [])
    monkeypatch.setattr(Started, "outcomes", list(outcomes))
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {*range(cores)})
    options = Options(**({"target": "shop:app"} | asked))
    apps = Apps(options, *cast("tuple[Any, Any]", (None, None)))
    try:
        return asyncio.run(scene(apps))
    finally:
        apps.end()
        assert all(app.ended for app in Started.made if "end" not in vars(app))


async def both(apps: Apps) -> tuple[Any, Any]:
    apps.prepare()
    return await apps.start_first(), await apps.prepared()


def test_two_apps_start_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = play(monkeypatch, both, "well", "well")
    assert {first, second} == set(Started.made)
    assert first is not second


@pytest.mark.parametrize(
    "asked",
    [
        {"no_early": True},
        {"target": "http://127.0.0.1:8000"},
        {"target": "", "command": ("python", "main.py")},
        {"cores": 1},
    ],
)
def test_apps_run_one_at_a_time_where_two_may_not(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, second = play(monkeypatch, both, "well", **asked)
    assert second is None


def test_a_command_with_a_port_of_its_own_may_run_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = play(monkeypatch, both, "well", "well", target="", command=COMMAND)
    assert first is not second is not None


@pytest.mark.parametrize("outcome", ["failed", "frozen"])
def test_a_start_that_goes_wrong_while_another_app_runs_is_no_finding(
    outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(apps: Apps) -> None:
        first, second = await both(apps)
        assert first.outcome == "well"
        assert second is None
        apps.prepare()
        assert not apps.is_next_prepared  # as it went wrong before
        third: Any = await apps.start()
        assert third.outcome == "well"
        assert first.ended

    # The one that was prepared starts when the first one waits.
    play(monkeypatch, scene, "well", outcome, "well")


@pytest.mark.parametrize("outcome", ["failed", "frozen"])
def test_the_other_app_takes_the_place_of_a_first_one_that_fails(
    outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = play(monkeypatch, both, outcome, "well")
    assert (first.outcome, second) == ("well", None)


def test_two_apps_that_both_fail_may_have_disturbed_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = play(monkeypatch, both, "failed", "failed", "well")
    assert (first.outcome, second) == ("well", None)


def test_an_app_that_does_not_start_alone_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TargetError, match="the port is taken"):
        play(monkeypatch, both, "failed", "failed", "failed")


@pytest.mark.parametrize("outcome", ["failed", "frozen"])
def test_a_first_start_that_goes_wrong_is_the_last_one_meanwhile(
    outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(apps: Apps) -> None:
        await both(apps)
        await apps.retired()
        assert Started.made[0].ended
        apps.prepare()
        assert not apps.is_next_prepared

    play(monkeypatch, scene, outcome, "well")


def test_an_end_that_fails_leaves_no_other_app_running(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(apps: Apps) -> None:
        await both(apps)
        monkeypatch.setattr(Started.made[1], "end", lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        play(monkeypatch, scene, "well", "well")
    assert Started.made[0].ended


def test_an_app_that_freezes_in_every_start_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = play(monkeypatch, both, "frozen", "frozen")
    assert (first.outcome, second) == ("frozen", None)


def test_an_app_that_starts_alone_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(apps: Apps) -> None:
        apps.prepare()
        first: Any = await apps.start_first()
        apps.retire(first)
        await apps.start()
        assert first.ended
        assert sum(not app.ended for app in Started.made) == 1
        assert not apps.is_next_prepared

    play(monkeypatch, scene, "well", "well", "well")
