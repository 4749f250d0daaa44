"""Answers that list something are pages, within the 64 KiB of a line (H22)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

LIST_BYTES = 60 * 1024
"""Of the entries in one answer, as JSON: whatever else is in it, it stays below 64
KiB."""

Entry = TypeVar("Entry", bound=msgspec.Struct)
_encode = msgspec.json.Encoder().encode


def fitting(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The first of them, as many as one answer holds."""
    left, found = LIST_BYTES, []
    for entry in entries:
        left -= len(_encode(entry)) + 1
        if left < 0:
            break
        found.append(entry)
    return tuple(found)


def page(entries: list[Entry], name: str, after: str) -> tuple[tuple[Entry, ...], bool]:
    """Those behind the entry whose field ``name`` is ``after``, as many as one answer
    holds, and whether there are more. From the start if it is gone, or empty."""
    names = [getattr(one, name) for one in entries]
    start = names.index(after) + 1 if after in names else 0
    found = fitting(entries[start:])
    return found, start + len(found) < len(entries)
