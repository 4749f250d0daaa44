"""The log below the hub: what a store keeps, and what it answers.

A store holds three things. *Rows* are log entries, append-only but for a redaction's
blanking. *Heads* are how far each room's log has come. *Records* are the hub's durable
state beside the log (rooms, members, users, devices, accounts, markers), as JSON under
a kind and a key. One ``Batch`` changes all three in one transaction and one fsync.

Bodies and records are bytes that the store never reads. There is one writer. Commits
are carried out, and answered, in the order they were given.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from msgspec import Struct
from twisted.internet.defer import Deferred

STRETCH_ENTRIES = 64
"""Most entries of a row: what is read for one of them."""


class Row(NamedTuple):
    """A log entry on its way in, or a stretch of several. Their places in the global
    commit order, ``pos``, are the store's to give: rising by one per entry of a batch,
    from ``Committed.first_pos``."""

    room: int
    seq: int
    at: int
    """Milliseconds since 1970; never earlier than the room's entry before."""
    body: bytes
    """The encoded event."""
    chain: bytes
    """16 bytes: the digest over this entry, those before it without one, and the chain
    value before them (H32). Empty for all but the last of a stretch."""
    origin: int | None = None
    """Who wrote it: a device's number, or a negative number for a session without
    one."""
    cid: int | None = None
    """The client id; ``(origin, cid)`` is unique over the whole log where it is
    given."""
    cid_hash: int | None = None
    """Digest of what the client asked for with this cid (signed 64 bit)."""
    ref: int | None = None
    """The seq that this entry is about (edits, redactions, reactions)."""
    more: tuple[bytes, ...] = ()
    """Bodies of the entries behind it in its stretch, whose seqs follow, and which have
    all else in common with it. Only where there is no cid and no ref."""

    @property
    def last(self) -> int:
        """The seq of its last entry."""
        return self.seq + len(self.more)

    @property
    def bodies(self) -> tuple[bytes, ...]:
        """Of all its entries."""
        return (self.body, *self.more)


row: Callable[[tuple[object, ...]], Row] = partial(tuple.__new__, Row)
"""A Row of these ten, without the checks and defaults: a quarter of the time."""


class Head(NamedTuple):
    """A room's log moves from ``was`` to ``seq``. The commit proves ``was`` (H4)."""

    room: int
    was: int
    seq: int
    at: int
    chain: bytes


head: Callable[[tuple[object, ...]], Head] = partial(tuple.__new__, Head)
"""The same for a Head of these five."""


class Record(NamedTuple):
    """A record to put, or to drop when ``body`` is None.

    Two kinds mean something to the store as well. A record ``sealed`` that is put, its
    key a room's number, seals that room's head for good: ``Snapshot.heads`` leaves it
    out. Of a record ``device`` the store reads ``number``, an integer of the JSON
    object in its body, for ``Snapshot.last_device``.
    """

    kind: str
    key: str
    body: bytes | None


class Blank(NamedTuple):
    """Replace an entry's body (redaction). The store keeps the digest of the first body
    it ever had beside it, so that the chain still proves (H32). An entry that is not
    there is passed over."""

    room: int
    seq: int
    body: bytes
    digest: bytes
    """16 bytes: blake2b of the body that goes."""


class Batch(Struct):
    """All that one turn makes durable. Applied as a whole or not at all."""

    rows: list[Row] = []
    heads: list[Head] = []
    records: list[Record] = []
    blanks: list[Blank] = []


class Entry(NamedTuple):
    """A log entry on its way out."""

    pos: int
    room: int
    seq: int
    at: int
    body: bytes
    origin: int | None


class Proof(NamedTuple):
    """What verifying a chain needs of one entry; ``digest`` is that of the first body,
    kept only where the body was blanked."""

    seq: int
    at: int
    body: bytes
    chain: bytes
    digest: bytes | None


# -- what a commit answers (H3) -------------------------------------------------------


class Committed(Struct, frozen=True):
    """Durable: the transaction was fsynced."""

    first_pos: int
    """``pos`` of the batch's first entry."""


class First(NamedTuple):
    """Where a cid was used first."""

    room: int
    seq: int
    cid_hash: int


class Duplicates(Struct, frozen=True):
    """Rolled back: these rows, all of them, by their index in the batch, carry a cid
    that the log holds."""

    rows: dict[int, First]


class Poison(Struct, frozen=True):
    """Rolled back: these rows, by their index, can't be stored at all: a number beyond
    64 bits, a body beyond 16 MiB, or a cid that a row before it in the batch has. Other
    parts of a batch that can't be stored make it Failed."""

    rows: tuple[int, ...]


class Failed(Struct, frozen=True):
    """Surely rolled back; nothing of it is in the log. ``why`` is for the log."""

    why: str


class InDoubt(Struct, frozen=True):
    """It may or may not be in the log: a failed fsync, a lost seq. The server stops
    (H3); the store answers nothing else from then on."""

    why: str


Outcome = Committed | Duplicates | Poison | Failed | InDoubt


class Snapshot(Struct):
    """What a store holds at the start, but for the log itself."""

    heads: dict[int, Head]
    """By room number; ``was`` equals ``seq``. Heads of sealed rooms are not in it."""
    records: dict[str, dict[str, bytes]]
    """By kind and key, of the kinds asked for."""
    last_pos: int
    last_room: int
    """The highest room number ever used, sealed rooms included; 0 for none."""
    last_device: int
    """The highest origin ever used by a row or a ``device`` record; 0 for none."""


class StoreLocked(Exception):
    """Another server has this data open."""


class StoreBroken(Exception):
    """The data can't be used: damaged, of a newer version, not ours."""


class Store(Protocol):
    """Where the log lives. Reads see what was committed before them, and may see what
    is committed and not answered yet; they fail with StoreBroken. A room's seqs have no
    holes, and its times never decrease along them."""

    def open(self, kinds: tuple[str, ...]) -> Snapshot:
        """Open, upgrade if needed, and read the records of these kinds. Blocks; called
        once.

        Raises StoreLocked, StoreBroken, OSError.
        """

    def commit(self, batch: Batch) -> Deferred[Outcome]:
        """Make a batch durable. Fires with an outcome; never fails."""

    def page(
        self, room: int, after: int, before: int, limit: int, newest: bool = False
    ) -> Deferred[list[Entry]]:
        """Entries with ``after < seq < before`` in order of seq, at most ``limit`` and
        about 256 KiB of bodies: those nearest ``after``, or nearest ``before`` with
        ``newest``."""

    def merged(self, cursors: dict[int, int], limit: int) -> Deferred[list[Entry]]:
        """Entries after these cursors (room number to seq), at most ``limit`` and about
        256 KiB of bodies, merged by ``pos``, without a hole before the last given."""

    def seek(self, room: int, at: int) -> Deferred[int]:
        """The lowest seq of a room with a time not before ``at``, or one past its
        last."""

    def about(self, room: int, ref: int) -> Deferred[list[Entry]]:
        """Entries that are about this seq, in order, at most 10,000."""

    def record(self, kind: str, key: str) -> Deferred[bytes | None]:
        """One record, or None."""

    def records(
        self, kind: str, after: str, limit: int
    ) -> Deferred[list[tuple[str, bytes]]]:
        """Keys and bodies of the records of a kind whose keys come after this one, in
        the order of their UTF-8, at most ``limit``."""

    def first(self, origin: int, cid: int) -> Deferred[First | None]:
        """Where this origin used this cid first, or None."""

    def high(self, origin: int) -> Deferred[int]:
        """The highest cid that this origin has in the log, or 0."""

    def proofs(self, room: int, after: int, limit: int) -> Deferred[list[Proof]]:
        """What verifies a room's chain, from ``after`` on, in order: at most ``limit``
        and about 256 KiB of bodies."""

    def close(self) -> Deferred[None]:
        """Finish what was given, then close and unlock."""
