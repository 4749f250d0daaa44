"""Proof that a room's log is whole: its chain, walked from the first entry to the
head."""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct
from twisted.internet.defer import Deferred

from relaychat.model.chain import START, body_digest, link_all, mark
from relaychat.store.api import Head, Proof

PAGE_ENTRIES = 500

Fault = Literal["missing", "altered", "beyond", "head"]


class Proofs(Protocol):
    """A store, as far as it is needed here."""

    def proofs(self, room: int, after: int, limit: int) -> Deferred[list[Proof]]:
        """See ``store.api.Store``."""


class Verdict(Struct, frozen=True):
    """What became of a walk along a room's log."""

    room: int
    entries: int
    """So many are proved, from the first on."""
    seq: int | None = None
    """The first broken entry, or the first of its stretch where that is altered, or
    None when all is well."""
    fault: Fault | None = None
    """``missing``: there is none at this seq. ``altered``: it is not what was written
    there. ``beyond``: the log goes on behind its head. ``head``: the last entry is
    whole and not the one that the head speaks of."""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.seq is None


async def verify(store: Proofs, head: Head, *, last: bool = True) -> Verdict:
    """Walk a room's log up to a head, and name the first broken entry.

    ``last`` says that the head is the room's present one, so that nothing may stand
    behind it. Without it the head may be one of the past, which a client remembered, or
    that of a room where people go on talking. Raises what the store's reads raise.
    """
    chain, seq, whole = START, 0, 0
    marks: list[bytes] = []
    while seq < head.seq or last:
        proofs = await store.proofs(head.room, seq, PAGE_ENTRIES)
        if not proofs:
            break
        for proof in proofs:
            if seq == head.seq and not last:
                break
            if proof.seq > head.seq or proof.seq != seq + 1:
                fault: Fault = "beyond" if seq >= head.seq else "missing"
                return Verdict(head.room, whole, seq + 1, fault)
            seq = proof.seq
            digest = proof.digest or body_digest(proof.body)
            marks.append(mark(seq, proof.at, digest))
            if not proof.chain:
                continue  # Its stretch goes on.
            if link_all(chain, marks) != proof.chain:
                return Verdict(head.room, whole, whole + 1, "altered")
            chain, whole = proof.chain, seq
            marks.clear()
    if seq < head.seq:
        return Verdict(head.room, whole, seq + 1, "missing")
    if marks or chain != head.chain:
        return Verdict(head.room, whole, seq, "head")
    return Verdict(head.room, seq)
