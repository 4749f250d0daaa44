"""What is read from the database: one statement, one row, for each question.

A row of the answer holds all entries: their numbers as one JSON array and their bodies
as one blob. A statement that gives an entry at a time would give the interpreter lock
away for each, and beside a busy thread a page of 250 then takes 50 ms instead of 2.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from relaychat.model.chain import DIGEST_BYTES
from relaychat.store.api import STRETCH_ENTRIES, Entry, First, Head, Proof, Snapshot
from relaychat.store.checks import ABOUT_ENTRIES, PAGE_BYTES

_FIELDS = "pos, last, room, seq, at, origin, length(body) AS size, sizes, body"

_PACK = """
    SELECT json_group_array(json_array(
               pos, room, seq, at, origin, iif(sizes = '', size, json(sizes)))),
           CAST(group_concat(body, '') AS BLOB)
"""


def _within_page(rows: str, order: str) -> str:
    """Rows up to the one that crosses the limit of bytes. The first one does not count,
    for not all of it may be wanted."""
    return f"""
        {_PACK} FROM (
            SELECT *, sum(size) OVER (ORDER BY {order} ROWS UNBOUNDED PRECEDING) - size
                      - first_value(size) OVER (ORDER BY {order}) AS ahead
            FROM ({rows})
        ) WHERE ahead < {PAGE_BYTES}
    """


def _page(order: str) -> str:
    return _within_page(
        f"SELECT {_FIELDS} FROM stretch WHERE room = ?1 AND last > ?2"
        f" AND last < ?3 + {STRETCH_ENTRIES} AND seq < ?3 ORDER BY {order} LIMIT ?4",
        order,
    )


_OLDEST_PAGE = _page("last")
_NEWEST_PAGE = _page("last DESC")

# The rows themselves are fetched only for what is given. No room can have more than the
# limit among the first entries of all.
_MERGED = _within_page(
    f"""
    SELECT {_FIELDS} FROM log WHERE pos IN (
        SELECT pos FROM (
            SELECT place.pos FROM json_each(?1) AS cursor CROSS JOIN place
            WHERE room = CAST(cursor.key AS INTEGER) AND last > cursor.value
              AND last < ?2 + {STRETCH_ENTRIES} + max(cursor.value, (
                    SELECT min(last) FROM place
                    WHERE room = CAST(cursor.key AS INTEGER)))
            UNION ALL
            SELECT log.pos FROM log CROSS JOIN json_each(?1) AS cursor
            WHERE pos > (SELECT value FROM meta WHERE name = 'placed')
              AND room = CAST(cursor.key AS INTEGER) AND last > cursor.value
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
        SELECT coalesce((SELECT seq FROM log WHERE pos = (
                   SELECT pos FROM place WHERE room = :room ORDER BY last LIMIT 1)), 1),
               coalesce((SELECT max(last) FROM place WHERE room = :room), 0) + 1
        UNION ALL
        SELECT iif(at < :at, last + 1, low), iif(at < :at, high, seq)
        FROM search LEFT JOIN log ON log.pos = (
            SELECT pos FROM place
            WHERE place.room = :room AND place.last >= (low + high) / 2
            ORDER BY place.last LIMIT 1)
        WHERE low < high
    ),
    late AS MATERIALIZED (
        SELECT seq, last, at FROM log
        WHERE pos > (SELECT value FROM meta WHERE name = 'placed') AND room = :room
    )
    SELECT CASE
        WHEN low <= (SELECT max(last) FROM place WHERE room = :room) THEN low
        ELSE coalesce((SELECT min(seq) FROM late WHERE at >= :at),
                      (SELECT max(last) + 1 FROM late), low)
    END FROM search WHERE low >= high
"""

_PROOFS = f"""
    SELECT json_group_array(
               json_array(seq, at, iif(sizes = '', length(body), json(sizes)),
                          hex(chain), iif(digest IS NULL, '', hex(digest)))),
           CAST(group_concat(body, '') AS BLOB)
    FROM (
        SELECT *, sum(length(body)) OVER (ORDER BY last ROWS UNBOUNDED PRECEDING)
                  - length(body) - first_value(length(body)) OVER (ORDER BY last)
                  AS ahead
        FROM (SELECT seq, last, at, body, sizes, chain, digest FROM stretch
              WHERE room = ?1 AND last > ?2 ORDER BY last LIMIT ?3)
    ) WHERE ahead < {PAGE_BYTES}
"""

_rows = msgspec.json.Decoder(
    list[tuple[int, int, int, int, int | None, int | list[int]]]
).decode
_proofs = msgspec.json.Decoder(list[tuple[int, int, int | list[int], str, str]]).decode


E = TypeVar("E", Entry, Proof)


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
        found = self._entries(sql, (room, after, before, limit))
        entries = [entry for entry in found if after < entry.seq < before]
        entries.sort(key=_by_seq, reverse=newest)
        return sorted(_within(entries, limit), key=_by_seq)

    def merged(self, cursors: dict[int, int], limit: int) -> list[Entry]:
        """See ``api.Store.merged``."""
        asked = msgspec.json.encode(cursors).decode("ascii")
        found = self._entries(_MERGED, (asked, limit))
        entries = [entry for entry in found if entry.seq > cursors[entry.room]]
        entries.sort()
        return _within(entries, limit)

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
        for seq, at, sizes, chain, digests in _proofs(numbers):
            each = sizes if isinstance(sizes, list) else [sizes]
            kept = bytes.fromhex(digests)
            for n, size in enumerate(each):
                digest = kept[n * DIGEST_BYTES : (n + 1) * DIGEST_BYTES]
                last = n == len(each) - 1
                given.append(
                    Proof(
                        seq + n,
                        at,
                        bodies[start : start + size],
                        bytes.fromhex(chain) if last else b"",
                        digest if any(digest) else None,
                    )
                )
                start += size
        given.sort(key=lambda proof: proof.seq)
        return _within([proof for proof in given if proof.seq > after], limit)

    def snapshot(self, kinds: tuple[str, ...]) -> Snapshot:
        """Everything but the log."""
        records: dict[str, dict[str, bytes]] = {}
        for kind in kinds:
            sql = "SELECT key, body FROM record WHERE kind = ?"
            records[kind] = dict(self._connection.execute(sql, (kind,)))
        return Snapshot(
            heads={head.room: head for head in self._heads()},
            records=records,
            last_pos=self._last_pos(),
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

    def _last_pos(self) -> int:
        sql = "SELECT max(pos), last - seq FROM log"
        ((pos, more),) = self._connection.execute(sql).fetchall()
        return 0 if pos is None else pos + more

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
        for pos, room, seq, at, origin, sizes in _rows(numbers):
            each = sizes if isinstance(sizes, list) else (sizes,)
            for n, size in enumerate(each):
                body = bodies[start : start + size]
                entries.append(Entry(pos + n, room, seq + n, at, body, origin))
                start += size
        return entries


def _by_seq(entry: Entry) -> int:
    return entry.seq


def _within(entries: list[E], limit: int) -> list[E]:
    """The first of these: so many, up to the one that crosses the limit of bytes."""
    ahead = 0
    for place, entry in enumerate(entries[:limit]):
        if ahead >= PAGE_BYTES:
            return entries[:place]
        ahead += len(entry.body)
    return entries[:limit]
