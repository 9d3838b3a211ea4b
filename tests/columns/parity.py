"""How the three columns are compared: by syntax tree, what may differ left out.

Compared are names, order, docstrings, ``def`` or ``async def``, and every statement. Left out are
decorators, parameters, what an answer or a refusal is wrapped in, and the lines listed here.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
TITLES: Final = {"fastapi": "FastAPI", "starlette": "Starlette", "quart": "Quart"}
FIRST, *OTHERS = TITLES
_KEY: Final = 'key = request.path_params["key"]'
_STREAMS: Final = 'return StreamingResponse(streamed_loop(), media_type="text/event-stream")'


def _asks(awaited: str) -> str:
    return (
        f"while not ({awaited}.done() or await request.is_disconnected()):\n"
        f"    await asyncio.wait({{{awaited}}}, timeout=0.1)\n"
    )


MAY_DIFFER: Final = {
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
    "offloaded": {
        "fastapi": _asks("done"),
        "starlette": _asks("done"),
        "quart": "await asyncio.wait({done})",
    },
    "supervised": {"fastapi": 'response.headers["Location"] = f"/supervised/{key}"'},
    "supervised_seen": {"starlette": _KEY},
    "supervised_stop": {"starlette": _KEY},
    "streamed": {
        "fastapi": _STREAMS,
        "starlette": _STREAMS,
        "quart": (
            'response = Response(streamed_loop(), content_type="text/event-stream")\n'
            "response.timeout = None\n"
            "return response"
        ),
    },
    "process_job": {
        name: f'command = (sys.executable, "-m", "{name}_impl.process_loop", str(os.getpid()))'
        for name in TITLES
    },
    "process": {"fastapi": 'response.headers["Location"] = f"/process/{key}"'},
    "process_seen": {"starlette": _KEY},
    "process_stop": {"starlette": _KEY},
    "paced": {
        "fastapi": _asks("loop"),
        "starlette": _asks("loop"),
        "quart": "await asyncio.wait({loop})",
    },
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def read(framework: str, file: str = "app.py") -> str:
    return (ROOT / f"{framework}_impl" / file).read_text()


def functions(source: str) -> list[Function]:
    return [node for node in ast.parse(source).body if isinstance(node, Function)]


class _Bare(ast.NodeTransformer):
    """Take off what a framework wraps an answer or a refusal in."""

    def visit_Return(self, node: ast.Return) -> ast.AST:
        value = node.value
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "JSONResponse":
            value = value.args[0]
        if isinstance(value, ast.Tuple):
            value = value.elts[0]
        return ast.Return(value)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        assert isinstance(node.exc, ast.Call)
        messages = [arg for arg in node.exc.args if isinstance(arg, ast.Constant | ast.JoinedStr)]
        words = [arg for arg in messages if not isinstance(getattr(arg, "value", ""), int)]
        return ast.Raise(ast.Call(ast.Name("refusal"), list(words), []))


def lines_of(function: Function, framework: str) -> list[tuple[int, str]]:
    """The lines of a function, each with its statement's number in the file."""
    kind = type(function).__name__
    found = [(function.lineno, f"{kind} {function.name}: {ast.get_docstring(function)}")]
    for node in function.body[1:]:
        number = node.lineno
        found += [(number, line) for line in ast.unparse(_Bare().visit(node)).split("\n")]
    allowed = MAY_DIFFER.get(function.name, {}).get(framework, "")
    return _without(found, ast.unparse(_Bare().visit(ast.parse(allowed))).split("\n"))


def _without(lines: list[tuple[int, str]], allowed: list[str]) -> list[tuple[int, str]]:
    """Leave out the block that may differ, wherever it stands."""
    texts = [text.strip() for _, text in lines]
    wanted = [text.strip() for text in allowed]
    for start in range(len(lines) - len(wanted) + 1):
        if texts[start : start + len(wanted)] == wanted:
            return lines[:start] + lines[start + len(wanted) :]
    return [*lines, (lines[0][0], f"lacks {allowed[0]!r}")] if any(wanted) else lines


def drift(framework: str, source: str, model: str, file: str = "app.py") -> str | None:
    """Say where *source* has left the first column, or None."""
    mine, theirs = functions(source), functions(model)
    where = f"{framework}_impl/{file}"
    for function, other in zip(mine, theirs, strict=False):
        there = [text for _, text in lines_of(other, FIRST)]
        for number, (line, text) in enumerate(lines_of(function, framework)):
            if number >= len(there) or text != there[number]:
                wanted = there[number] if number < len(there) else "nothing"
                return f"{where}:{line} {function.name}: {text!r}, not {wanted!r}"
        if len(there) > number + 1:
            return f"{where}:{line} {function.name}: lacks {there[number + 1]!r}"
    if len(mine) != len(theirs):
        return f"{where}: {len(mine)} functions, not {len(theirs)}"
    return None


def routes(source: str) -> list[tuple[str, str, str]]:
    """Method, path and handler, from decorators and from Starlette's table, in their order."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                    path = str(ast.literal_eval(call.args[0]))
                    found.append((call.func.attr.upper(), path, node.name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Route":
            methods = [ast.literal_eval(word.value)[0] for word in node.keywords]
            path = str(ast.literal_eval(node.args[0]))
            found.append((*(methods or ["GET"]), path, ast.unparse(node.args[1])))
    return [
        (method, path.replace("<", "{").replace(">", "}"), name) for method, path, name in found
    ]
