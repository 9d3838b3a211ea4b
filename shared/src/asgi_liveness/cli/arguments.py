"""A parser of arguments whose errors are a line, and repeat nothing that may be a secret."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def split_names(texts: Iterable[str]) -> list[str]:
    """Return the names in *texts*, each of which holds one or more with commas between."""
    return [name for text in texts for name in text.split(",")]


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` that raises ``UsageError``, and so do its subparsers."""

    def parse(self, argv: Sequence[str], namespace: argparse.Namespace) -> argparse.Namespace:
        """Parse all of *argv*. A word that nothing takes may be what a header holds."""
        found, further = self.parse_known_args(argv, namespace)
        if unknown := [word for word in further if word.startswith("-")]:
            option = unknown[0].partition("=")[0]
            command = next(word for word in argv if not word.startswith("-"))
            raise UsageError(f"there is no option {option}; see {self.prog} {command} --help")
        if further:
            raise UsageError(
                "there is a word too many; are quotes missing, as in --during 'GET /report'?"
            )
        return found

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong as an error of the kit."""
        raise UsageError(f"{message}; see {self.prog} --help")
