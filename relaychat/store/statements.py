"""The SQL of a batch: one statement for many rows.

Each step of a statement gives the interpreter lock away, and beside a busy thread it
takes up to a switch interval to come back; with ``executemany`` that is once a row. So
many rows go into one statement. Their number is a power of two, that the few texts
which exist stay prepared.

``OR ROLLBACK`` is not only what a failed batch wants: a statement that may abort alone
must copy each page that it touches first, and that costs more than writing the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from relaychat.store.api import Row

CHUNK_ROWS = 1024
"""Most rows of one statement. Twelve values each stay below 32,766, SQLite's most, and
a prepared statement keeps what was last bound to it: memory for the largest batch."""


def chunks(total: int) -> Iterator[tuple[int, int]]:
    """Split so many rows: start and size of each statement's share, the largest
    first."""
    start = 0
    while start < total:
        size = min(CHUNK_ROWS, 1 << ((total - start).bit_length() - 1))
        yield start, size
        start += size


def values_of(pos: int, rows: Sequence[Row]) -> tuple[int, list[Any], int]:
    """How many values each of these rows has, and all of them, one row's behind the
    other's. The first entry's place is ``pos``; comes back with that of the next one.

    A value that is None or bytes costs the sqlite3 module four times as much as a
    number: it looks for an adapter, in vain. So what is None in all rows is left out,
    and a blob is given as a bytearray.
    """
    values: list[Any] = []
    all_of_it = any(one is not None for row in rows for one in row[6:9])
    for row in rows:
        room, seq, at, body, chain, origin, cid, cid_hash, ref, more = row
        size = len(more)
        values += (pos, seq + size, room, seq, at)
        if more:
            values += (bytearray(b"".join(row.bodies)), _sizes(row.bodies))
        else:
            values += (bytearray(body), "")
        values += (bytearray(chain), origin)
        if all_of_it:
            values += (cid, cid_hash, ref)
        pos += size + 1
    return 12 if all_of_it else 9, values, pos


def _sizes(bodies: Sequence[bytes]) -> str:
    return f"[{','.join([str(len(body)) for body in bodies])}]"


@cache
def insert_rows(size: int, fields: int) -> str:
    """Values: those of ``values_of``."""
    given = ",".join("?" * fields) + ",NULL" * (12 - fields)
    values = ",".join([f"({given})"] * size)
    return (
        "INSERT OR ROLLBACK INTO log (pos, last, room, seq, at, body, sizes, chain,"
        f" origin, cid, cid_hash, ref) VALUES {values}"
    )


@cache
def insert_heads(size: int) -> str:
    """Values: room, seq, at and chain of each head."""
    values = ",".join(["(?,?,?,?)"] * size)
    return f"INSERT OR ROLLBACK INTO head (room, seq, at, chain) VALUES {values}"


@cache
def move_heads(size: int) -> str:
    """Values: the five fields of each Head. Changes those alone that stand at
    ``was``."""
    values = ",".join(["(?,?,?,?,?)"] * size)
    return (
        "UPDATE OR ROLLBACK head SET seq = moved.column3, at = moved.column4,"
        f" chain = moved.column5 FROM (VALUES {values}) AS moved"
        " WHERE head.room = moved.column1 AND head.seq = moved.column2"
    )


SEAL = (
    "UPDATE OR ROLLBACK head SET sealed = 1"
    " WHERE room IN (SELECT value FROM json_each(?))"
)
"""Value: a JSON array of room numbers."""


@cache
def put_records(size: int) -> str:
    """Values: the three fields of each Record."""
    values = ",".join(["(?,?,?)"] * size)
    return (
        f"INSERT INTO record (kind, key, body) VALUES {values}"
        " ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"
    )


@cache
def drop_records(size: int) -> str:
    """Values: a kind, and keys in it. For pairs SQLite would walk along all records."""
    keys = ",".join("?" * size)
    return f"DELETE FROM record WHERE kind = ? AND key IN ({keys})"


STRETCH_OF = (
    "SELECT pos, seq, last, body, sizes, digest FROM stretch"
    " WHERE room = ? AND last >= ? AND seq <= ? AND last < ? LIMIT 1"
)
"""Values: room, the seq of an entry, twice, and a seq that its stretch can't reach."""

BLANK = "UPDATE OR ROLLBACK log SET body = ?, sizes = ?, digest = ? WHERE pos = ?"

FILL_PLACES = (
    "INSERT OR ROLLBACK INTO place (room, last, pos)"
    " SELECT room, last, pos FROM log"
    " WHERE pos > (SELECT value FROM meta WHERE name = 'placed') ORDER BY room, last"
)

RAISE_PLACED = (
    "UPDATE OR ROLLBACK meta SET value = (SELECT coalesce(max(pos), 0) FROM log)"
    " WHERE name = 'placed'"
)

RAISE_LAST_DEVICE = "UPDATE OR ROLLBACK meta SET value = ? WHERE name = 'last_device'"
"""Value: the number."""


@cache
def find_cids(size: int) -> str:
    """Values: origin and cid of each row."""
    values = ",".join(["(?,?)"] * size)
    return (
        "SELECT log.origin, log.cid, log.room, log.seq, log.cid_hash"
        f" FROM (VALUES {values}) AS asked CROSS JOIN log"
        " ON log.origin = asked.column1 AND log.cid = asked.column2"
        " WHERE log.cid IS NOT NULL"
    )
