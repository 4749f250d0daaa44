"""When the write-ahead log is carried over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from relaychat.model.chain import body_digest
from relaychat.store import schema
from relaychat.store.api import Batch, Blank
from relaychat.store.checkpoint import AIM_FRAMES, IDLE_CHANGES, Checkpoints
from relaychat.store.transaction import Transactions
from tests.store.stores import RoomLog, StoreCase

PAGE_BYTES = 4096


class CheckpointTests(StoreCase):
    """On a connection, without threads."""

    def setUp(self) -> None:
        """A writer's connection on an empty database."""
        super().setUp()
        self.path = self.folder() / "relaychat.db"
        self.connection = schema.open_writer(self.path)
        self.addCleanup(self.connection.close)
        self.transactions = Transactions(self.connection, 0, 0)
        self.complaints: list[str] = []
        self.checkpoints = Checkpoints(self.connection, self.complaints.append)
        self.room = RoomLog(1)

    def count(self, batch: Batch) -> None:
        """Commit, and count it."""
        self.transactions.commit(batch)
        self.checkpoints.count(batch)

    @property
    def wal(self) -> Path:
        """The write-ahead log."""
        return self.path.with_name("relaychat.db-wal")

    def test_it_stays_short(self) -> None:
        """However much is written, in one room or in many."""
        rooms = [RoomLog(number) for number in range(2, 202)]
        for turn in range(60):
            self.count(self.room.batch(*[b"x" * 200] * 1500))
            self.checkpoints.if_due()
            rows = [room.row(b"x" * 200) for room in rooms]
            self.count(Batch(rows, [room.head(turn) for room in rooms]))
            self.checkpoints.if_due()
        self.assertLess(self.wal.stat().st_size, 3 * AIM_FRAMES * PAGE_BYTES)
        self.assertEqual(self.complaints, [])

    def test_a_reader_in_the_way_does_no_harm(self) -> None:
        """What somebody still reads stays; later it is carried over."""
        self.count(self.room.batch(b"a"))
        with closing(schema.open_reader(self.path)) as reading:
            reading.execute("BEGIN")
            reading.execute("SELECT * FROM log").fetchall()
            for _ in range(5):
                self.count(self.room.batch(*[b"x" * 200] * 2000))
                self.checkpoints.if_due()
        self.assertEqual(self.complaints, [])
        self.checkpoints.count(Batch([self.room.row(b"")] * 100_000))
        self.checkpoints.if_due()
        with closing(
            sqlite3.connect(f"{self.path.as_uri()}?immutable=1", uri=True)
        ) as one:
            rows = one.execute("SELECT count(*) FROM log").fetchone()[0]
        self.assertEqual(rows, 10_001)

    def test_idle(self) -> None:
        """A quiet moment is used when there is something worth it, and not before."""
        self.count(self.room.batch(b"a"))
        size = self.path.stat().st_size
        self.checkpoints.idle()
        self.assertEqual(self.path.stat().st_size, size)
        self.count(self.room.batch(*[b"x" * 500] * IDLE_CHANGES))
        self.checkpoints.idle()
        self.assertGreater(self.path.stat().st_size, size)

    def test_redacted_text_does_not_wait(self) -> None:
        """The next quiet moment takes it out of the write-ahead log as well."""
        self.count(self.room.batch(b"SECRET" * 50))
        self.count(Batch(blanks=[Blank(1, 1, b"-", body_digest(b"SECRET" * 50))]))
        self.assertIn(b"SECRET", self.wal.read_bytes())
        self.checkpoints.idle()
        self.assertNotIn(b"SECRET", self.wal.read_bytes())
        self.assertNotIn(b"SECRET", self.path.read_bytes())

    def test_redacted_text_behind_a_reader(self) -> None:
        """While somebody reads it stays, and goes at the next moment."""
        self.connection.execute("PRAGMA busy_timeout = 1")
        self.count(self.room.batch(b"SECRET" * 50))
        with closing(schema.open_reader(self.path)) as reading:
            reading.execute("BEGIN")
            reading.execute("SELECT * FROM log").fetchall()
            self.count(Batch(blanks=[Blank(1, 1, b"-", body_digest(b"SECRET" * 50))]))
            self.checkpoints.idle()
            self.assertIn(b"SECRET", self.wal.read_bytes())
        self.checkpoints.idle()
        self.assertNotIn(b"SECRET", self.wal.read_bytes())
