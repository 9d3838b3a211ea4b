"""The columns are one text: each difference between them is listed, all else is the same."""

from __future__ import annotations

import ast
import io
import tokenize

import pytest

from asgi_liveness.conformance.contract import ROUTES
from tests.columns.parity import FIRST, OTHERS, Function, drift, functions, read, routes
from tools.comparison import COLUMNS, ROOT

FILES = ["app.py", "remedies.py"]
REMEDIES = tuple(route for route in ROUTES if route.needs - {"sync"})
VERBS = {"POST": "", "GET": "_list", "GET {key}": "_status", "DELETE {key}": "_stop"}


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("framework", OTHERS)
def test_column_agrees_with_the_first(framework: str, file: str) -> None:
    assert drift(framework, read(framework, file), read(FIRST, file), file) is None


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("framework", OTHERS)
def test_module_docstrings_differ_in_names_alone(framework: str, file: str) -> None:
    def docstring(name: str) -> str:
        text = ast.get_docstring(ast.parse(read(name, file))) or ""
        column = COLUMNS[name]
        return text.replace(column.title, "X").replace(f"{column.server} {name}_impl", "serve")

    assert docstring(framework) == docstring(FIRST)


def comments(framework: str, file: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(read(framework, file)).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("framework", OTHERS)
def test_comment_stands_in_both_columns_or_names_its_framework(framework: str, file: str) -> None:
    here, there = comments(framework, file), comments(FIRST, file)
    for name, mine, theirs in ((framework, here, there), (FIRST, there, here)):
        own = [comment for comment in mine if comment not in theirs]
        assert [c for c in own if not c.startswith(f"# {COLUMNS[name].title} ")] == []


def named(method: str, path: str) -> tuple[str, str, str]:
    """Return a route of the contract, and the name that its handler must have."""
    path = path.replace("{id}", "{key}")
    _, first, *more = path.split("/")
    job = any(row.method == "POST" and row.path == f"/{first}" for row in ROUTES)
    verb = VERBS[" ".join([method, *more])] if job else ""
    return method, path, first.replace("-", "_") + verb


@pytest.mark.parametrize("framework", COLUMNS)
def test_routes_and_their_handlers_are_the_contracts_in_its_order(framework: str) -> None:
    wanted, column = [named(row.method, row.path) for row in ROUTES], COLUMNS[framework]
    assert routes(read(framework), column) == wanted[: -len(REMEDIES)]
    assert routes(read(framework, "remedies.py"), column) == wanted[-len(REMEDIES) :]


def test_swapped_paths_are_found() -> None:
    source, quart = read("quart"), COLUMNS["quart"]
    swapped = source.replace('"/hello"', '"/x"').replace('"/hello-sync"', '"/hello"')
    assert routes(swapped.replace('"/x"', '"/hello-sync"'), quart) != routes(source, quart)


@pytest.mark.parametrize(
    "decorated",
    [
        '@get("/a/{key}")',
        '@get("/a/{key:str}", sync_to_thread=True)',
        '@app.get("/a/<key>")',
        '@app.get("/a/<string:key>")',
        '@retried\n@limited(3)\n@router.get("/a/{key}")',
    ],
)
def test_route_is_read_from_every_style_of_decorator(decorated: str) -> None:
    source = f"{decorated}\nasync def a(): ...\n"
    assert routes(source, COLUMNS[FIRST]) == [("GET", "/a/{key}", "a")]


@pytest.mark.parametrize("framework", COLUMNS)
def test_column_has_only_imports_its_app_and_functions(framework: str) -> None:
    others = [
        ast.unparse(node)
        for node in ast.parse(read(framework)).body[1:]
        if not isinstance(node, ast.Import | ast.ImportFrom | Function)
    ]
    assert others[0].startswith("app = ")
    assert all("remedies" in line for line in others[1:])


def test_function_of_a_remedy_has_at_most_twelve_lines() -> None:
    for function in functions(read(FIRST, "remedies.py")):
        lines = sum(len(ast.unparse(node).split("\n")) for node in function.body[1:])
        assert lines <= 12, function.name


@pytest.mark.parametrize("framework", OTHERS)
def test_deviation_has_at_most_five_lines(framework: str) -> None:
    for row in COLUMNS[framework].deviations:
        assert len(row.here.strip().split("\n")) <= 5, row.function


def test_every_folder_of_a_column_has_a_row_in_the_table() -> None:
    assert {path.name for path in ROOT.glob("*_impl")} == {f"{name}_impl" for name in COLUMNS}


@pytest.mark.parametrize("framework", OTHERS)
def test_listed_deviation_is_of_a_function_and_changes_the_comparison(framework: str) -> None:
    there = {function.name for file in FILES for function in functions(read(FIRST, file))}
    for row in COLUMNS[framework].deviations:
        assert row.function in there
        assert row.first != row.here


@pytest.mark.parametrize("framework", COLUMNS)
def test_column_has_no_other_modules(framework: str) -> None:
    assert {path.name for path in (ROOT / f"{framework}_impl").glob("*.py")} == set(FILES)


DRIFTS = {
    "name": ("async def hello()", "async def hi()", "hi"),
    "kind": ("def hello_sync()", "async def hello_sync()", "hello_sync"),
    "docstring": ("the defect, it", "a defect, it", "blocking"),
    "response": ('{"Hello": "World"}', '{"Hello": "Quart"}', "hello"),
    "statement": ("await asyncio.sleep(0)", "await asyncio.sleep(0.01)", "cooperative"),
    "extra line": ("        body.step()\n", "        body.step()\n        print()\n", "normal"),
    "missing line": ("        await asyncio.sleep(0)\n", "", "cooperative"),
    "variable": ('body = LoopBody("/normal")', 'loop = LoopBody("/normal")', "normal"),
    "start of the task": (
        "app.add_background_task(background_loop)",
        "asyncio.create_task(background_loop())",
        "background",
    ),
    "missing start of the task": (
        "    app.add_background_task(background_loop)\n",
        "",
        "background",
    ),
    "wait": ("asyncio.wait({done})", "asyncio.wait({done}, timeout=1)", "offloaded"),
    "refusal": ('"all threads are busy"', '"try again"', "offloaded"),
    "missing stop": (
        "        finally:\n            body.stop()",
        "        finally:\n            pass",
        "",
    ),
    "missing time limit": ("    response.timeout = None\n", "", "streamed"),
    "missing kill": (
        "            process.kill()",
        "            process.terminate()",
        "process_job",
    ),
    "other response": (
        "return supervised_jobs[key].status()",
        "return process_jobs[key].status()",
        "supervised_status",
    ),
}


@pytest.mark.parametrize("kind", DRIFTS)
def test_drifted_copy_is_found_and_named(kind: str) -> None:
    old, new, handler = DRIFTS[kind]
    file = next(file for file in FILES if old in read("quart", file))
    found = drift("quart", read("quart", file).replace(old, new), read(FIRST, file), file)
    assert found is not None
    assert f" {handler}" in found
    assert found.startswith(f"quart_impl/{file}:")


def test_deviation_that_stands_in_no_column_is_found() -> None:
    source, model = read("starlette", "remedies.py"), read(FIRST, "remedies.py")
    without = source.replace('    key = request.path_params["key"]\n', "", 1)
    found = drift("starlette", without, model, "remedies.py")
    assert found is not None
    assert """supervised_status: starlette lacks "key = request.path_params['key']\"""" in found
    line = '    response.headers["Location"] = f"/supervised/{key}"\n'
    found = drift("starlette", source, model.replace(line, "", 1), "remedies.py")
    assert found is not None
    assert "supervised: fastapi lacks " in found


def test_missing_or_moved_handler_is_found() -> None:
    source, model = read("quart"), read(FIRST)
    head, cooperative = (
        source[: source.index('@app.get("/cooperative")')],
        source[source.index('@app.get("/cooperative")') :],
    )
    assert drift("quart", head, model) == "quart_impl/app.py: 8 functions, not 9"
    at = head.index('@app.get("/blocking")')
    moved = drift("quart", f"{head[:at]}{cooperative}\n\n{head[at:]}", model)
    assert moved is not None
    assert " cooperative: " in moved
