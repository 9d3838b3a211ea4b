"""The view on a terminal: what it shows of a scene, and what its keys do."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from textual.widgets import Static

from asgi_liveness.demo import terminal
from asgi_liveness.demo.choices import CHOICES
from asgi_liveness.demo.lanes import ProbeMark
from asgi_liveness.demo.stage import Stage
from asgi_liveness.demo.terminal import Demo
from tests.kit.demo.scenes import FROZEN, MARKUP, MadeStage


def pressed(*keys: str) -> tuple[MadeStage, Demo, dict[str, str]]:
    """The stage, the view and its texts after some keys."""
    stage = MadeStage()
    view = Demo(cast("Stage", stage))
    texts: dict[str, str] = {}

    async def press() -> None:
        async with view.run_test(size=(100, 40)) as pilot:
            await pilot.press(*keys)
            if view.is_running and view.screen_stack:
                texts.update({str(each.id): str(each.render()) for each in view.query(Static)})

    asyncio.run(press())
    assert stage.is_over
    return stage, view, texts


@pytest.mark.parametrize("key", [each.key for each in CHOICES])
def test_a_digit_starts_its_loop(key: str) -> None:
    assert pressed(key)[0].asked == [f"start {key}"]


@pytest.mark.parametrize(("key", "asked"), [("s", "stop"), ("f", "change"), ("x", "")])
def test_a_letter_does_what_the_title_says(key: str, asked: str) -> None:
    assert pressed(key)[0].asked == [asked] * bool(asked)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
def test_a_key_ends_the_view(key: str) -> None:
    assert not pressed(key)[1].is_running


def test_a_frozen_app_has_its_lanes_and_its_line_on_the_screen() -> None:
    _, _, texts = pressed()
    assert texts["title"].startswith(FROZEN.title)
    assert "|||xx." in texts["lanes"]
    assert FROZEN.words in texts["state"]
    assert "held at some_impl/app.py:2 in blocking()" in texts["held"]
    assert "1 /blocking     2 runs" in texts["keys"]
    assert f">   2 {MARKUP}" in texts["handler"]


def test_a_lane_is_as_wide_as_the_terminal() -> None:
    shown = terminal.lanes(FROZEN, 4).plain.splitlines()
    assert [line.split()[1] for line in shown[:2]] == ["|xx."] * 2
    assert all(each in shown[2] for each in ProbeMark)
