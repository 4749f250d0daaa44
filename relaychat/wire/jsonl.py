"""JSON Lines: one object a line, checked against the words that there are.

Everything is strict, and most of it is msgspec's doing: UTF-8, no lone surrogates, no
NaN, integers within 2^53, no fields that the words do not have. Of a key that is there
twice the last one counts, except for the tag. No word is as deep as the limit of the
edge, so what is nested deeper is refused by its type, or by the decoder's own bound.
"""

from __future__ import annotations

import re
from typing import Any, Generic, TypeVar

import msgspec

from relaychat.model.errors import BadSyntax, BadText, UnknownCommand
from relaychat.model.words import Word
from relaychat.wire.misfit import Expects, expected, misfit

Words = TypeVar("Words")

_QUOTED_CHARS = 100
"""What an error repeats of a line. Enough to find the place."""

_encode = msgspec.json.Encoder().encode
_half_pair = re.compile(rb"\\u[dD][89a-fA-F]").search
_UNKNOWN = "invalid value '"
_TRUNCATED = "Input data was truncated"


def encode(word: Word) -> bytes:
    """The line of a word, with its end."""
    return _encode(word) + b"\n"


class Decoder(Generic[Words]):
    """Reads lines as one of ``words``: a union of Structs, tagged by ``type``."""

    def __init__(self, words: Any) -> None:
        self._words = words
        self._decode = msgspec.json.Decoder(words).decode
        self._expects: Expects | None = None

    def decode(self, line: bytes) -> Words:
        """The word of a line, without its end.

        :raises UnknownCommand: if its ``type`` is none of the words'.
        :raises BadText: for what is not UTF-8, and for half a surrogate pair.
        :raises BadSyntax: for what is not JSON, or does not fit the word; the text
            names the field.
        """
        try:
            word: Words = self._decode(line)
        except msgspec.ValidationError as error:
            raise self._refuse(str(error)) from None
        except msgspec.DecodeError as error:
            raise _no_json(str(error), line) from None
        except UnicodeDecodeError:
            raise BadText("the line is not UTF-8") from None
        except RecursionError:
            raise BadSyntax("the line is nested too deeply") from None
        return word

    def _refuse(self, message: str) -> BadSyntax:
        """The error for a line that is JSON but no word, in place of msgspec's."""
        if self._expects is None:
            self._expects = expected(self._words)
        field, text = misfit(message, self._expects)
        field, text = field[:_QUOTED_CHARS], text[:_QUOTED_CHARS]
        if field == "type" and text.startswith(_UNKNOWN):
            about = text.removeprefix(_UNKNOWN).removesuffix("'")
            return UnknownCommand(f"no such command: {about}", about)
        return BadSyntax(f"{field}: {text}" if field else text, field)


def _no_json(text: str, line: bytes) -> BadSyntax:
    """What msgspec says of a line that is no JSON."""
    reason = text.removeprefix("JSON is malformed: ")
    if "surrogate" in reason or (reason == _TRUNCATED and _half_pair(line)):
        return BadText("a text may not hold half of a surrogate pair")
    if reason == _TRUNCATED:
        reason = "it ends too early"
    return BadSyntax(f"this is not JSON: {reason}")
