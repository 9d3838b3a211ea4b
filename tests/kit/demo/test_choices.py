"""The loops of the demo are those of the contract, each with a key."""

from __future__ import annotations

from asgi_liveness.conformance.promises import NEEDS_WORKER, REMEDIES
from asgi_liveness.demo.choices import CHOICES, choice


def test_the_defect_is_first_and_every_remedy_without_a_worker_has_a_key() -> None:
    paths = [each.path for each in CHOICES]
    others = [remedy.path for remedy in REMEDIES if remedy.name != NEEDS_WORKER]
    assert paths == ["/blocking", *others]
    assert [each.key for each in CHOICES] == list("123456789")


def test_a_loop_is_found_by_its_key_and_by_its_path() -> None:
    assert choice("1") is choice("/blocking") is CHOICES[0]
    assert choice("0") is choice("blocking") is choice("") is None
