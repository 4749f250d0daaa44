"""The syntax of a verb: one string that is grammar, arity check, usage error and HELP.

::

    syntax    = word *( " " parameter )
    parameter = "<" name ">"          one word
              | "[<" name ">]"        one word or nothing; only such may follow
              | "<" name "...>"       the rest of the line, as it is; only at the end
              | "[<" name "...>]"     the rest of the line or nothing; only at the end
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from relaychat.model.errors import BadSyntax

_WORD = re.compile(r"[^\s<>\[\]]+")
_PARAMETER = re.compile(
    r"(?P<open>\[?)<(?P<name>[a-z][a-z0-9_-]*)(?P<rest>\.\.\.)?>(\]?)"
)


class Syntax:
    """A parsed syntax string. Raises ValueError if it is not one."""

    __slots__ = ("names", "required", "rest", "text", "word")

    def __init__(self, text: str) -> None:
        self.text = text
        self.word, *parameters = text.split(" ")
        if not _WORD.fullmatch(self.word):
            raise ValueError(f"syntax {text!r}: it starts with the verb's word")
        self.names: list[str] = []
        self.required = 0
        self.rest = False
        """Whether the last parameter takes the rest of the line."""
        for parameter in parameters:
            self._add(parameter)

    def _add(self, parameter: str) -> None:
        match = _PARAMETER.fullmatch(parameter)
        if match is None or bool(match["open"]) != parameter.endswith("]"):
            raise ValueError(f"syntax {self.text!r}: what is {parameter!r}?")
        if self.rest:
            raise ValueError(f"syntax {self.text!r}: nothing comes behind the rest")
        if not match["open"] and self.required < len(self.names):
            raise ValueError(
                f"syntax {self.text!r}: {parameter} behind an optional one"
            )
        if match["name"] in self.names:
            raise ValueError(f"syntax {self.text!r}: {parameter} is there twice")
        self.names.append(match["name"])
        self.required += not match["open"]
        self.rest = bool(match["rest"])

    def usage(self) -> BadSyntax:
        """The error that shows how it is written."""
        return BadSyntax(f"usage: {self.text}", self.word)

    def split(self, text: str) -> list[str]:
        """The arguments in what follows the word of a line; words are parted by spaces.

        Raises BadSyntax.
        """
        arguments = []
        text = text.lstrip(" ")
        for _ in range(len(self.names) - self.rest):
            word, _, text = text.partition(" ")
            text = text.lstrip(" ")
            if word:
                arguments.append(word)
        if self.rest and text:
            arguments.append(text)
        elif text:
            raise self.usage()
        if len(arguments) < self.required:
            raise self.usage()
        return arguments

    def bind(self, parameters: Sequence[str]) -> list[str]:
        """The arguments in parameters that a codec has parted already. What is too much
        belongs to the rest, or is left out.

        Raises BadSyntax.
        """
        if len(parameters) < self.required:
            raise self.usage()
        arguments = list(parameters[: len(self.names)])
        if self.rest and len(parameters) > len(self.names):
            arguments[-1] = " ".join(parameters[len(self.names) - 1 :])
        return arguments
