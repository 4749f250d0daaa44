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


def insert(pos: int, rows: Sequence[Row]) -> tuple[str, list[Any], int]:
    """The statement for these rows and its values. The first entry's place is ``pos``;
    comes back with that of the next one.

    A value that is None or bytes costs the sqlite3 module four times as much as a
    number: it looks for an adapter, in vain. So what is None in all rows is left out,
    and a blob is given as a bytearray.
    """
    most = 9 if any(one is not None for row in rows for one in row[6:9]) else 6
    if any(row[9] for row in rows):
        return _stretches(pos, rows, most)
    values: list[Any] = [pos]
    for row in rows:
        values += row[:3]
        values += (bytearray(row[3]), bytearray(row[4]))
        values += row[5:most]
    return insert_entries(len(rows), most), values, pos + len(rows)


def _stretches(pos: int, rows: Sequence[Row], most: int) -> tuple[str, list[Any], int]:
    values: list[Any] = []
    for row in rows:
        body, more = row[3], row[9]
        sizes = ""
        if more:
            bodies = (body, *more)
            sizes = f"[{','.join([str(len(one)) for one in bodies])}]"
            body = b"".join(bodies)
        values += (pos, row[1] + len(more))
        values += row[:3]
        values += (bytearray(body), bytearray(row[4]))
        values += row[5:most]
        values.append(sizes)
        pos += 1 + len(more)
    return insert_stretches(len(rows), most), values, pos


_COLUMNS = "pos, last, room, seq, at, body, chain, origin, cid, cid_hash, ref"


@cache
def insert_entries(size: int, fields: int) -> str:
    """For rows of one entry. Values: the first one's place, then so many fields of each
    Row."""
    values = []
    for n in range(size):
        first = 2 + n * fields
        given = ",".join([f"?{first + field}" for field in range(fields)])
        values.append(f"(?1+{n},?{first + 1},{given}{',NULL' * (9 - fields)})")
    return f"INSERT OR ROLLBACK INTO log ({_COLUMNS}) VALUES {','.join(values)}"


@cache
def insert_stretches(size: int, fields: int) -> str:
    """Values of each row: place, last seq, so many fields, sizes."""
    given = ",".join("?" * (2 + fields)) + ",NULL" * (9 - fields)
    values = ",".join([f"({given},?)"] * size)
    return f"INSERT OR ROLLBACK INTO log ({_COLUMNS}, sizes) VALUES {values}"


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
