"""The three columns are one poem: what may differ is listed, all else is the same."""

from __future__ import annotations

import ast
import io
import tokenize

import pytest

from asgi_liveness.conformance.contract import ROUTES
from tests.columns.parity import (
    FIRST,
    MAY_DIFFER,
    OTHERS,
    ROOT,
    TITLES,
    Function,
    drift,
    functions,
    read,
    routes,
)
from tools.comparison import FRAMEWORKS

SERVED_BY = {"fastapi": "uvicorn", "starlette": "uvicorn", "quart": "hypercorn"}
HANDLERS = ["app.py", "remedies.py"]
OF_NO_FRAMEWORK = ["jobs.py", "process_loop.py"]
REMEDIES = tuple(route for route in ROUTES if route.needs - {"sync"})
VERBS = {"POST": "", "GET": "_list", "GET {key}": "_seen", "DELETE {key}": "_stop"}


@pytest.mark.parametrize("file", HANDLERS)
@pytest.mark.parametrize("framework", OTHERS)
def test_a_column_says_what_the_first_says(framework: str, file: str) -> None:
    assert drift(framework, read(framework, file), read(FIRST, file), file) is None


@pytest.mark.parametrize("file", HANDLERS)
@pytest.mark.parametrize("framework", OTHERS)
def test_module_docstrings_differ_in_names_alone(framework: str, file: str) -> None:
    def docstring(name: str) -> str:
        text = ast.get_docstring(ast.parse(read(name, file))) or ""
        return text.replace(TITLES[name], "X").replace(f"{SERVED_BY[name]} {name}_impl", "serve")

    assert docstring(framework) == docstring(FIRST)


@pytest.mark.parametrize("file", OF_NO_FRAMEWORK)
@pytest.mark.parametrize("framework", OTHERS)
def test_what_is_of_no_framework_is_the_same_text(framework: str, file: str) -> None:
    def text(name: str) -> str:
        return read(name, file).replace(TITLES[name], "X").replace(f"{name}_impl", "x_impl")

    assert text(framework) == text(FIRST)


@pytest.mark.parametrize("file", HANDLERS)
def test_a_comment_names_its_framework_or_is_in_all_columns(file: str) -> None:
    def comments(framework: str) -> list[str]:
        tokens = tokenize.generate_tokens(io.StringIO(read(framework, file)).readline)
        return [token.string for token in tokens if token.type == tokenize.COMMENT]

    shared = set.intersection(*(set(comments(framework)) for framework in TITLES))
    for framework, title in TITLES.items():
        own = [comment for comment in comments(framework) if comment not in shared]
        assert own
        assert all(comment.startswith(f"# {title} ") for comment in own)


def named(method: str, path: str) -> tuple[str, str, str]:
    """A route of the contract, and what its handler must be called."""
    path = path.replace("{id}", "{key}")
    _, first, *more = path.split("/")
    job = any(row.method == "POST" and row.path == f"/{first}" for row in ROUTES)
    verb = VERBS[" ".join([method, *more])] if job else ""
    return method, path, first.replace("-", "_") + verb


@pytest.mark.parametrize("framework", TITLES)
def test_every_path_leads_to_the_handler_of_its_name_in_the_contracts_order(framework: str) -> None:
    wanted = [named(row.method, row.path) for row in ROUTES]
    assert routes(read(framework)) == wanted[: -len(REMEDIES)]
    assert routes(read(framework, "remedies.py")) == wanted[-len(REMEDIES) :]


def test_swapped_paths_are_found() -> None:
    source = read("quart")
    swapped = source.replace('"/hello"', '"/x"').replace('"/hello-sync"', '"/hello"')
    assert routes(swapped.replace('"/x"', '"/hello-sync"')) != routes(source)


@pytest.mark.parametrize("framework", TITLES)
def test_a_column_has_nothing_but_imports_its_app_and_functions(framework: str) -> None:
    others = [
        ast.unparse(node)
        for node in ast.parse(read(framework)).body[1:]
        if not isinstance(node, ast.Import | ast.ImportFrom | Function)
    ]
    assert others[0].startswith("app = ")
    assert all("remedies" in line for line in others[1:])


@pytest.mark.parametrize("framework", TITLES)
def test_a_handler_of_a_remedy_has_about_ten_lines(framework: str) -> None:
    for function in functions(read(framework, "remedies.py")):
        lines = sum(len(ast.unparse(node).split("\n")) for node in function.body[1:])
        assert lines <= 12, function.name


def test_the_columns_are_those_of_the_table() -> None:
    assert list(TITLES) == list(SERVED_BY) == list(FRAMEWORKS)


def test_what_may_differ_is_of_handlers_that_are_there() -> None:
    there = {function.name for file in HANDLERS for function in functions(read(FIRST, file))}
    assert there >= MAY_DIFFER.keys()


def test_all_columns_have_the_same_files() -> None:
    for framework in TITLES:
        files = {path.name for path in (ROOT / f"{framework}_impl").glob("*.py")}
        assert files == {*HANDLERS, *OF_NO_FRAMEWORK}


DRIFTS = {
    "a name": ("async def hello()", "async def hi()", "hi"),
    "a kind": ("def hello_sync()", "async def hello_sync()", "hello_sync"),
    "a docstring": ("the defect, everything", "a defect, everything", "blocking"),
    "an answer": ('{"Hello": "World"}', '{"Hello": "Quart"}', "hello"),
    "a statement": ("await asyncio.sleep(0)", "await asyncio.sleep(0.01)", "cooperative"),
    "one more": ("        body.step()\n", "        body.step()\n        print()\n", "normal"),
    "one less": ("        await asyncio.sleep(0)\n", "", "cooperative"),
    "a variable": ('body = LoopBody("/normal")', 'loop = LoopBody("/normal")', "normal"),
    "the hand-over": (
        "app.add_background_task(background_loop)",
        "asyncio.create_task(background_loop())",
        "background",
    ),
    "no hand-over": ("    app.add_background_task(background_loop)\n", "", "background"),
    "what is waited for": ("asyncio.wait({done})", "asyncio.wait({done}, timeout=1)", "offloaded"),
    "another refusal": ('"all threads are taken"', '"try again"', "offloaded"),
    "no stop": (
        "        finally:\n            body.stop()",
        "        finally:\n            pass",
        "",
    ),
    "a cut stream": ("    response.timeout = None\n", "", "streamed"),
    "no kill": ("            process.kill()", "            process.terminate()", "process_job"),
    "another answer": (
        "return supervised_jobs[key].seen()",
        "return process_jobs[key].seen()",
        "supervised_seen",
    ),
}


@pytest.mark.parametrize("kind", DRIFTS)
def test_a_drifted_copy_is_found_and_named(kind: str) -> None:
    old, new, handler = DRIFTS[kind]
    file = next(file for file in HANDLERS if old in read("quart", file))
    told = drift("quart", read("quart", file).replace(old, new), read(FIRST, file), file)
    assert told is not None
    assert f" {handler}" in told
    assert told.startswith(f"quart_impl/{file}:")


def test_a_handler_that_is_gone_or_moved_is_found() -> None:
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
