"""The marker of tests that start servers: without it, such a test fails."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import UNMARKED
from tools.comparison import ROOT

if TYPE_CHECKING:
    from tests.conftest import Command

TESTS = """\
import pytest
from asgi_liveness.serving.group import Group

@pytest.fixture(scope="module")
def group():
    group = Group()
    yield group
    group.end()

def test_body(): Group().end()
def test_fixture(group): pass

@pytest.mark.servers
def test_marked(): Group().end()
"""


@pytest.mark.servers
def test_a_server_of_an_unmarked_test_is_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_runtest_protocol\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    options = ("-rN", "-p", "no:cacheprovider", "-o", f"pythonpath={ROOT}")
    done = command("-m", "pytest", *options, "-o", "markers=servers")
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 passed, 1 error" in done.stdout
    assert done.stdout.count(f"{UNMARKED}\n") == 2
