"""A scene of a frozen app, and a stage that shows it and notes what it is asked to do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from asgi_liveness.demo.excerpt import Excerpt, SourceLine
from asgi_liveness.demo.holder import Held
from asgi_liveness.demo.scene import ProbeLane, RunningLoops, Scene

MARKUP = "[red]<script>alert(1)</script>[/red]"
FROZEN = Scene(
    title="FastAPI 1.0 on uvicorn/asyncio",
    framework="fastapi",
    lanes=(ProbeLane("/hello", "|||xx.", 1.5), ProbeLane("/hello-sync", "|||xx.", 1.5)),
    state="frozen",
    words="FROZEN: no answer from /hello and /hello-sync for 1.5 s.",
    running=(RunningLoops("/blocking", 2, 12345),),
    held=Held("some_impl/app.py:2 in blocking()", 2, (f"> 2 | {MARKUP}",), "", ""),
    chosen="/blocking",
    does="runs the endless loop",
    excerpt=Excerpt("some_impl/app.py", (SourceLine(1, "def blocking():"), SourceLine(2, MARKUP))),
)


@dataclass
class MadeStage:
    """A stage without a server."""

    shown: Scene = FROZEN
    asked: list[str] = field(default_factory=list)
    frameworks: tuple[str, ...] = ("fastapi", "quart")
    is_over: bool = False

    def start(self, word: str) -> None:
        self.asked.append(f"start {word}")

    def stop(self) -> None:
        self.asked.append("stop")

    def change(self, name: str = "") -> None:
        self.asked.append(f"change {name}".rstrip())

    def scene(self) -> Scene:
        return self.shown

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.is_over = True
