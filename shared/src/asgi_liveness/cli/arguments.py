"""A parser of arguments whose errors are one line, and repeat nothing that may be a secret."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from asgi_liveness.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def split_names(texts: Iterable[str]) -> list[str]:
    """Return the names in *texts*, each of which holds one or more with commas between."""
    return [name for text in texts for name in text.split(",")]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question about the nearest of the *known* words, or "" if none is near."""
    import difflib  # only an error needs it

    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


class Parser(argparse.ArgumentParser):
    """An ``ArgumentParser`` of one command that raises ``UsageError``."""

    takes_command = False
    """All words after ``--`` are a command of the user's; they become ``served``."""
    hint = ""
    """What to do about a word too many or an unknown option; each has a hint of its own else."""
    several: Mapping[str, str] = {}
    """Options that people give several values, each with an example of the right way."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **settings
        )

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """Parse all of *argv*. An unknown word may be the value of a header: no error repeats it.

        Raises ``UsageError``.
        """
        own, served = list(argv), list[str]()
        if self.takes_command and "--" in own:  # argparse would mix the two
            at = own.index("--")
            own, served = own[:at], own[at + 1 :]
        found, further = self.parse_known_args(own, argparse.Namespace(served=tuple(served)))
        if unknown := [word for word in further if word.startswith("-")]:
            if self.hint and not served:  # it may be an option of the user's command
                raise UsageError(f"there is no option {unknown[0].partition('=')[0]}; {self.hint}")
            raise self.unknown_option(unknown[0])
        if further:
            hint = f"see {self.prog} --help"
            if self.takes_command:
                hint = "are quotes missing, as in --during 'GET /report'?"
            for option in [word for word in own if word in self.several][-1:]:
                hint = f"to give {option} several values, write {self.several[option]}"
            raise UsageError(f"there is one word too many; {self.hint or hint}")
        return found

    def unknown_option(self, word: str) -> UsageError:
        """Return the error for an option that does not exist."""
        option = word.partition("=")[0]
        meant = did_you_mean(option, self._option_string_actions)
        otherwise = f"; {self.hint or f'see {self.prog} --help'}"
        return UsageError(f"there is no option {option}{meant or otherwise}")

    def error(self, message: str) -> NoReturn:
        """Raise the error that argparse found."""
        raise UsageError(f"{message}; see {self.prog} --help")
