"""The gate of pytest: a test fails if an event loop stalls in its call phase.

The plugin registers it where a setting or a mark asks for it; other runs do not import it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from asgi_liveness.checking.duration import parse_duration, written
from asgi_liveness.errors import UsageError
from asgi_liveness.foreign import plain
from asgi_liveness.watching import allowed
from asgi_liveness.watching.gate import Gate
from asgi_liveness.watching.in_process import LEAST

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from asgi_liveness.watching.gate import Blocked, Blocking

MARK: Final = "liveness"
LIMIT: Final = "liveness_max_stall"
ALLOW: Final = "liveness_allow"
OFF: Final = "off"
DEFAULT: Final = "200ms"
"""The limit of a mark without one, where the settings have none."""
_USED, _UNEXPLAINED, _PARTIAL = "liveness_used", "liveness_unexplained", "liveness_partial"
"""What a worker of pytest-xdist hands over."""
_WHERE: Final = "asgi_liveness_gate"


def install(config: pytest.Config) -> None:
    """Register the gate once. A bad setting is a usage error."""
    if config.pluginmanager.has_plugin(_WHERE):
        return
    try:
        gate = PytestGate(config)
    except UsageError as error:
        raise pytest.UsageError(plain(str(error))) from error
    config.pluginmanager.register(gate, _WHERE)


class PytestGate:
    """The hooks of a run with a gate."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        text = str(config.getini(LIMIT)).strip()
        self._limit = limit(text, LIMIT) if text else None
        self._allowed = allowed.parse(config.getini(ALLOW), ALLOW)
        self._gates: dict[float, Gate] = {}
        self._used: set[str] = set()
        self._unexplained = self._judged = 0
        self._partial = False
        self._debugged = False

    def _limit_of(self, item: pytest.Item) -> float | None:
        """Return the seconds that a callback of a test may block; None without a limit."""
        mark = item.get_closest_marker(MARK)
        if mark is None:
            return self._limit
        name = f'@pytest.mark.{MARK}(max_stall="{DEFAULT}")'
        if mark.args or mark.kwargs.keys() - {"max_stall"}:
            raise UsageError(f"{item.nodeid}: write the mark as {name}")
        if "max_stall" not in mark.kwargs:
            return self._limit or limit(DEFAULT, name)
        given = mark.kwargs["max_stall"]
        return None if given is None else limit(str(given), f"{item.nodeid}: max_stall")

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Watch event loops for each limit, before the first fixture may start one."""
        for item in session.items:
            try:
                found = self._limit_of(item)
            except UsageError:  # the test fails with it
                continue
            if found is not None and found not in self._gates:
                self._gates[found] = Gate(found)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Judge the call phase of a test."""
        gate = self._gate_of(item)
        if gate is None:
            return (yield)
        self._debugged = False
        gate.begin()
        try:
            result = yield
        except BaseException:
            if text := self._text(gate):
                item.add_report_section("call", "event-loop stalls", text)
            raise
        text = self._text(gate)
        if text and getattr(item, "_excinfo", None):  # a failure of unittest is kept there
            item.add_report_section("call", "event-loop stalls", text)
        elif text:
            pytest.fail(text, pytrace=False)
        return result

    def _gate_of(self, item: pytest.Item) -> Gate | None:
        """Return the gate of a test, which fails if its mark is wrong."""
        wrong = ""
        try:
            found = self._limit_of(item)
        except UsageError as error:
            found, wrong = None, plain(str(error))
        if wrong:
            pytest.fail(wrong, pytrace=False)
        return self._gates.get(found) if found is not None else None

    def pytest_enter_pdb(self) -> None:
        """Judge no test that somebody steps through."""
        self._debugged = True

    def _text(self, gate: Gate) -> str:
        """Return what blocked an event loop and may not, in words; "" if nothing did."""
        blocked = gate.end()
        if self._debugged:
            return ""
        self._judged += 1
        self._unexplained += blocked.unexplained
        return "\n\n".join(each.text for each in self._wrong(blocked))

    def _wrong(self, blocked: Blocked) -> Sequence[Blocking]:
        """Return the lines that no entry allows, and note the entries that do."""
        wrong = []
        for each in blocked.lines:
            entries = [
                entry for entry in self._allowed if entry.matches(each.frame, self._config.rootpath)
            ]
            self._used.update(map(str, entries))
            if not entries:
                wrong.append(each)
        return wrong

    def pytest_deselected(self) -> None:
        """Note that not all tests run."""
        self._partial = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Watch nothing any more; a worker hands over what it found."""
        while self._gates:
            self._gates.popitem()[1].close()
        complete = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        self._partial |= not complete or bool(session.shouldfail or session.shouldstop)
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[_USED], output[_UNEXPLAINED] = sorted(self._used), self._unexplained
            output[_PARTIAL], output["liveness_judged"] = self._partial, self._judged

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add what a worker of pytest-xdist found."""
        output = getattr(node, "workeroutput", {})
        self._used.update(output.get(_USED, ()))
        self._unexplained += output.get(_UNEXPLAINED, 0)
        self._judged += output.get("liveness_judged", 0)
        self._partial |= output.get(_PARTIAL, True)  # a worker that crashed says nothing

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print what concerns the run, and no single test."""
        lines = []
        if self._unexplained:
            stalls = "1 stall" if self._unexplained == 1 else f"{self._unexplained} stalls"
            lines.append(
                f"{stalls} without a line (the machine was busy, or they were too short to see)"
            )
        # A stall without a line may be that of an entry.
        elif self._judged and not self._partial and is_whole(self._config):
            lines += [
                f"{ALLOW}: {entry} matched no stall in this run; remove it"
                for entry in map(str, self._allowed)
                if entry not in self._used
            ]
        if lines:
            terminalreporter.section("event-loop stalls")
            for line in lines:
                terminalreporter.write_line(plain(line))


def limit(text: str, name: str) -> float | None:
    """Return the seconds that *text* means; None for "off". Raises ``UsageError``."""
    if text == OFF:
        return None
    seconds = parse_duration(text, name)
    if seconds < LEAST:
        raise UsageError(f"{name} {text!r:.40}: give {written(LEAST)} or more, or {OFF}")
    return seconds


def is_whole(config: pytest.Config) -> bool:
    """Whether a run's arguments name all tests that there are, as far as the settings say."""
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        return True
    named = [Path(config.invocation_params.dir, argument).resolve() for argument in config.args]
    every = [config.rootpath / path for path in config.getini("testpaths")] or [config.rootpath]
    return all(any(path.is_relative_to(each) for each in named) for path in every)
