"""/queued on a Redis that hangs or is down: 503 with the reason, while the app answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_liveness.serving.server import Server
from asgi_liveness.serving.servers import SERVERS
from tests.columns.client import ask, probing
from tests.kit.redis_server import PASSWORD, needs_redis, serving_redis
from tests.waiting import until
from tools.comparison import FRAMEWORKS

pytestmark = [pytest.mark.servers, needs_redis]


@pytest.mark.parametrize("target", FRAMEWORKS.values(), ids=FRAMEWORKS)
def test_queue_that_does_not_answer_leaves_the_app_alive(target: str, tmp_path: Path) -> None:
    with (
        serving_redis(tmp_path) as redis,
        Server(SERVERS[0], target, queue=redis.url) as server,
        probing(server) as probes,
    ):
        accepted = ask(server, "POST", "/queued")
        assert accepted.status == 202
        before = len(probes)
        for act in (redis.hang, redis.kill):
            act()
            for method, path in (("POST", "/queued"), ("GET", accepted.location)):
                refused = ask(server, method, path)
                assert (refused.status, refused.retry_after) == (503, "1")
                reason = str(refused.body)
                assert f"the queue 127.0.0.1:{redis.port} does not answer: " in reason
                assert PASSWORD not in reason
        until(lambda: len(probes) > before + 2)
        redis.start()
        assert ask(server, "GET", accepted.location).body["state"] == "queued"
