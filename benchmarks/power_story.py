"""What a store is given while its power is cut: batches that follow from a seed.

A ``Story`` is the same whenever it is told with the same seed, so a program that was
cut off finds out from its store how far it came, and goes on; and who checks a store
knows what must be in it after each batch.

As a program it lives one life of a server on a store::

    python power_story.py FILE SEED BATCHES ENDING [PLANT]

and says to its standard output ``seen N`` when it opened the store and found N batches,
``given N`` before each batch and ``kept N`` when it was acknowledged. ENDING is
``close`` or ``leave`` (without closing anything), PLANT a fault to be found, of
``PLANTS``.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from relaychat.model.chain import DIGEST_BYTES, START, body_digest, link_all, mark
from relaychat.store.api import Batch, Blank, Committed, Head, Record, Row
from relaychat.store.checks import cut
from relaychat.store.ledger import Ledger
from relaychat.store.sqlite import SqliteStore
from relaychat.testing.calls import Calls

KIND, KEY = "story", "batches"
PLANTS = ("", "off", "normal", "early")
"""Nothing; no syncs at all; syncs at checkpoints alone; an answer before the commit."""
QUIET_S = 0.15
"""Longer than a writer waits before it uses a quiet moment."""


class Story:
    """Rooms that are talked in by devices: messages long and short, redactions, records
    that come, change and go, rooms that are sealed."""

    def __init__(self, seed: int) -> None:
        self.ledger = Ledger()
        self.number = 0
        """Batches told so far."""
        self._chance = Random(seed)
        self._rooms = [1]
        self._cids: dict[int, int] = {}
        self._at = 1_700_000_000_000

    def next(self) -> Batch:
        """The next batch. It is in the ledger then."""
        chance = self._chance
        self.number += 1
        self._at += chance.randrange(1000)
        batch = Batch(records=[Record(KIND, KEY, b"%d" % self.number)])
        for room in self._talking():
            head = self.ledger.heads.get(room, Head(room, 0, 0, 0, START))
            rows = self._rows(head, chance.choice((1, 1, 2, 5, 20)))
            batch.rows += rows
            last = rows[-1]
            batch.heads.append(Head(room, head.seq, last.last, last.at, last.chain))
        batch.records += self._records()
        if chance.random() < 0.15:
            batch.blanks += self._blanks()
        self.ledger.write(batch)
        return batch

    def _talking(self) -> list[int]:
        chance = self._chance
        if len(self._rooms) < 3 or chance.random() < 0.05:
            self._rooms.append(self._rooms[-1] + 1)
        return chance.sample(self._rooms, chance.randrange(1, 3))

    def _rows(self, head: Head, count: int) -> list[Row]:
        chance, chain, made = self._chance, head.chain, []
        seq = head.seq
        for _ in range(count):
            bodies = [self._body(head.room, seq + 1)]
            while chance.random() < 0.3:
                bodies.append(self._body(head.room, seq + 1 + len(bodies)))
            marks = [
                mark(seq + 1 + n, self._at, body_digest(body))
                for n, body in enumerate(bodies)
            ]
            chain = link_all(chain, marks)
            row = Row(head.room, seq + 1, self._at, bodies[0], chain)
            seq += len(bodies)
            if len(bodies) > 1:
                made.append(row._replace(more=tuple(bodies[1:])))
                continue
            if chance.random() < 0.8:
                device = chance.randrange(1, 6)
                cid = self._cids[device] = self._cids.get(device, 0) + 1
                row = row._replace(
                    origin=device, cid=cid, cid_hash=chance.getrandbits(62)
                )
            if seq > 2 and chance.random() < 0.1:
                row = row._replace(ref=chance.randrange(1, seq))
            made.append(row)
        return made

    def _body(self, room: int, seq: int) -> bytes:
        chance = self._chance
        size = chance.choice((20, 100, 100, 300, 600))
        if chance.random() < 0.01:
            size = chance.randrange(5_000, 30_000)
        return b"%d.%d " % (room, seq) + chance.randbytes(size)

    def _records(self) -> list[Record]:
        chance, made = self._chance, []
        for _ in range(chance.choice((0, 0, 1, 3))):
            body = (
                None
                if chance.random() < 0.2
                else chance.randbytes(chance.randrange(400))
            )
            made.append(Record("member", str(chance.randrange(40)), body))
        if chance.random() < 0.1:
            number = chance.randrange(1, 10)
            made.append(Record("device", str(number), b'{"number":%d}' % number))
        if len(self._rooms) > 3 and chance.random() < 0.1:
            made.append(Record("sealed", str(self._rooms.pop(0)), b"{}"))
        return made

    def _blanks(self) -> list[Blank]:
        chance, made = self._chance, []
        for _ in range(chance.randrange(1, 4)):
            room = chance.choice(list(self.ledger.rooms) or [1])
            lines = self.ledger.rooms.get(room)
            if lines:
                row = chance.choice(lines).row
                blank = b'{"gone":true}'
                made.append(Blank(room, row.seq, blank, body_digest(row.body)))
        return made

    def print(self) -> bytes:
        """What is in the ledger, as one digest."""
        ledger = self.ledger
        rows = [
            (line.pos, *line.row[:-1], line.digest)
            for lines in ledger.rooms.values()
            for line in lines
        ]
        heads = [
            (head.room, head.seq, head.at, head.chain, int(head.room in ledger.sealed))
            for head in ledger.heads.values()
        ]
        records = [(*name, body) for name, body in ledger.records.items()]
        return _digest(rows, heads, records, ledger.last_device)


def found(connection: sqlite3.Connection) -> bytes:
    """What is in a database, as one digest. Raises sqlite3.Error."""

    def all_of(sql: str) -> list[Any]:
        return connection.execute(sql).fetchall()

    rows = [
        one
        for row in all_of(
            "SELECT pos, room, seq, at, body, sizes, chain, origin, cid, cid_hash, ref,"
            " digest FROM log"
        )
        for one in _entries_of(*row)
    ]
    return _digest(
        rows,
        all_of("SELECT room, seq, at, chain, sealed FROM head"),
        all_of("SELECT kind, key, body FROM record"),
        all_of("SELECT value FROM meta WHERE name = 'last_device'")[0][0],
    )


def _entries_of(
    pos: int,
    room: int,
    seq: int,
    at: int,
    whole: bytes,
    sizes: str,
    chain: bytes,
    *others: Any,
) -> Iterator[tuple[Any, ...]]:
    """A stretch entry by entry, as the ledger has it."""
    *origin, digests = others
    bodies = cut(whole, sizes)
    for n, body in enumerate(bodies):
        here = chain if n == len(bodies) - 1 else b""
        digest = (digests or b"")[n * DIGEST_BYTES : (n + 1) * DIGEST_BYTES]
        known = digest if any(digest) else None
        yield (pos + n, room, seq + n, at, body, here, *origin, known)


def _digest(
    rows: list[Any], heads: list[Any], records: list[Any], device: int
) -> bytes:
    whole = (sorted(rows), sorted(heads), sorted(records), device)
    return blake2b(msgspec.msgpack.encode(whole), digest_size=16).digest()


# -- a life ---------------------------------------------------------------------------


def say(word: str, number: int) -> None:
    """A mark for the recording: one write."""
    os.write(1, f"{word} {number}\n".encode())


class Unsynced(sqlite3.Connection):
    """A writer that is told to wait for less than it asks for."""

    level = "OFF"

    def execute(self, sql: str, /, *values: Any) -> sqlite3.Cursor:
        """As SQLite does."""
        if sql == "PRAGMA synchronous = FULL":
            sql = f"PRAGMA synchronous = {self.level}"
        return super().execute(sql, *values)


class AtCheckpoints(Unsynced):
    """Syncs at checkpoints alone."""

    level = "NORMAL"


def live(file: Path, seed: int, batches: int, ending: str, plant: str = "") -> None:
    """One life on a store."""
    calls, story = Calls(), Story(seed)
    factory = {"off": Unsynced, "normal": AtCheckpoints}.get(plant, sqlite3.Connection)
    store = SqliteStore(file, calls.from_thread, factory)
    snapshot = store.open((KIND,))
    begun = int(snapshot.records[KIND].get(KEY, b"0"))
    say("seen", begun)
    while story.number < begun:
        story.next()
    quiet = Random(f"{seed}/{begun}").randrange(batches)
    for turn in range(batches):
        batch = story.next()
        say("given", story.number)
        asked = store.commit(batch)
        if plant == "early":
            say("kept", story.number)
        outcome = calls.wait(asked)
        if not isinstance(outcome, Committed):
            sys.exit(f"{outcome}")
        say("kept", story.number)
        if turn % 7 == 0:
            calls.wait(store.page(1, 0, 2**53, 100, newest=True))
        if turn == quiet:
            time.sleep(QUIET_S)
    if ending == "leave":
        os._exit(0)
    calls.wait(store.close())


if __name__ == "__main__":
    live(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
