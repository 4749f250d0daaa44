"""What is read from the database: one statement, one row, for each question.

A row of the answer holds all entries: their numbers as one JSON array and their bodies
as one blob. A statement that gives an entry at a time would give the interpreter lock
away for each, and beside a busy thread a page of 250 then takes 50 ms instead of 2.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from relaychat.store.api import Entry, First, Head, Proof, Snapshot
from relaychat.store.checks import ABOUT_ENTRIES, PAGE_BYTES

_FIELDS = "pos, room, seq, at, origin, length(body) AS size, body"

_PACK = """
    SELECT json_group_array(json_array(pos, room, seq, at, origin, size)),
           CAST(group_concat(body, '') AS BLOB)
"""


def _within_page(entries: str, order: str) -> str:
    """Entries up to the one that crosses the limit of bytes."""
    return f"""
        {_PACK} FROM (
            SELECT *, sum(size) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - size
                      AS ahead
            FROM ({entries})
        ) WHERE ahead < {PAGE_BYTES}
    """


def _page(order: str) -> str:
    return _within_page(
        f"SELECT {_FIELDS} FROM entry WHERE room = ? AND seq > ? AND seq < ?"
        f" ORDER BY {order} LIMIT ?",
        order,
    )


_OLDEST_PAGE = _page("seq")
_NEWEST_PAGE = _page("seq DESC")

# The rows themselves are fetched only for what is given. No room can have more than the
# limit among the first entries of all.
_MERGED = _within_page(
    f"""
    SELECT {_FIELDS} FROM log WHERE pos IN (
        SELECT pos FROM (
            SELECT place.pos FROM json_each(?1) AS cursor CROSS JOIN place
            WHERE room = CAST(cursor.key AS INTEGER) AND seq > cursor.value
              AND seq <= ?2 + max(cursor.value, (
                    SELECT min(seq) - 1 FROM place
                    WHERE room = CAST(cursor.key AS INTEGER)))
            UNION ALL
            SELECT log.pos FROM log CROSS JOIN json_each(?1) AS cursor
            WHERE pos > (SELECT value FROM meta WHERE name = 'placed')
              AND room = CAST(cursor.key AS INTEGER) AND seq > cursor.value
        ) ORDER BY pos LIMIT ?2
    ) ORDER BY pos
    """,
    "pos",
)

# Within a room the order of pos is that of seq. Ordered by seq, SQLite would rather
# walk along the whole room than sort the few entries that the index finds.
_ABOUT = f"""
    {_PACK} FROM (
        SELECT {_FIELDS} FROM log INDEXED BY log_room_ref WHERE room = ? AND ref = ?
        ORDER BY pos LIMIT {ABOUT_ENTRIES}
    )
"""

# A binary search, for ``at`` never decreases along a room's log. What has no place yet
# comes behind all that has.
_SEEK = """
    WITH RECURSIVE search (low, high) AS (
        SELECT coalesce((SELECT min(seq) FROM place WHERE room = :room), 1),
               coalesce((SELECT max(seq) FROM place WHERE room = :room), 0) + 1
        UNION ALL
        SELECT iif(at < :at, (low + high) / 2 + 1, low),
               iif(at < :at, high, (low + high) / 2)
        FROM search LEFT JOIN place
            ON place.room = :room AND place.seq = (low + high) / 2
        LEFT JOIN log ON log.pos = place.pos
        WHERE low < high
    ),
    late AS MATERIALIZED (
        SELECT seq, at FROM log
        WHERE pos > (SELECT value FROM meta WHERE name = 'placed') AND room = :room
    )
    SELECT CASE
        WHEN low <= (SELECT max(seq) FROM place WHERE room = :room) THEN low
        ELSE coalesce((SELECT min(seq) FROM late WHERE at >= :at),
                      (SELECT max(seq) + 1 FROM late), low)
    END FROM search WHERE low >= high
"""

_PROOFS = f"""
    SELECT json_group_array(
               json_array(seq, at, length(body), hex(chain),
                          iif(digest IS NULL, NULL, hex(digest)))),
           CAST(group_concat(body, '') AS BLOB)
    FROM (
        SELECT *, sum(length(body)) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING)
                  - length(body) AS ahead
        FROM (SELECT seq, at, body, chain, digest FROM entry
              WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?)
    ) WHERE ahead < {PAGE_BYTES}
"""

_numbers = msgspec.json.Decoder(list[tuple[int, int, int, int, int | None, int]]).decode
_proofs = msgspec.json.Decoder(list[tuple[int, int, int, str, str | None]]).decode


class Reads:
    """The questions that a store answers, on one connection. Each may raise
    sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def page(
        self, room: int, after: int, before: int, limit: int, newest: bool
    ) -> list[Entry]:
        """See ``api.Store.page``."""
        sql = _NEWEST_PAGE if newest else _OLDEST_PAGE
        entries = self._entries(sql, (room, after, before, limit))
        entries.sort(key=_by_seq)
        return entries

    def merged(self, cursors: dict[int, int], limit: int) -> list[Entry]:
        """See ``api.Store.merged``."""
        asked = msgspec.json.encode(cursors).decode("ascii")
        entries = self._entries(_MERGED, (asked, limit))
        entries.sort()
        return entries

    def seek(self, room: int, at: int) -> int:
        """See ``api.Store.seek``."""
        seq: int = self._one(_SEEK, {"room": room, "at": at})
        return seq

    def about(self, room: int, ref: int) -> list[Entry]:
        """See ``api.Store.about``."""
        entries = self._entries(_ABOUT, (room, ref))
        entries.sort(key=_by_seq)
        return entries

    def record(self, kind: str, key: str) -> bytes | None:
        """See ``api.Store.record``."""
        sql = "SELECT body FROM record WHERE kind = ? AND key = ?"
        found = self._connection.execute(sql, (kind, key)).fetchall()
        return found[0][0] if found else None

    def records(self, kind: str, after: str, limit: int) -> list[tuple[str, bytes]]:
        """See ``api.Store.records``."""
        sql = (
            "SELECT key, body FROM record WHERE kind = ? AND key > ?"
            " ORDER BY key LIMIT ?"
        )
        return self._connection.execute(sql, (kind, after, limit)).fetchall()

    def first(self, origin: int, cid: int) -> First | None:
        """See ``api.Store.first``."""
        sql = "SELECT room, seq, cid_hash FROM log WHERE origin = ? AND cid = ?"
        found = self._connection.execute(sql, (origin, cid)).fetchall()
        return First(*found[0]) if found else None

    def high(self, origin: int) -> int:
        """See ``api.Store.high``."""
        sql = "SELECT max(cid) FROM log WHERE origin = ? AND cid IS NOT NULL"
        return self._one(sql, (origin,)) or 0

    def proofs(self, room: int, after: int, limit: int) -> list[Proof]:
        """See ``api.Store.proofs``."""
        numbers, bodies = self._packed(_PROOFS, (room, after, limit))
        given, start = [], 0
        for seq, at, size, chain, digest in _proofs(numbers):
            body = bodies[start : start + size]
            kept = None if digest is None else bytes.fromhex(digest)
            given.append(Proof(seq, at, body, bytes.fromhex(chain), kept))
            start += size
        given.sort(key=lambda proof: proof.seq)
        return given

    def snapshot(self, kinds: tuple[str, ...]) -> Snapshot:
        """Everything but the log."""
        records: dict[str, dict[str, bytes]] = {}
        for kind in kinds:
            sql = "SELECT key, body FROM record WHERE kind = ?"
            records[kind] = dict(self._connection.execute(sql, (kind,)))
        return Snapshot(
            heads={head.room: head for head in self._heads()},
            records=records,
            last_pos=self._one("SELECT max(pos) FROM log") or 0,
            last_room=self._last_room(),
            last_device=self._last_device(),
        )

    def _heads(self) -> Iterator[Head]:
        sql = "SELECT room, seq, seq, at, chain FROM head WHERE NOT sealed"
        return map(Head._make, self._connection.execute(sql))

    def _last_device(self) -> int:
        sql = "SELECT value FROM meta WHERE name = 'last_device'"
        for (value,) in self._connection.execute(sql).fetchall():
            return int(value)
        raise sqlite3.DatabaseError("the counter last_device is not there")

    def _last_room(self) -> int:
        by_head = self._one("SELECT max(room) FROM head") or 0
        by_record = self._one(
            "SELECT max(CAST(key AS INTEGER)) FROM record"
            " WHERE kind IN ('room', 'sealed')"
        )
        return max(by_head, by_record or 0)

    # -- one row each -----------------------------------------------------------------

    def _one(
        self, sql: str, values: tuple[object, ...] | dict[str, object] = ()
    ) -> Any:
        return self._connection.execute(sql, values).fetchall()[0][0]

    def _packed(self, sql: str, values: tuple[object, ...]) -> tuple[str, bytes]:
        ((numbers, bodies),) = self._connection.execute(sql, values).fetchall()
        return numbers, bodies or b""

    def _entries(self, sql: str, values: tuple[object, ...]) -> list[Entry]:
        numbers, bodies = self._packed(sql, values)
        entries, start = [], 0
        for pos, room, seq, at, origin, size in _numbers(numbers):
            body = bodies[start : start + size]
            entries.append(Entry(pos, room, seq, at, body, origin))
            start += size
        return entries


def _by_seq(entry: Entry) -> int:
    return entry.seq
