"""A batch as one SQLite transaction, and what each error says about it (H3, H4).

All of it is blocking and belongs to one thread.

*Surely rolled back* is what never reached ``COMMIT``, and a ``COMMIT`` that could not
write: SQLite writes the frame that makes a transaction whole last, and syncs after it.
What fails behind that frame (the sync itself, the shared index growing) leaves a
transaction that this process takes for rolled back and that the next start may find in
the log: *in doubt*.
"""

from __future__ import annotations

import sqlite3
from itertools import chain

from relaychat.model.chain import DIGEST_BYTES
from relaychat.store import statements
from relaychat.store.api import (
    STRETCH_ENTRIES,
    Batch,
    Blank,
    Committed,
    Duplicates,
    Failed,
    First,
    Head,
    InDoubt,
    Outcome,
    Poison,
    Record,
    Row,
)
from relaychat.store.checks import (
    cut,
    follows,
    highest_device,
    sealed_rooms,
    twins,
    unstorable,
)

_SURE_AT_COMMIT = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR_WRITE,
    sqlite3.SQLITE_BUSY,
}

_NEVER_SURE = {
    sqlite3.SQLITE_IOERR_FSYNC,
    sqlite3.SQLITE_IOERR_DIR_FSYNC,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}
"""A disk that failed once to sync says nothing reliable afterwards."""

_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class AnotherWriter(Exception):
    """The log is not where this process left it."""


class Transactions:
    """Turns batches into outcomes, on one connection, one after the other."""

    def __init__(
        self, connection: sqlite3.Connection, last_pos: int, last_device: int
    ) -> None:
        self._connection = connection
        self._last_pos = last_pos
        self._last_device = last_device
        self._doubt: InDoubt | None = None

    def commit(self, batch: Batch) -> Outcome:
        """Carry a batch out. After the first doubt there is nothing but doubt."""
        if self._doubt is not None:
            return self._doubt
        outcome = self._attempt(batch)
        if isinstance(outcome, InDoubt):
            self._doubt = outcome
        return outcome

    def _attempt(self, batch: Batch) -> Outcome:
        device = self._last_device
        committing = False
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            last_pos = self._insert_rows(batch.rows)
            self._move_heads(batch.heads)
            if not follows(batch):
                raise AnotherWriter("rows don't follow the heads of their rooms")
            if batch.records:
                self._put_records(batch.records)
            for blank in batch.blanks:
                self._blank(blank)
            device = max(device, highest_device(batch.rows, batch.records))
            if device > self._last_device:
                self._connection.execute(statements.RAISE_LAST_DEVICE, (device,))
            committing = True
            self._connection.execute("COMMIT")
        except Exception as error:
            return self._verdict(batch, error, committing)
        first_pos = self._last_pos + 1
        self._last_pos = last_pos
        self._last_device = device
        return Committed(first_pos)

    def fill_places(self) -> str | None:
        """Give entries without a place theirs; says why not, where it fails. A doubt
        about it is one about everything behind it."""
        if self._doubt is not None:
            return self._doubt.why
        committing = False
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(statements.FILL_PLACES)
            self._connection.execute(statements.RAISE_PLACED)
            committing = True
            self._connection.execute("COMMIT")
        except Exception as error:
            outcome = self._verdict(Batch(), error, committing)
            if isinstance(outcome, InDoubt):
                self._doubt = outcome
            return explain(error)
        return None

    # -- the statements ---------------------------------------------------------------

    def _insert_rows(self, rows: list[Row]) -> int:
        """Returns the place of the last entry."""
        pos = self._last_pos + 1
        for start, size in statements.chunks(len(rows)):
            part = rows[start : start + size]
            sql, values, pos = statements.insert(pos, part)
            self._connection.execute(sql, values)
        return pos - 1

    def _blank(self, blank: Blank) -> None:
        room, seq, body, digest = blank
        end = seq + STRETCH_ENTRIES
        found = self._connection.execute(statements.STRETCH_OF, (room, seq, seq, end))
        for pos, first, last, whole, sizes, digests in found.fetchall():
            bodies = cut(whole, sizes)
            kept = bytearray(digests or bytes(DIGEST_BYTES * len(bodies)))
            here = slice((seq - first) * DIGEST_BYTES, (seq - first + 1) * DIGEST_BYTES)
            if not any(kept[here]):
                kept[here] = digest
            bodies[seq - first] = body
            sizes = "" if first == last else str([*map(len, bodies)])
            values = (b"".join(bodies), sizes, bytes(kept), pos)
            self._connection.execute(statements.BLANK, values)

    def _move_heads(self, heads: list[Head]) -> None:
        first = [head for head in heads if head.was == 0]
        moved = [head for head in heads if head.was != 0] if first else heads
        for start, size in statements.chunks(len(first)):
            values = [
                value
                for room, _, seq, at, chain in first[start : start + size]
                for value in (room, seq, at, bytearray(chain))
            ]
            self._connection.execute(statements.insert_heads(size), values)
        for start, size in statements.chunks(len(moved)):
            values = [
                value
                for room, was, seq, at, chain in moved[start : start + size]
                for value in (room, was, seq, at, bytearray(chain))
            ]
            done = self._connection.execute(statements.move_heads(size), values)
            if done.rowcount != size:
                raise AnotherWriter("a room's head is not where it was left")

    def _put_records(self, records: list[Record]) -> None:
        last = {(record.kind, record.key): record.body for record in records}
        put = [(*name, body) for name, body in last.items() if body is not None]
        for start, size in statements.chunks(len(put)):
            values = tuple(chain.from_iterable(put[start : start + size]))
            self._connection.execute(statements.put_records(size), values)
        drop: dict[str, list[str]] = {}
        for (kind, key), body in last.items():
            if body is None:
                drop.setdefault(kind, []).append(key)
        for kind, keys in drop.items():
            for start, size in statements.chunks(len(keys)):
                values = (kind, *keys[start : start + size])
                self._connection.execute(statements.drop_records(size), values)
        if sealed := sealed_rooms(records):
            self._connection.execute(statements.SEAL, (str(sealed),))

    # -- what went wrong --------------------------------------------------------------

    def _verdict(self, batch: Batch, error: Exception, committing: bool) -> Outcome:
        why = explain(error)
        code = getattr(error, "sqlite_errorcode", 0)
        if not self._rolled_back():
            return InDoubt(f"{why}; and it can't be rolled back")
        if code in _NEVER_SURE or code & 0xFF in _DAMAGED:
            return InDoubt(why)
        if committing and code not in _SURE_AT_COMMIT:
            return InDoubt(why)
        if isinstance(error, AnotherWriter):
            return InDoubt(f"another writer: {why}")
        if poison := unstorable(batch.rows):
            return Poison(poison)
        if isinstance(error, sqlite3.IntegrityError):
            return self._conflict(batch.rows, why)
        return Failed(why)

    def _rolled_back(self) -> bool:
        """Whether no transaction is open any more. Some errors end it by themselves."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            return False
        return not self._connection.in_transaction

    def _conflict(self, rows: list[Row], why: str) -> Outcome:
        try:
            known = self._known_cids(rows)
        except sqlite3.Error as error:
            return Failed(explain(error))
        if known:
            return Duplicates(known)
        if again := twins(rows):
            return Poison(again)
        return InDoubt(f"another writer: {why}")

    def _known_cids(self, rows: list[Row]) -> dict[int, First]:
        asked = [(row.origin, row.cid) for row in rows if row.cid is not None]
        found = {}
        for start, size in statements.chunks(len(asked)):
            values = tuple(chain.from_iterable(asked[start : start + size]))
            for origin, cid, *first in self._connection.execute(
                statements.find_cids(size), values
            ):
                found[origin, cid] = First(*first)
        return {
            index: found[row.origin, row.cid]
            for index, row in enumerate(rows)
            if (row.origin, row.cid) in found
        }


def explain(error: Exception) -> str:
    """An error in words, with SQLite's own name for it, for the log."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return f"{name}: {error}"
