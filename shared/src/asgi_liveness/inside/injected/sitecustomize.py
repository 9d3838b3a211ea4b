"""Starts the watcher in each Python process whose environment names a board.

Python runs a file of this name when it starts, if the file's folder is on the path. The rule: it
imports nothing before the app does. The watcher begins when the app has imported asyncio.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

BOARD_VARIABLE = "ASGI_LIVENESS_BOARD"  # also in layout.py, which is not imported yet
_FOLDER = os.path.dirname(os.path.abspath(__file__))
_PACKAGE = "_watcher_of_event_loops"
"""The name of this folder's modules in the app's process."""


class _Finder:
    """Finds asyncio as Python does, and begins to watch once it is imported."""

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        if name != "asyncio":
            return None
        sys.meta_path.remove(self)
        import importlib.util  # noqa: PLC0415 (see the rule)

        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        loader = spec.loader
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module  # the class's own comes back
            execute(module)
            _watch()

        loader.exec_module = exec_module  # type: ignore[method-assign]  # for one module
        return spec


def _watch() -> None:
    import importlib.util  # noqa: PLC0415 (see the rule)

    spec = importlib.util.spec_from_file_location(
        _PACKAGE, os.path.join(_FOLDER, "__init__.py"), submodule_search_locations=[_FOLDER]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[_PACKAGE] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    importlib.import_module(f"{_PACKAGE}.hook").begin()


def _run_the_hidden() -> None:
    """Run the environment's own ``sitecustomize``, which this file hides, with its errors."""
    import importlib.machinery  # noqa: PLC0415 (see the rule)

    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != _FOLDER]
    if importlib.machinery.PathFinder.find_spec(__name__) is None:
        return
    ours = sys.modules.pop(__name__)
    try:
        importlib.import_module(__name__)
    finally:
        sys.modules.setdefault(__name__, ours)


if __name__ == "sitecustomize":
    if os.path.exists(os.environ.get(BOARD_VARIABLE, "")):
        if "asyncio" in sys.modules:
            _watch()
        else:
            sys.meta_path.insert(0, _Finder())
    _run_the_hidden()
