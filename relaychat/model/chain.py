"""The digest chain of a room's log (H32).

Entries that one session said in one go are a *stretch*, and so is any other entry by
itself. The last entry of a stretch has a chain value: the digest over the places and
bodies of the stretch and the chain value before it. Who holds one chain value can prove
everything up to it: nothing was lost, reordered or altered. A redaction replaces a body
but keeps its first digest, so the chain still proves.

A chain value, in 16 bytes of blake2b, is the digest of the chain value before it (START
for the first), 16 bytes, and of 32 bytes for each entry of the stretch::

    seq                                                  8 bytes, big endian, signed
    at, milliseconds since 1970                          8 bytes, big endian, signed
    digest of the body (blake2b)                        16 bytes
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct

DIGEST_BYTES = 16
START = bytes(DIGEST_BYTES)
"""What stands before a room's first entry."""

# Copying a fresh state costs a fifth less than making one with its keyword argument.
_fresh = blake2b(digest_size=DIGEST_BYTES).copy
mark = Struct(f">qq{DIGEST_BYTES}s").pack
"""An entry's share of its stretch: of its seq, its time, and its body's digest."""


def body_digest(body: bytes) -> bytes:
    """The digest of an entry's body, 16 bytes."""
    state = _fresh()
    state.update(body)
    return state.digest()


def link(previous: bytes, seq: int, at: int, digest: bytes) -> bytes:
    """The chain value of an entry that is a stretch by itself, 16 bytes."""
    return link_all(previous, [mark(seq, at, digest)])


def link_all(previous: bytes, marks: list[bytes]) -> bytes:
    """The chain value of a stretch of entries, 16 bytes."""
    state = _fresh()
    state.update(previous + b"".join(marks))
    return state.digest()
