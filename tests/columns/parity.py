"""Compare two columns by syntax tree: every statement is the same, or a listed deviation.

Compared are function names, their order, docstrings, ``def`` or ``async def``, and every
statement. Not compared are decorators, parameters, the call that wraps a response or a refusal,
and the deviations in the column's own ``column.toml``.
"""

from __future__ import annotations

import ast
import re
from typing import Final

from tools.comparison import COLUMNS, ROOT, Column

FIRST, *OTHERS = COLUMNS
VERBS: Final = {"get", "post", "put", "patch", "delete"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Line = tuple[int, str]
"""A line of unparsed code, after the number of its statement's line in the file."""


def read(framework: str, file: str = "app.py") -> str:
    return (ROOT / f"{framework}_impl" / file).read_text()


def functions(source: str) -> list[Function]:
    return [node for node in ast.parse(source).body if isinstance(node, Function)]


class _Bare(ast.NodeTransformer):
    """Take off the call that a framework wraps a response or a refusal in."""

    def __init__(self, column: Column) -> None:
        self._column = column

    def visit_Return(self, node: ast.Return) -> ast.AST:
        value = node.value
        if isinstance(value, ast.Call) and ast.unparse(value.func) in self._column.responses:
            value = value.args[0]
        if isinstance(value, ast.Tuple):
            value = value.elts[0]
        return ast.Return(value)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        assert isinstance(node.exc, ast.Call)
        values = [*node.exc.args, *(keyword.value for keyword in node.exc.keywords)]
        texts: list[ast.expr] = [
            value
            for value in values
            if isinstance(value, ast.JoinedStr)
            or (isinstance(value, ast.Constant) and isinstance(value.value, str))
        ]
        return ast.Raise(ast.Call(ast.Name("refusal"), texts, []))


def lines_of(function: Function, column: Column) -> list[Line]:
    kind = type(function).__name__
    found = [(function.lineno, f"{kind} {function.name}: {ast.get_docstring(function)}")]
    for node in function.body[1:]:
        number = node.lineno
        found += [(number, line) for line in ast.unparse(_Bare(column).visit(node)).split("\n")]
    return found


def block(code: str, column: Column) -> list[str]:
    """Return the lines of a deviation in the form in which functions are compared."""
    return ast.unparse(_Bare(column).visit(ast.parse(code))).split("\n") if code else []


def replaced(lines: list[Line], old: list[str], new: list[str]) -> list[Line] | None:
    """Return *lines* with the block *new* in place of *old*, or None where *old* is missing."""
    texts = [text.strip() for _, text in lines]
    wanted = [text.strip() for text in old]
    for start in range(len(lines) - len(old) + 1):
        if texts[start : start + len(old)] == wanted:
            number, first = lines[start]
            indent = first[: len(first) - len(first.lstrip())]
            block = [(number, indent + text) for text in new]
            return [*lines[:start], *block, *lines[start + len(old) :]]
    return None


def drift(framework: str, source: str, model: str, file: str = "app.py") -> str | None:
    """Return where *source*, of a framework's column, differs from the first column, or None."""
    mine, theirs = functions(source), functions(model)
    for function, other in zip(mine, theirs, strict=False):
        wrong = _drift_of(function, other, COLUMNS[framework])
        if wrong is not None:
            line, words = wrong
            return f"{framework}_impl/{file}:{line} {function.name}: {words}"
    if len(mine) != len(theirs):
        return f"{framework}_impl/{file}: {len(mine)} functions, not {len(theirs)}"
    return None


def _drift_of(function: Function, other: Function, column: Column) -> tuple[int, str] | None:
    here, there = lines_of(function, column), lines_of(other, COLUMNS[FIRST])
    for row in column.deviations:
        if row.function != function.name:
            continue
        first, own = block(row.first, COLUMNS[FIRST]), block(row.here, column)
        if own:
            found = replaced(here, own, first)
            here = found or here
        else:
            found = replaced(there, first, [])
            there = found or there
        if found is None:
            where = column.name if own else FIRST
            return function.lineno, f"{where} lacks {(own or first)[0]!r} of column.toml"
    for (line, text), wanted in zip(here, [text for _, text in there], strict=False):
        if text != wanted:
            return line, f"{text!r}, not {wanted!r}"
    if len(here) > len(there):
        line, text = here[len(there)]
        return line, f"{text!r}, not nothing"
    if len(there) > len(here):
        return function.lineno, f"lacks {there[len(here)][1]!r}"
    return None


def routes(source: str, column: Column) -> list[tuple[str, str, str]]:
    """Return method, path and handler of each route, from decorators or a table, in order."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            calls = [call for call in node.decorator_list if isinstance(call, ast.Call)]
            for call in calls:
                verb = ast.unparse(call.func).rpartition(".")[2]
                if verb in VERBS:
                    found.append((verb.upper(), str(ast.literal_eval(call.args[0])), node.name))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == column.route_call:
            methods = [ast.literal_eval(word.value)[0] for word in node.keywords]
            path = str(ast.literal_eval(node.args[0]))
            found.append((*(methods or ["GET"]), path, ast.unparse(node.args[1])))
    return [(method, _plain(path), name) for method, path, name in found]


def _plain(path: str) -> str:
    """Write ``<str:key>``, ``<key>`` and ``{key:str}`` as ``{key}``."""
    return re.sub(r"<(?:\w+:)?(\w+)>|{(\w+)(?::\w+)?}", r"{\1\2}", path)
