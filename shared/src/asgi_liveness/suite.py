"""The conformance suite for pytest, to run against any implementation::

pytest --pyargs asgi_liveness.suite --liveness-target mypkg.app:app
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asgi_liveness.conformance.outcome import Outcome

if TYPE_CHECKING:
    from asgi_liveness.conformance.cell import Result


def test_contract(liveness_result: Result) -> None:
    """Test the claim of one cell: a case on a target and a server."""
    if liveness_result.outcome is Outcome.DIFFERS:
        pytest.xfail(f"{liveness_result.message} {liveness_result.link}")
    if liveness_result.outcome is Outcome.FAILED:
        pytest.fail(liveness_result.message, pytrace=False)
