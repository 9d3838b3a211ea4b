"""The demo as plain text: three windows, a strip of probes for each, and a verdict.

The rule: the contract's own windows are watched, and the contract's own rule judges them.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance import contract, window
from asgi_liveness.conformance.contract import State
from asgi_liveness.demo.choices import choice
from asgi_liveness.demo.holder import MAX_STALL, START_LIMIT, Holder
from asgi_liveness.demo.lanes import ProbeMark, judged
from asgi_liveness.serving.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from asgi_liveness.conformance.contract import Window
    from asgi_liveness.conformance.observation import Observation
    from asgi_liveness.demo.columns import Column
    from asgi_liveness.demo.holder import Held
    from asgi_liveness.serving.servers import ServerKind

    Paint = Callable[[str, str], str]
    """Colours a text as a word asks."""

SCRIPT: Final = (contract.BLOCKING, contract.BACKGROUND, contract.COOPERATIVE)
_PROBES: Final = 20
_INTERVAL: Final = 0.08
"""Seconds. All probes take 1.6 s: long enough to sample the line that blocks the event loop."""
_TIMES: Final = 3
"""How often a window is watched at most. On a busy machine some probes of a living app are late,
and a freeze may have no sample."""
_LEGEND: Final = (
    f"A probe of each route leaves every {_INTERVAL * 1000:.0f} ms: {ProbeMark.ANSWERED} it was "
    f"answered while the loop ran, {ProbeMark.WAITING} it was not."
)
_WORDS: Final = {
    State.ALIVE: "The app answers while the loop runs.",
    State.FROZEN: "The app is frozen",
    State.STARVED: "The app is starved: it runs, and answers nothing.",
    State.MIXED: "The app answered only some of the probes.",
    State.NOT_RUNNING: "The loop did not run, so this shows nothing.",
}


def show(
    column: Column,
    kind: ServerKind,
    say: Callable[[str], None],
    paint: Paint = lambda text, _: text,
) -> bool:
    """Say what the defect and both fixes do; return whether only the defect froze the app."""
    return asyncio.run(_Script(column, kind, say, paint).through())


class _Script:
    def __init__(
        self, column: Column, kind: ServerKind, say: Callable[[str], None], paint: Paint
    ) -> None:
        self._column, self._kind, self._say, self._paint = column, kind, say, paint

    async def through(self) -> bool:
        self._say(f"{self._column.words} on {self._kind.name}. {_LEGEND}")
        folder = str(self._column.folder.parent)
        with Server(self._kind, self._column.target, app_dir=folder, max_stall=MAX_STALL) as server:
            await server.ready(limit=START_LIMIT)
            states = [await self._settled(server, each) for each in SCRIPT]
        wanted = [each.must_be for each in SCRIPT]
        self._say(f"\n{verdict(states)}")
        return states == wanted

    async def _settled(self, server: Server, each: Window) -> State:
        """Watch a window until it shows that the app answers, or which line freezes it."""
        for _ in range(_TIMES - 1):
            state, held = await self._window(server, each)
            if state is not State.MIXED and (held or state is not State.FROZEN):
                return state
            self._say("  Is this machine busy? Once more.")
        return (await self._window(server, each))[0]

    async def _window(self, server: Server, each: Window) -> tuple[State, Held | None]:
        assert server.board is not None
        holder = Holder(server.board, self._column.package)
        following = asyncio.create_task(holder.follow())
        try:
            longer = replace(each, probes=_PROBES, interval=_INTERVAL)
            observation = await window.watch(server, longer)
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        for line in rendered(observation, holder.last, self._paint):
            self._say(line)
        return observation.state, holder.last


def rendered(
    observation: Observation, held: Held | None, paint: Paint = lambda text, _: text
) -> list[str]:
    """Return the lines on one window: a strip for each path, the state, and the line to blame."""
    path = observation.window.load[0]
    known = choice(path)
    lines = ["", f"{path} {known.does if known else ''}".rstrip()]
    for probed in observation.window.paths:
        probes = [probe for probe in observation.probes if probe.path == probed]
        marks = judged(probes, observation.judged_at)
        count = f"{observation.answered.get(probed, 0)} of {len(probes)}"
        is_answered = ProbeMark.WAITING not in marks
        lines.append(f"  {probed:<12} {paint(marks, 'yes' if is_answered else 'no')}  {count}")
    state = observation.state
    word = "live" if state is State.ALIVE else "frozen"
    if state is not State.FROZEN:
        return [*lines, f"  {paint(_WORDS[state], word)}"]
    where = f", and the line that holds it is {held.where}:" if held else "."
    lines.append(f"  {paint(_WORDS[state], word)}{where}")
    return [*lines, *(f"    {line}" for line in (held.source if held else ()))]


def verdict(states: Sequence[State]) -> str:
    """Return one sentence: which windows were as they should be."""
    wrong = [
        f"{each.load[0]} is {state} and should be {each.must_be}"
        for each, state in zip(SCRIPT, states, strict=True)
        if state is not each.must_be
    ]
    if wrong:
        return f"Not as it should be: {'; '.join(wrong)}."
    defect, *fixes = (each.load[0] for each in SCRIPT)
    return f"As it should be: {defect} freezes the app, {' and '.join(fixes)} do not."
