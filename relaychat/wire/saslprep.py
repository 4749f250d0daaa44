"""SASLprep (RFC 4013): the one spelling of a password that SCRAM hashes."""

from __future__ import annotations

import stringprep
from unicodedata import normalize

_PROHIBITED = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """The prepared form (RFC 4013 section 2). Raises ValueError for what has none."""
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in text
        if not stringprep.in_table_b1(char)
    )
    prepared = normalize("NFKC", mapped)
    if any(prohibits(char) for char in prepared for prohibits in _PROHIBITED):
        raise ValueError("a character that SASLprep prohibits")
    if any(map(stringprep.in_table_d1, prepared)) and (
        any(map(stringprep.in_table_d2, prepared))
        or not stringprep.in_table_d1(prepared[0])
        or not stringprep.in_table_d1(prepared[-1])
    ):
        raise ValueError("left to right in a text from right to left")
    return prepared
