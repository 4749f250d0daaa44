"""The base of everything that is said: frozen msgspec Structs, tagged by ``type``.

The JSON of these Structs *is* the native protocol: one object a line, the tag first. So
a command is validated by its type alone, and an event is encoded once, for the log and
for all native readers.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1, le=2**53 - 1)]
"""A positive integer that survives JavaScript: a seq, a cid, a limit."""

Stamp = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""Milliseconds since 1970 (UTC), or a seq of which 0 means "before the first"."""


class Word(
    Struct, frozen=True, omit_defaults=True, tag_field="type", gc=False, kw_only=True
):
    """Something that is said between a peer and the relay."""


class Entry(Struct, frozen=True, omit_defaults=True, gc=False):
    """A part of a word: a line of a list, a cursor. It has no tag of its own."""
