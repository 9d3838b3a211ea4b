"""``attach`` to servers that the kit's own tests lack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Command
from tests.kit.watching.servers import running
from tests.kit.watching.test_attach_servers import freeze_one_of_two

GUNICORN = "gunicorn -k uvicorn_worker.UvicornWorker -w 2 -b 127.0.0.1:{port} frozen_app:app"


@pytest.mark.servers
def test_one_worker_of_gunicorn_is_frozen_and_found_by_its_master(
    command: Command, tmp_path: Path
) -> None:
    with running(tmp_path, *GUNICORN.split()) as server:
        freeze_one_of_two(server, command)
