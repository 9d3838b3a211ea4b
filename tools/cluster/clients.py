"""Requests to the web servers of a cluster: post jobs, list them, stop them."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import time
from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tools.cluster.record import Poll, Seen

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Sequence

    from tools.cluster.machines import Machine

LIMIT: Final = 20.0  # seconds for a response
PAUSE: Final = 0.1  # seconds until a request is sent again that was not accepted
FAILED: Final = (OSError, http.client.HTTPException, ValueError)
"""What a request raises that gets no whole answer."""


class Answer(NamedTuple):
    """A response: its status, its ``Location``, and its body from JSON."""

    status: int
    location: str
    body: Any


def ask(port: int, method: str, path: str) -> Answer:
    """Send a request and return the answer. Raises one of ``FAILED``."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    with contextlib.closing(connection):
        connection.request(method, path)
        response = connection.getresponse()
        text = response.read()
        is_json = response.headers.get_content_type() == "application/json"
        body = json.loads(text) if is_json else text.decode()
        return Answer(response.status, response.headers.get("Location", ""), body)


class Clients:
    """Clients that post a plan of jobs and list all of them, on web servers that come and go."""

    def __init__(self, webs: Callable[[], Sequence[Machine]], kinds: Sequence[str]) -> None:
        self._webs = webs
        self._dice = random.Random()  # noqa: S311 (no secret)
        self.seen = {kind: Seen() for kind in kinds}
        self.counts: Counter[str] = Counter()
        self.is_over = False

    def post(self, plan: deque[str]) -> None:
        """Post jobs of these kinds until all are accepted, or the run is over."""
        while not self.is_over:
            try:
                kind = plan.popleft()
            except IndexError:
                return
            answer = self.answer("POST", f"/{kind}")
            if answer and answer.status == HTTPStatus.ACCEPTED:
                self.seen[kind].accepted.add(answer.location.rpartition("/")[2])
            else:
                plan.appendleft(kind)
                time.sleep(PAUSE)

    def answer(self, method: str, path: str, web: Machine | None = None) -> Answer | None:
        """Send a request to a web server, by default to any; count those that fail."""
        try:
            answer = ask((web or self._dice.choice(self._webs())).port, method, path)
        except FAILED:
            self.counts["without an answer"] += 1
            return None
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.counts[f"answered with {answer.status}"] += 1
        return answer

    def poll(self, kind: str, web: Machine | None = None) -> Poll | None:
        """List all jobs of a kind, if the server answers, and keep the list."""
        sent = time.monotonic()
        answer = self.answer("GET", f"/{kind}", web)
        if answer is None or answer.status != HTTPStatus.OK:
            return None
        poll = Poll(sent, time.monotonic(), answer.body)
        self.seen[kind].polls.append(poll)
        return poll

    def stop(self, kind: str, key: str) -> str:
        """Stop a job through any web server, until one answers; return the job's state."""
        until = time.monotonic() + LIMIT
        while time.monotonic() < until:
            answer = self.answer("DELETE", f"/{kind}/{key}")
            if answer is not None and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                return str(answer.body["state"] if answer.status == HTTPStatus.OK else answer.body)
            time.sleep(PAUSE)
        return "without an answer"
