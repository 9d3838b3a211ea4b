"""The request of a handler, by its decorator."""

from __future__ import annotations

from pathlib import Path

import pytest

from asgi_liveness.serving.records import Frame
from asgi_liveness.stalls.route import request_at
from tests.kit.checking.windows import INSTALLED, LOOP

SOURCE = """\
import fastapi
app = fastapi.FastAPI()
api: Router = Blueprint("api", url_prefix="/api")

@app.{decorator}
@other
async def handler():
    helper()

def helper():
    pass

@api.get("/items/<id>")
async def item():
    helper()
"""


def request(
    tmp_path: Path, decorator: str, line: int = 8, function: str = "handler", known: str = ""
) -> str:
    file = tmp_path / "app.py"
    file.write_text(SOURCE.format(decorator=decorator))
    inner = Frame(str(file), 11, "helper")
    frames = (inner, Frame(str(file), line, function), Frame(f"{INSTALLED}/x.py", 1, "run"), *LOOP)
    return request_at(frames, "", known)


@pytest.mark.parametrize(
    ("decorator", "shown"),
    [
        ("get('/users/{id}')", "GET /users/{id}"),
        ("post(path='/users')", "POST /users"),
        ("websocket('/prices')", "WS /prices"),
        ("route('/users', methods=['GET', 'POST'])", "/users"),
        ("get(PATH)", ""),
        ("get()", ""),
        ("get", ""),
        ("on_event('/startup')", ""),
        ("get('users')", ""),
    ],
)
def test_a_decorator_names_method_and_path(tmp_path: Path, decorator: str, shown: str) -> None:
    assert request(tmp_path, decorator) == shown


def test_a_known_request_wins_and_a_known_method_is_kept(tmp_path: Path) -> None:
    assert request(tmp_path, "get('/users')", known="GET /api/users") == "GET /api/users"
    assert request(tmp_path, "route('/users')", known="PUT") == "PUT /users"
    assert request(tmp_path, "get", known="PUT") == "PUT"


def test_a_path_that_may_lack_a_prefix_begins_with_dots(tmp_path: Path) -> None:
    assert request(tmp_path, "get('/')", line=15, function="item") == "GET .../items/<id>"


@pytest.mark.parametrize(
    ("listed", "shown"),
    [
        ("Route('/users', handler)", "/users"),
        ("routing.WebSocketRoute('/prices', handler)", "WS /prices"),
        ("Mount('/api', routes=[Route('/users', handler)])", ".../users"),
        ("Route('/users', other)", ""),
        ("Route(PATH, handler)", ""),
        ("Other('/users', handler)", ""),
    ],
)
def test_a_list_of_routes_names_the_path(tmp_path: Path, listed: str, shown: str) -> None:
    file = tmp_path / "app.py"
    file.write_text(
        f"async def handler(request):\n    pass\n\napp = Starlette(routes=[{listed}])\n"
    )
    assert request_at((Frame(str(file), 2, "handler"), *LOOP), "") == shown
