"""The fuzzer: its inputs break no rule, repeat themselves, and find what is planted."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from asgi_liveness.checking import redaction, report
from asgi_liveness.cli import outputs
from tools.fuzz import __main__ as fuzz
from tools.fuzz import values
from tools.fuzz.kinds import KINDS

Capture = pytest.CaptureFixture[str]


def run(*arguments: str) -> int:
    return fuzz.main([*arguments], servers=False)


def test_no_input_breaks_a_rule(capsys: Capture) -> None:
    code = run("100", "--seed", "12")
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert printed.startswith("seed 12\n100 inputs in ")
    assert all(f" {name}" in printed for name in KINDS)


@pytest.mark.servers
def test_no_input_with_a_server_breaks_a_rule(capsys: Capture) -> None:
    assert fuzz.main(["--seed", "3", "--only", "9"]) == 0
    assert "9 served: all rules held" in capsys.readouterr().out


def test_an_input_repeats_itself() -> None:
    made = [values.mutated({"a": [1, {"b": "c"}]}, random.Random("1:2")) for _ in range(2)]  # noqa: S311 (it has to)
    assert made[0] == made[1]


def plant_raw_text(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(report, "plain", lambda text: text)


def plant_leak(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(redaction.Redaction, "text", lambda _, text: text)


def plant_bug(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(report, "decode", lambda *_: 1 / 0)


def plant_overwriting(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outputs, "_refuse", lambda _: None)


@pytest.mark.parametrize(
    ("plant", "broken"),
    [
        (plant_raw_text, "a character controls the terminal"),
        (plant_leak, "a secret is shown"),
        (plant_bug, "there is a bug"),
        (plant_overwriting, "a file of somebody was overwritten"),
    ],
)
def test_a_planted_fault_is_found_and_named(
    plant: Callable[[pytest.MonkeyPatch], None],
    broken: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    plant(monkeypatch)
    assert run("100", "--seed", "12") == 1
    printed = capsys.readouterr().out
    assert broken in printed
    number = next(line.split()[0] for line in printed.splitlines() if broken in line)
    assert run("--seed", "12", "--only", number) == 1
    assert broken in capsys.readouterr().out


def test_the_time_has_a_limit(capsys: Capture) -> None:
    assert run("1000", "--seconds", "0") == 0
    assert "the time is over: 0 of 1000 inputs were run" in capsys.readouterr().out
