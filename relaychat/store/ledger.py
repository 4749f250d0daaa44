"""What the store in memory has committed: the tables of ``sql/``, as Python has
them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import attrgetter

from msgspec import Struct

from relaychat.store.api import (
    Batch,
    Committed,
    Duplicates,
    Entry,
    First,
    Head,
    InDoubt,
    Outcome,
    Poison,
    Record,
    Row,
    Snapshot,
)
from relaychat.store.checks import (
    PAGE_BYTES,
    follows,
    highest_device,
    sealed_rooms,
    twins,
    unstorable,
)


class Line(Struct):
    """A row in the ledger."""

    pos: int
    row: Row
    digest: bytes | None = None

    @property
    def seq(self) -> int:
        """Its place in its room's log."""
        return self.row.seq

    def entry(self) -> Entry:
        """As it is read."""
        row = self.row
        return Entry(self.pos, row.room, row.seq, row.at, row.body, row.origin)


_seq = attrgetter("seq")


class Ledger:
    """What was committed, and nothing else."""

    def __init__(self) -> None:
        self.locked = False
        self.last_pos = 0
        self.last_device = 0
        self.rooms: dict[int, list[Line]] = {}
        """Lines by room, in order of seq."""
        self.cids: dict[tuple[int, int], Line] = {}
        self.heads: dict[int, Head] = {}
        self.sealed: set[int] = set()
        self.records: dict[tuple[str, str], bytes] = {}

    def refusal(self, batch: Batch) -> Outcome | None:
        """What keeps a batch out of the ledger, or None."""
        rows = batch.rows
        if poison := unstorable(rows):
            return Poison(poison)
        known = {
            index: first
            for index, row in enumerate(rows)
            if (first := self._first(row))
        }
        if known:
            return Duplicates(known)
        if again := twins(rows):
            return Poison(again)
        if not follows(batch):
            return InDoubt("another writer: rows don't follow the heads of their rooms")
        if any(map(self._moved, batch.heads)):
            return InDoubt("another writer: a room's head is not where it was left")
        return None

    def _first(self, row: Row) -> First | None:
        if row.origin is None or row.cid is None:
            return None
        return self.first(row.origin, row.cid)

    def _moved(self, head: Head) -> bool:
        known = self.heads.get(head.room)
        return head.was != (known.seq if known else 0)

    def write(self, batch: Batch) -> Committed:
        """Take a batch in that nothing keeps out."""
        first_pos = self.last_pos + 1
        for row in batch.rows:
            for one in _entries_of(row):
                self._add(one)
        for head in batch.heads:
            self.heads[head.room] = head._replace(was=head.seq)
        for record in batch.records:
            self._put(record)
        self.sealed.update(
            room for room in sealed_rooms(batch.records) if room in self.heads
        )
        for blank in batch.blanks:
            if line := self.line(blank.room, blank.seq):
                line.row = line.row._replace(body=blank.body)
                line.digest = line.digest or blank.digest
        device = highest_device(batch.rows, batch.records)
        self.last_device = max(self.last_device, device)
        return Committed(first_pos)

    def _add(self, row: Row) -> None:
        self.last_pos += 1
        line = Line(self.last_pos, row)
        lines = self.rooms.setdefault(row.room, [])
        lines.insert(bisect_left(lines, row.seq, key=_seq), line)
        if row.origin is not None and row.cid is not None:
            self.cids[row.origin, row.cid] = line

    def _put(self, record: Record) -> None:
        if record.body is None:
            self.records.pop((record.kind, record.key), None)
        else:
            self.records[record.kind, record.key] = record.body

    # -- reading ----------------------------------------------------------------------

    def line(self, room: int, seq: int) -> Line | None:
        """The line at this place, or None."""
        lines = self.rooms.get(room, [])
        index = bisect_left(lines, seq, key=_seq)
        return lines[index] if index < len(lines) and lines[index].seq == seq else None

    def between(self, room: int, after: int, before: int) -> list[Line]:
        """The lines with ``after < seq < before``."""
        lines = self.rooms.get(room, [])
        start = bisect_right(lines, after, key=_seq)
        return lines[start : bisect_left(lines, before, key=_seq)]

    def first(self, origin: int, cid: int) -> First | None:
        """Where a cid was used first."""
        line = self.cids.get((origin, cid))
        if line is None:
            return None
        return First(line.row.room, line.row.seq, line.row.cid_hash or 0)

    def snapshot(self, kinds: tuple[str, ...]) -> Snapshot:
        """Everything but the log."""
        numbers = [
            int(key)
            for kind, key in self.records
            if kind in ("room", "sealed") and key.isdigit()
        ]
        return Snapshot(
            heads={
                room: head
                for room, head in self.heads.items()
                if room not in self.sealed
            },
            records={
                kind: {
                    key: body
                    for (one, key), body in self.records.items()
                    if one == kind
                }
                for kind in kinds
            },
            last_pos=self.last_pos,
            last_room=max((*self.heads, *numbers), default=0),
            last_device=self.last_device,
        )


def page(lines: Iterable[Line], limit: int) -> list[Entry]:
    """Lines as they are read: at most so many, and about a page of bytes."""
    return [line.entry() for line in bounded(lines, limit)]


def bounded(lines: Iterable[Line], limit: int) -> Iterator[Line]:
    """At most so many, up to the one whose body crosses the limit of bytes."""
    ahead = 0
    for line in islice(lines, limit):
        if ahead >= PAGE_BYTES:
            return
        yield line
        ahead += len(line.row.body)


def _entries_of(row: Row) -> Iterator[Row]:
    """A row for each entry of a stretch; the last has its chain value."""
    last = len(row.more)
    for n, body in enumerate(row.bodies):
        chain = row.chain if n == last else b""
        yield row._replace(seq=row.seq + n, body=body, chain=chain, more=())
