"""What a row must be like to be stored at all, and how much a read gives at most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from relaychat.store.api import STRETCH_ENTRIES, Batch, Record, Row

BODY_LIMIT_BYTES = 16 * 1024 * 1024
"""Of a body. Lines end at 64 KiB at the edge, so only a bug comes near it."""

PAGE_BYTES = 256 * 1024
"""Bodies of one read; the entry that crosses the line is the last one given."""

ABOUT_ENTRIES = 10_000
"""Entries of one ``about`` read."""

_INTEGER_MAX = 2**63 - 1


class _Device(msgspec.Struct):
    number: int


_sizes = msgspec.json.Decoder(list[int]).decode
_device = msgspec.json.Decoder(_Device).decode


def unstorable(rows: Sequence[Row]) -> tuple[int, ...]:
    """The indexes of the rows that can't be stored."""
    return tuple(index for index, row in enumerate(rows) if not _storable(row))


def _storable(row: Row) -> bool:
    required = (row.room, row.seq, row.at)
    optional = (row.origin, row.cid, row.cid_hash, row.ref)
    return (
        all(map(_fits, required))
        and all(value is None or _fits(value) for value in optional)
        and all(isinstance(body, bytes) for body in row.bodies)
        and isinstance(row.chain, bytes)
        and sum(map(len, row.bodies)) <= BODY_LIMIT_BYTES
        and (not row.more or (row.cid is None and row.ref is None))
        and _fits(row.last)
        and len(row.more) < STRETCH_ENTRIES
    )


def _fits(value: object) -> bool:
    return isinstance(value, int) and -_INTEGER_MAX - 1 <= value <= _INTEGER_MAX


def twins(rows: Sequence[Row]) -> tuple[int, ...]:
    """The indexes of the rows whose origin and cid another row before them has."""
    seen = set()
    again = []
    for index, row in enumerate(rows):
        if row.cid is None or row.origin is None:
            continue
        if (row.origin, row.cid) in seen:
            again.append(index)
        seen.add((row.origin, row.cid))
    return tuple(again)


def follows(batch: Batch) -> bool:
    """Whether each room's rows go on, one by one, from where its head was to where it
    moves."""
    seqs = {head.room: head.was for head in batch.heads}
    if len(seqs) < len(batch.heads):
        return False
    for row in batch.rows:
        seq = row[1]
        if seqs.get(row[0]) != seq - 1:
            return False
        seqs[row[0]] = seq + len(row[9])
    return all(seqs[head.room] == head.seq for head in batch.heads)


def highest_device(rows: Iterable[Row], records: Iterable[Record]) -> int:
    """The highest number that rows and ``device`` records give a device, or 0."""
    highest = max(filter(None, [row[5] for row in rows]), default=0)
    for record in records:
        if record.kind == "device" and record.body is not None:
            try:
                highest = max(highest, _device(record.body).number)
            except msgspec.MsgspecError:
                continue
    return max(highest, 0)


def sealed_rooms(records: Iterable[Record]) -> list[int]:
    """The rooms that these records seal."""
    return [
        int(record.key)
        for record in records
        if record.kind == "sealed" and record.body is not None and _numeric(record.key)
    ]


def _numeric(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 19


def cut(whole: bytes, sizes: str) -> list[bytes]:
    """The bodies of a stretch, as the database has them."""
    if not sizes:
        return [whole]
    bodies, start = [], 0
    for size in _sizes(sizes):
        bodies.append(whole[start : start + size])
        start += size
    return bodies
