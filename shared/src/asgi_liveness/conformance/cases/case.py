"""What a case is: an id, what it looks at, a claim about that, and words for whoever fails it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.contract import Exchange, State, Window
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.conformance.promises import (
    PROMISES,
    REMEDIES,
    Remedy,
    Shutdown,
    ShutdownTimes,
)
from asgi_liveness.probing.response import Response

if TYPE_CHECKING:
    from types import ModuleType

Experiment = Window | Exchange | Shutdown
ExperimentResult = Observation | Response | ShutdownTimes
Claim = Callable[..., str | None]
"""Takes the evidence of each look, and returns what is wrong with it, or None."""
Measure = Callable[..., dict[str, float | None]]
"""Takes the same, and returns figures by their names: a ratio, or seconds (None: never)."""


@dataclass(frozen=True)
class Case:
    """One conformance case."""

    id: str
    slug: str
    experiments: tuple[Experiment, ...]
    fix: str
    """What to do when it fails; ``{place}`` stands for where the loop body is made."""
    claim: Claim
    promise: str = ""
    remedy: str = ""
    """Which cell of the comparison it is, if it is one."""
    measure: Measure | None = None

    @property
    def name(self) -> str:
        """Id and slug."""
        return f"{self.id} {self.slug}"

    @property
    def needs(self) -> frozenset[str]:
        """The features and remedies without which there is nothing to look at."""
        own = {self.remedy} if self.promise not in ("", "live") else ()
        return frozenset(own).union(*(experiment.needs for experiment in self.experiments))

    @property
    def ends_servers(self) -> bool:
        """It ends servers of its own, which takes seconds."""
        return any(isinstance(experiment, Shutdown) for experiment in self.experiments)

    @property
    def text(self) -> tuple[str, str, str]:
        """What the case does, what it must see, and why: its docstring's three paragraphs."""
        does, sees, why = inspect.getdoc(self.claim).split("\n\n")  # type: ignore[union-attr]  # a test reads every docstring
        return does, sees.removeprefix("Must see: "), why.removeprefix("Why: ")

    def judge(self, *results: ExperimentResult) -> str | None:
        """Return None if the claim holds, else a message that tells a newcomer what to do."""
        wrong = self.claim(*results)
        if wrong is None:
            return None
        loops = [loop for seen in results if isinstance(seen, Observation) for loop in seen.loops]
        place = next((loop.place for loop in loops if loop.place), "its `LoopBody`")
        fix = self.fix.format(place=place)
        return f"{self.name}: {wrong}\n  {fix} More: asgi-liveness explain {self.id}"

    def measured(self, *results: ExperimentResult) -> dict[str, float | None]:
        """Return the figures of this case, rounded."""
        figures = self.measure(*results) if self.measure else {}
        return {name: None if f is None else round(f, 4) for name, f in figures.items()}


def case(
    name: str, *experiments: Experiment, fix: str, remedy: str = ""
) -> Callable[[Claim], Case]:
    """Make a case of a claim; *name* is id and slug."""
    number, slug = name.split(" ")

    def make(claim: Claim) -> Case:
        return Case(number, slug, experiments, fix, claim, "live" if remedy else "", remedy)

    return make


def family(
    promise: str,
    experiment: Callable[[Remedy], tuple[Experiment, ...]],
    claim: Claim,
    *,
    fix: str,
    measure: Measure | None = None,
) -> tuple[Case, ...]:
    """Make the cases of a promise: a claim held against each of the remedies."""
    row = next(row for row in PROMISES if row.name == promise)
    return tuple(
        Case(
            f"{row.family}-{number:03}",
            f"{remedy.name}-{promise}",
            experiment(remedy),
            fix,
            claim,
            promise,
            remedy.name,
            measure,
        )
        for number, remedy in enumerate(REMEDIES, start=1)
    )


def collect(module: ModuleType) -> tuple[Case, ...]:
    """Return the cases of a module, in the order in which they are written."""
    return tuple(found for found in vars(module).values() if isinstance(found, Case))


_SHOWS = {
    State.ALIVE: "it left it answering",
    State.FROZEN: "it froze it",
    State.STARVED: "it starved it",
    State.MIXED: "it left probes unanswered",
    State.NOT_RUNNING: "its loop did not keep running",
}
_MUST = {State.ALIVE: "must leave the app answering", State.FROZEN: "must freeze the app"}


def show_state(seen: Observation) -> str | None:
    """Claim that a window shows what it must; return the facts where it does not."""
    must_be, state = seen.window.must_be, seen.state
    subject = seen.window.title if seen.window.jobs else "an app at rest"
    if state is must_be:
        if seen.recovered:
            return None
        return f"{subject}: after the stop its loop did not end, or not all was answered."
    facts = " and ".join(
        f"{seen.answered.get(path, 0)} of {seen.window.probes} probes of {path}"
        for path in dict.fromkeys(probe.path for probe in seen.probes)
    )
    lines = [
        f"{subject} {_MUST[must_be]}; {_SHOWS[state]}.",
        (
            f"{facts} were answered while the loop made {seen.steps:,} steps; "
            f"longest wait {seen.longest_wait * 1000:,.0f} ms."
        ),
        _MEANS[state](seen),
        *_oddities(seen),
    ]
    return "\n  ".join(lines)


def _starved(seen: Observation) -> str:
    if any(loop.on_event_loop for loop in seen.loops):
        return f"The event loop turned {seen.beats} times: too few to answer anything."
    return (
        "The loop is in a thread of its own, and yet the event loop got too few turns: threads "
        "keep the GIL to themselves, or the event loop's own thread waits for one of them."
    )


def _not_running(seen: Observation) -> str:
    routes = {loop.route for loop in seen.loops}
    missing = [path for path in seen.window.jobs if path not in routes]
    if not missing:
        return "A loop that ends by itself, or never steps again, shows nothing."
    others = ", ".join(map(repr, sorted(routes))) or "none"
    if not seen.total_answered and any(loop.on_event_loop for loop in seen.loops):
        return f"{missing[0]} could not start: a loop before it ({others}) froze the app."
    return (
        f"No loop of {missing[0]!r} made a step (loops seen: {others}). "
        f"Does its handler make `LoopBody({missing[0]!r})` and step it?"
    )


_MEANS: Final[dict[State, Callable[[Observation], str]]] = {
    State.ALIVE: lambda _: "The loop gave the event loop its turns.",
    State.FROZEN: lambda _: "The event loop did not turn once: the loop never gave it a turn.",
    State.STARVED: _starved,
    State.MIXED: lambda _: "Some were answered and some were not.",
    State.NOT_RUNNING: _not_running,
}


def _oddities(seen: Observation) -> list[str]:
    """Say what else came than an answer, once each."""
    odd = dict.fromkeys(
        f"{one.path} answered {one.response.status or one.response.error.rstrip('.')}."
        for one in [*seen.jobs, *seen.probes]
        if one.response and one.response.refused
    )
    return [*odd, *([f"The server ended: {seen.ended}"] if seen.ended else [])]
