"""Event kinds that relaychat does not know: what may be in them (H30).

A kind is ``vendor/kind``, so that nobody takes another's by accident. The value is JSON
as the edge takes it: whatever language a client is written in can read it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

import msgspec

from relaychat.model.errors import BadName, BadText, TooLong

KIND = r"^[a-z0-9][a-z0-9.-]{0,31}/[a-z0-9][a-z0-9._-]{0,31}$"
DEPTH = 16
"""Arrays and objects in one another."""
MOST_INTEGER = 2**53 - 1
"""JavaScript has no exact numbers beyond it."""

is_kind = re.compile(KIND).fullmatch
_encode = msgspec.json.Encoder().encode


def check_kind(kind: str) -> None:
    """Raises BadName."""
    if not is_kind(kind):
        raise BadName(
            "a kind of event is written vendor/kind, in lower case", kind[:65]
        )


def check_value(value: Any, limit_bytes: int) -> None:
    """Make sure that a value can be kept, and shown to everybody.

    Raises BadText for what JSON does not have, and TooLong if it has more than
    ``limit_bytes`` as JSON.
    """
    waiting = [(value, 1)]
    while waiting:
        one, depth = waiting.pop()
        if depth > DEPTH:
            raise BadText(f"a value is at most {DEPTH} arrays and objects deep")
        waiting += [(part, depth + 1) for part in _parts(one)]
    try:
        size = len(_encode(value))
    except UnicodeEncodeError:
        raise BadText("a text may not hold half of a surrogate pair") from None
    if size > limit_bytes:
        raise TooLong(
            f"the value has {size} bytes, and at most {limit_bytes} are allowed"
        )


def _parts(value: Any) -> Iterator[Any]:
    """What an array or an object is made of. Raises BadText for what is neither, and no
    text, number, truth or nothing."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise BadText("the keys of an object are texts")
        yield from value.values()
    elif isinstance(value, list):
        yield from value
    elif isinstance(value, float):
        if not isfinite(value):
            raise BadText("a number is finite")
    elif isinstance(value, int):
        if abs(value) > MOST_INTEGER:
            raise BadText("an integer is within 2^53")
    elif not (value is None or isinstance(value, str)):
        raise BadText(f"JSON has no {type(value).__name__}")
