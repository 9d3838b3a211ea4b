"""The three columns are one poem: what may differ is listed here, all else is the same.

Compared by syntax tree: names, order, docstrings, ``def`` or ``async def``, and every statement
except decorators, parameters, how the answer is wrapped, and the line that hands the loop over.
"""

from __future__ import annotations

import ast
import io
import tokenize
import tomllib
from pathlib import Path

import pytest

from asgi_liveness.contract import ROUTES

ROOT = Path(__file__).parent.parent
TITLES = {"fastapi": "FastAPI", "starlette": "Starlette", "quart": "Quart"}
SERVED_BY = {"fastapi": "uvicorn", "starlette": "uvicorn", "quart": "hypercorn"}
FIRST, *OTHERS = TITLES
HANDS_OVER = {
    "background": {
        "fastapi": "background_tasks.add_task(background_loop)",
        "starlette": "task = BackgroundTask(background_loop)",
        "quart": "app.add_background_task(background_loop)",
    },
    "background_async": {
        "fastapi": "background_tasks.add_task(background_async_loop)",
        "starlette": "task = BackgroundTask(background_async_loop)",
        "quart": "app.add_background_task(background_async_loop)",
    },
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def read(framework: str) -> str:
    return (ROOT / f"{framework}_impl" / "app.py").read_text()


def functions(source: str) -> list[Function]:
    return [node for node in ast.parse(source).body if isinstance(node, Function)]


def lines_of(function: Function, framework: str) -> list[tuple[int, str]]:
    """The statements of a function, each with its line, the allowed differences taken out."""
    kind = type(function).__name__
    found = [(function.lineno, f"{kind} {function.name}: {ast.get_docstring(function)}")]
    for node in function.body[1:]:
        text = ast.unparse(node)
        if text == HANDS_OVER.get(function.name, {}).get(framework):
            text = "the loop is handed over"
        elif isinstance(node, ast.Return):
            text = f"answer {[ast.unparse(n) for n in ast.walk(node) if isinstance(n, ast.Dict)]}"
        found.append((node.lineno, text))
    return found


def drift(framework: str, source: str, model: str) -> str | None:
    """Say where *source* has left the first column, or None."""
    mine, theirs = functions(source), functions(model)
    for function, other in zip(mine, theirs, strict=False):
        there = [text for _, text in lines_of(other, FIRST)]
        for number, (line, text) in enumerate(lines_of(function, framework)):
            if number >= len(there) or text != there[number]:
                wanted = there[number] if number < len(there) else "nothing"
                return f"{framework}_impl/app.py:{line} {function.name}: {text!r}, not {wanted!r}"
        if len(there) > number + 1:
            return f"{framework}_impl/app.py:{line} {function.name}: lacks {there[number + 1]!r}"
    if len(mine) != len(theirs):
        return f"{framework}_impl/app.py: {len(mine)} functions, not {len(theirs)}"
    return None


@pytest.mark.parametrize("framework", OTHERS)
def test_a_column_says_what_the_first_says(framework: str) -> None:
    assert drift(framework, read(framework), read(FIRST)) is None


@pytest.mark.parametrize("framework", OTHERS)
def test_module_docstrings_differ_in_names_alone(framework: str) -> None:
    def docstring(name: str) -> str:
        text = ast.get_docstring(ast.parse(read(name))) or ""
        return text.replace(TITLES[name], "X").replace(f"{SERVED_BY[name]} {name}_impl", "serve")

    assert docstring(framework) == docstring(FIRST)


@pytest.mark.parametrize("framework", TITLES)
def test_a_comment_names_its_framework(framework: str) -> None:
    tokens = tokenize.generate_tokens(io.StringIO(read(framework)).readline)
    comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    assert comments
    assert all(comment.startswith(f"# {TITLES[framework]} ") for comment in comments)


def routes(source: str) -> list[tuple[str, str]]:
    """Path and handler, from decorators and from Starlette's table, in the order of the file."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            calls = [call for call in node.decorator_list if isinstance(call, ast.Call)]
            found += [(str(ast.literal_eval(call.args[0])), node.name) for call in calls]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Route":
            found.append((str(ast.literal_eval(node.args[0])), ast.unparse(node.args[1])))
    return found


def contracted() -> list[tuple[str, str]]:
    return [(route.path, route.path[1:].replace("-", "_")) for route in ROUTES]


@pytest.mark.parametrize("framework", TITLES)
def test_every_path_leads_to_the_handler_of_its_name_in_the_contracts_order(framework: str) -> None:
    assert routes(read(framework)) == contracted()


def test_swapped_paths_are_found() -> None:
    source = read("quart").replace('"/hello"', '"/x"').replace('"/hello-sync"', '"/hello"')
    assert routes(source.replace('"/x"', '"/hello-sync"')) != contracted()


@pytest.mark.parametrize("framework", TITLES)
def test_a_column_has_nothing_but_imports_its_app_and_functions(framework: str) -> None:
    others = [
        ast.unparse(node)
        for node in ast.parse(read(framework)).body[1:]
        if not isinstance(node, ast.Import | ast.ImportFrom | Function)
    ]
    assert len(others) == 1
    assert others[0].startswith("app = ")


def test_the_columns_are_those_of_the_table() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert list(TITLES) == list(SERVED_BY) == list(project["tool"]["comparison"]["frameworks"])
    assert all(list(lines) == list(TITLES) for lines in HANDS_OVER.values())


def test_all_columns_have_the_same_files() -> None:
    files = {
        framework: sorted(path.name for path in (ROOT / f"{framework}_impl").glob("*.py"))
        for framework in TITLES
    }
    assert len({tuple(names) for names in files.values()}) == 1, files


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
}


@pytest.mark.parametrize("kind", DRIFTS)
def test_a_drifted_copy_is_found_and_named(kind: str) -> None:
    old, new, handler = DRIFTS[kind]
    source = read("quart")
    assert old in source
    told = drift("quart", source.replace(old, new), read(FIRST))
    assert told is not None
    assert f" {handler}: " in told
    assert told.startswith("quart_impl/app.py:")


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
