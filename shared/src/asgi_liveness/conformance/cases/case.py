"""A conformance case: an id, its experiments, a claim about their results, and advice."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from asgi_liveness.conformance.contract import Exchange, State, Window
from asgi_liveness.conformance.endings import Handed, Handover, Shutdown, ShutdownTimes
from asgi_liveness.conformance.observation import Observation
from asgi_liveness.conformance.promises import PROMISES, REMEDIES, Remedy
from asgi_liveness.errors import UsageError
from asgi_liveness.probing.response import Response

if TYPE_CHECKING:
    from types import ModuleType

Experiment = Window | Exchange | Shutdown | Handover
ExperimentResult = Observation | Response | ShutdownTimes | Handed
Claim = Callable[..., str | None]
"""Takes the result of each experiment, and returns a description of the failure, or None."""
Measure = Callable[..., dict[str, float | None]]
"""Takes the same results, and returns figures by name: a ratio, or seconds (None: never)."""


@dataclass(frozen=True)
class Case:
    """One conformance case."""

    id: str
    slug: str
    experiments: tuple[Experiment, ...]
    fix: str
    """The advice for a failure; ``{place}`` stands for the line that makes the loop body."""
    claim: Claim
    promise: str = ""
    remedy: str = ""
    """The cell of the comparison that this case fills, if any."""
    measure: Measure | None = None

    @property
    def name(self) -> str:
        """Id and slug."""
        return f"{self.id} {self.slug}"

    @property
    def needs(self) -> frozenset[str]:
        """The features and remedies that a target needs to run this case."""
        own = {self.remedy} if self.promise not in ("", "live") else ()
        return frozenset(own).union(*(experiment.needs for experiment in self.experiments))

    @property
    def ends_servers(self) -> bool:
        """Whether the case ends servers of its own, which takes seconds."""
        return any(isinstance(row, Shutdown | Handover) for row in self.experiments)

    @property
    def compares_times(self) -> bool:
        """Whether the case compares the times of two windows."""
        return any(row.compares_times for row in PROMISES if row.name == self.promise)

    @property
    def text(self) -> tuple[str, str, str]:
        """The three paragraphs of its docstring: the action, the claim and the reason.

        Raises ``UsageError`` where Python has removed it.
        """
        text = inspect.getdoc(self.claim)
        if text is None:
            raise UsageError(
                "Python left out the texts of the cases; unset PYTHONOPTIMIZE, and leave out -OO"
            )
        does, sees, why = text.split("\n\n")
        return does, sees.removeprefix("Must see: "), why.removeprefix("Why: ")

    def judge(self, *results: ExperimentResult) -> str | None:
        """Return None if the claim holds, else a message that a newcomer can act on."""
        failure = self.claim(*results)
        if failure is None:
            return None
        observations = [row for row in results if isinstance(row, Observation)]
        loops = [loop for observation in observations for loop in observation.loops]
        place = next((loop.place for loop in loops if loop.place), "its `LoopBody`")
        fix = self.fix.format(place=place)
        return f"{self.name}: {failure}\n  {fix} More: asgi-liveness explain {self.id}"

    def measured(self, *results: ExperimentResult) -> dict[str, float | None]:
        """Return the figures of this case, rounded to four digits."""
        figures = self.measure(*results) if self.measure else {}
        return {name: None if f is None else round(f, 4) for name, f in figures.items()}


def case(
    name: str, *experiments: Experiment, fix: str, remedy: str = ""
) -> Callable[[Claim], Case]:
    """Return a decorator that makes a case from a claim; *name* is its id and slug."""
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
    """Make the cases of a promise, which test one claim against each remedy."""
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
        if row.only in ("", remedy.name)
    )


def collect(module: ModuleType) -> tuple[Case, ...]:
    """Return the cases of a module in the order of its text."""
    return tuple(value for value in vars(module).values() if isinstance(value, Case))


_SHOWS: Final = {
    State.ALIVE: "the app answered",
    State.FROZEN: "the app froze",
    State.STARVED: "the app starved",
    State.MIXED: "some probes were not answered",
    State.NOT_RUNNING: "its loop did not keep running",
}
_MUST: Final = {State.ALIVE: "must leave the app answering", State.FROZEN: "must freeze the app"}


def show_state(observation: Observation) -> str | None:
    """Claim that a window shows the state that it must show; if not, return the facts."""
    must_be, state = observation.window.must_be, observation.state
    subject = observation.window.title if observation.window.load else "an idle app"
    must = _MUST[must_be] if observation.window.load else "must answer all probes"
    if state is must_be:
        if observation.recovered:
            return None
        return f"{subject}: after the stop its loop did not end, or a request got no response."
    facts = " and ".join(
        f"{observation.answered.get(path, 0)} of {observation.window.probes} probes of {path}"
        for path in dict.fromkeys(probe.path for probe in observation.probes)
    )
    shows = _froze_the_start(observation) or _SHOWS[state]
    lines = [
        f"{subject} {must}, but {shows}.",
        (
            f"{facts} were answered while the loop made {observation.steps:,} steps; "
            f"longest wait {observation.longest_wait * 1000:,.0f} ms."
        ),
        _MEANS[state](observation),
        *_oddities(observation),
    ]
    return "\n  ".join(lines)


def _starved(observation: Observation) -> str:
    if any(loop.on_event_loop for loop in observation.loops):
        return f"The event loop ran only {observation.beats} times: too few to answer anything."
    return (
        "The loop runs in a thread of its own, and yet the event loop hardly ran: other threads "
        "hold the GIL, or the event loop's own thread waits for one of them."
    )


def _froze_the_start(observation: Observation) -> str:
    """Say which loop froze the app before the next one could start; "" if none did."""
    stepped = [loop.route for loop in observation.loops if loop.steps]
    missing = [path for path in observation.window.load if path not in stepped]
    froze = any(loop.on_event_loop for loop in observation.loops)
    if (
        observation.kept_running
        or not (stepped and missing and froze)
        or observation.total_answered
    ):
        return ""
    return f"{stepped[-1]} froze it before {missing[0]} could start"


def _not_running(observation: Observation) -> str:
    if frozen := _froze_the_start(observation):
        route = frozen.partition(" ")[0]
        return f"The loop of {route} runs on the event loop and never yields to it."
    routes = {loop.route for loop in observation.loops}
    missing = [path for path in observation.window.load if path not in routes]
    if not missing:
        return "The loop ended by itself, or stopped stepping, so the window shows nothing."
    others = ", ".join(map(repr, sorted(routes))) or "none"
    return (
        f"No loop of {missing[0]!r} made a step (loops that did: {others}). "
        f"Does its handler make `LoopBody({missing[0]!r})` and step it?"
    )


_MEANS: Final[dict[State, Callable[[Observation], str]]] = {
    State.ALIVE: lambda _: "The loop yielded to the event loop, or ran outside of its thread.",
    State.FROZEN: lambda _: "The event loop did not run once: the loop never yielded to it.",
    State.STARVED: _starved,
    State.MIXED: lambda _: "The app answered some probes and not others.",
    State.NOT_RUNNING: _not_running,
}


def _oddities(observation: Observation) -> list[str]:
    """Describe each response without success once, and the end of the server."""
    odd = dict.fromkeys(
        f"{request.path} answered {request.response.status or request.response.error.rstrip('.')}."
        for request in [*observation.load, *observation.probes]
        if request.response and request.response.refused
    )
    return [*odd, *([f"The server ended: {observation.ended}"] if observation.ended else [])]
