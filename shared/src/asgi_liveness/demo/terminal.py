"""The demo on a terminal, drawn with Textual: an extra, so nothing imports this module early.

The rule: no text of an app is read as markup; it enters as ``Text``.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING, ClassVar, Final

from rich.text import Text
from textual.app import App
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from asgi_liveness.demo.choices import CHOICES
from asgi_liveness.demo.lanes import ProbeMark
from asgi_liveness.demo.stage import INTERVAL

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

    from asgi_liveness.demo.scene import Scene
    from asgi_liveness.demo.stage import Stage

_LABEL: Final = 13  # columns of a lane's name
_COUNT: Final = 4  # columns at the right of it
_STYLES: Final = {
    ProbeMark.ANSWERED: "green",
    ProbeMark.WAITING: "red",
    ProbeMark.MISSED: "bold red",
}
_STATES: Final = {"answering": "bold green", "frozen": "bold white on red", "starved": "bold red"}
_LEGEND: Final = (
    f"{ProbeMark.ANSWERED} answered  {ProbeMark.WAITING} no answer yet"
    f"  {ProbeMark.MISSED} none in time"
)


class Demo(App[int]):
    """The view; its exit code is 128 and the signal's number after one."""

    CSS = """
    Screen { layout: vertical; }
    #title { height: 1; background: $primary; color: $text; padding: 0 1; }
    #lanes { height: 4; padding: 1 1 0 1; }
    #state { height: 2; padding: 0 1; }
    #held { height: 6; padding: 0 1; }
    #keys { width: 30; height: 100%; padding: 0 1; border-right: solid $primary; }
    #source { padding: 0 1; }
    #does { height: auto; color: $text-muted; padding-bottom: 1; }
    #handler { height: auto; }
    #title, #lanes, #held, #keys, #handler { text-wrap: nowrap; text-overflow: ellipsis; }
    """
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *((each.key, f"start('{each.key}')", each.path) for each in CHOICES),
        ("s", "stop", "stop"),
        ("f", "change", "framework"),
        ("q", "quit", "quit"),
        ("ctrl+c", "quit", "quit"),
    ]

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._stage = stage
        self._staged: asyncio.Task[None] | None = None

    def compose(self) -> ComposeResult:
        """Lay the view out."""
        yield Static(id="title")
        yield Static(id="lanes")
        yield Static(id="state")
        yield Static(id="held")
        with Horizontal():
            yield Static(id="keys")
            with VerticalScroll(id="source"):
                yield Static(id="does")
                yield Static(id="handler")

    def on_mount(self) -> None:
        """Begin the demo."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ValueError, RuntimeError):  # a test has another main thread
            loop.add_signal_handler(signal.SIGTERM, self.exit, 128 + signal.SIGTERM)
        self._staged = asyncio.create_task(self._stage.run())
        self.set_interval(INTERVAL, self.draw)
        self.draw()

    async def on_unmount(self) -> None:
        """End the server."""
        if self._staged is not None:
            self._staged.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._staged

    def action_start(self, key: str) -> None:
        """Start the loop of a key."""
        self._stage.start(key)

    def action_stop(self) -> None:
        """Stop all loops."""
        self._stage.stop()

    def action_change(self) -> None:
        """Change to the next framework."""
        self._stage.change()

    def draw(self) -> None:
        """Draw the scene of this moment."""
        scene = self._stage.scene()
        width = max(10, self.size.width - _LABEL - _COUNT)
        for name, text in (
            ("title", Text(f"{scene.title}    1-9 start   s stop   f framework   q quit")),
            ("lanes", lanes(scene, width)),
            ("state", Text(f" {scene.words} ", style=_STATES.get(scene.state, ""))),
            ("held", holder(scene)),
            ("keys", keys(scene)),
            ("does", Text(f"{scene.chosen} {scene.does} ({scene.excerpt.file})")),
            ("handler", handler(scene)),
        ):
            for part in self.query(f"#{name}").results(Static):  # none at the end of the view
                part.update(text)
        if self._staged is not None and self._staged.done():
            self._staged.result()  # a bug, which must not stay hidden


def lanes(scene: Scene, width: int) -> Text:
    """Return both lanes and what their marks mean."""
    text = Text(no_wrap=True)
    for lane in scene.lanes:
        text.append(f"{lane.path:<{_LABEL}}")
        for each in lane.marks[-width:].rjust(width):
            text.append(each, style=_STYLES[ProbeMark(each)] if each.strip() else "")
        text.append("\n")
    return text.append(f"{'':<{_LABEL}}{_LEGEND}", style="dim")


def holder(scene: Scene) -> Text:
    """Return the line that holds the event loop, with its source."""
    held = scene.held
    if held is None:
        return Text("No line holds the event loop.", style="dim")
    if not held.where:
        return Text(f"The event loop is held: {held.because}.")
    text = Text(no_wrap=True)
    text.append("The event loop is held at ").append(held.where, style="bold")
    for line in held.source:
        text.append(f"\n  {line}", style="bold red" if line.startswith(">") else "")
    return text


def keys(scene: Scene) -> Text:
    """Return a line for each loop, with how many of it run."""
    counts = {each.path: each for each in scene.running}
    text = Text(no_wrap=True)
    for each in CHOICES:
        found = counts.get(each.path)
        text.append(f"{each.key} ", style="bold")
        text.append(f"{each.path:<13}", style="reverse" if each.path == scene.chosen else "")
        text.append(f" {found.count} runs\n" if found else "\n", style="yellow")
    steps = sum(each.steps for each in scene.running)
    return text.append(f"\n{steps:,} steps" if steps else "")


def handler(scene: Scene) -> Text:
    """Return the source of the chosen handler; the line that holds the event loop is marked."""
    text = Text(no_wrap=True)
    line = scene.held.line if scene.held and scene.excerpt.file in scene.held.where else 0
    for row in scene.excerpt.lines:
        is_held = row.number == line != 0
        number = f"{'>' if is_held else ' '}{row.number:>4} " if row.number else ""
        text.append(f"{number}{row.text}\n", style="bold red" if is_held else "")
    return text
