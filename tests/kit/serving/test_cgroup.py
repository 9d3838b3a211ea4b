"""The time for which the limit of a container's processor stopped a process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asgi_liveness.serving.cgroup import throttled

SECOND_VERSION = "usage_usec 9\nnr_periods 7\nnr_throttled 3\nthrottled_usec 1500000\n"
FIRST_VERSION = "nr_periods 7\nnr_throttled 3\nthrottled_time 1500000000\n"


@pytest.mark.parametrize(
    ("row", "folder", "content", "seconds"),
    [
        ("0::/app.slice/web", "app.slice/web", SECOND_VERSION, 1.5),
        ("0::/", "", SECOND_VERSION, 1.5),
        ("0::/elsewhere", "", SECOND_VERSION, 1.5),  # a container sees its own as the root
        ("4:cpu,cpuacct:/web", "cpu,cpuacct/web", FIRST_VERSION, 1.5),
        ("4:memory:/web", "memory/web", FIRST_VERSION, 0.0),
        ("0::/web", "web", "usage_usec 9\n", 0.0),
        ("0::/web", "web", "throttled_usec none\n", 0.0),
        ("0::/web", "web", "\n\n", 0.0),
    ],
)
def test_the_counter_of_the_processs_own_cgroup_is_read(
    row: str, folder: str, content: str, seconds: float, tmp_path: Path
) -> None:
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "cgroup").write_text(f"{row}\n")
    (tmp_path / "cgroup" / folder).mkdir(parents=True)
    (tmp_path / "cgroup" / folder / "cpu.stat").write_text(content)
    assert throttled(7, tmp_path / "cgroup", tmp_path / "proc") == seconds


def test_a_process_that_is_gone_was_not_throttled(tmp_path: Path) -> None:
    assert throttled(7, tmp_path, tmp_path) == 0.0
    assert throttled(os.getpid()) >= 0.0
