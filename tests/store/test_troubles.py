"""What the writer says when SQLite fails, at each place where it can (H3, H4)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from relaychat.store.api import (
    Batch,
    Blank,
    Failed,
    Head,
    InDoubt,
    Record,
    StoreBroken,
)
from tests.store.stores import RoomLog, StoreCase


class Faults:
    """Which statements fail, and how."""

    def __init__(self) -> None:
        self.of: Callable[[str], Exception | None] = lambda sql: None

    def at(self, where: str, what: str | Exception) -> None:
        """From now on statements that begin so fail."""
        made = error(what) if isinstance(what, str) else what
        self.of = lambda sql: made if sql.startswith(where) else None

    def heal(self) -> None:
        """Nothing fails any more."""
        self.of = lambda sql: None


class FailingConnection(sqlite3.Connection):
    """A connection that fails where a test says so."""

    faults = Faults()

    def execute(self, sql: str, /, *values: Any) -> sqlite3.Cursor:
        """As SQLite does, or fail. What fails at COMMIT has ended the transaction."""
        error = self.faults.of(sql)
        if error is None:
            return super().execute(sql, *values)
        if sql == "COMMIT":
            super().execute("ROLLBACK")
        raise error


def error(name: str) -> sqlite3.OperationalError:
    """An error as the sqlite3 module makes it."""
    made = sqlite3.OperationalError("injected")
    made.sqlite_errorname = name
    made.sqlite_errorcode = getattr(sqlite3, name)
    return made


class TroubleCase(StoreCase):
    """A store with one row in it, whose connection can be made to fail."""

    def setUp(self) -> None:
        """A store of its own for each test, and no failures yet."""
        super().setUp()
        self.faults = faults = Faults()

        class Connection(FailingConnection):
            pass

        Connection.faults = faults
        self.path = self.folder() / "relaychat.db"
        self.store = self.opened(self.sqlite(self.path, factory=Connection))
        self.room = RoomLog(1)
        self.keep(self.store, self.room.batch(b"a"))

    def refused(self) -> Batch:
        """A batch that is answered Failed; given again once all is well, it is kept."""
        batch = self.room.batch(b"b")
        outcome = self.commit(self.store, batch)
        self.assertIsInstance(outcome, Failed)
        self.assertEqual(self.bodies(self.store, 1), [b"a"])
        return batch


class SurelyFailedTests(TroubleCase):
    """Nothing of it is in the log, and the next one may succeed."""

    def test_before_the_commit(self) -> None:
        """Whatever fails before COMMIT is rolled back, if the disk can be trusted."""
        for where in (
            "BEGIN",
            "INSERT OR ROLLBACK INTO log",
            "UPDATE OR ROLLBACK head",
        ):
            for name in (
                "SQLITE_FULL",
                "SQLITE_IOERR_WRITE",
                "SQLITE_IOERR_READ",
                "SQLITE_BUSY",
                "SQLITE_READONLY",
                "SQLITE_NOMEM",
            ):
                self.faults.at(where, name)
                batch = self.room.batch(b"b")
                outcome = self.commit(self.store, batch)
                self.assertIsInstance(outcome, Failed)
                self.assertIn(name, getattr(outcome, "why", ""))
                self.assertEqual(self.bodies(self.store, 1), [b"a"])
                self.room = RoomLog(1, seq=1, at=batch.rows[0].at)
                self.faults.heal()
        self.keep(self.store, self.room.batch(b"b"))
        self.assertEqual(self.bodies(self.store, 1), [b"a", b"b"])

    def test_at_the_commit(self) -> None:
        """COMMIT could not write what makes the transaction whole."""
        for name in ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_BUSY"):
            self.faults.at("COMMIT", name)
            batch = self.refused()
            self.room = RoomLog(1, seq=1, at=batch.rows[0].at)
        self.faults.heal()
        self.assertEqual(self.keep(self.store, batch), 2)

    def test_memory(self) -> None:
        """Python's own way to say that there is none."""
        self.faults.at("INSERT", MemoryError())
        batch = self.refused()
        self.faults.heal()
        self.keep(self.store, batch)

    def test_a_full_database(self) -> None:
        """SQLite itself finds no page; it takes what comes when there are pages."""
        writing = self.store._writing
        pages = writing.execute("PRAGMA page_count").fetchone()[0]
        writing.execute(f"PRAGMA max_page_count = {pages + 1}")
        batch = self.room.batch(b"b" * 100_000)
        outcome = self.commit(self.store, batch)
        self.assertIsInstance(outcome, Failed)
        self.assertIn("SQLITE_FULL", getattr(outcome, "why", ""))
        writing.execute("PRAGMA max_page_count = 1000000")
        self.assertEqual(self.keep(self.store, batch), 2)

    def test_a_stranger_holds_the_database(self) -> None:
        """Somebody writes with a shell: commits fail, and go on when he is done."""
        self.store._writing.execute("PRAGMA busy_timeout = 1")
        stranger = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(stranger.close)
        stranger.execute("BEGIN IMMEDIATE")
        batch = self.refused()
        stranger.execute("ROLLBACK")
        self.keep(self.store, batch)

    def test_parts_that_can_not_be_stored(self) -> None:
        """What is not a row can't be poison; it is refused, with the reason."""
        for batch in (
            Batch(records=[Record("k", "\ud800", b"x")]),
            Batch(heads=[Head(5, 0, 2**63, 1, b"")]),
            Batch(blanks=[Blank(1, 2**63, b"", b"")]),
        ):
            outcome = self.commit(self.store, batch)
            self.assertIsInstance(outcome, Failed)
        self.keep(self.store, self.room.batch(b"b"))


class DoubtTests(TroubleCase):
    """Nobody knows; the store says so, for good."""

    def doubted(self) -> None:
        """A batch is answered InDoubt, and so is the next one, when nothing fails."""
        self.assertIsInstance(self.commit(self.store, self.room.batch(b"b")), InDoubt)
        self.faults.heal()
        self.assertIsInstance(self.commit(self.store, RoomLog(2).batch(b"c")), InDoubt)
        self.assertEqual(self.bodies(self.store, 1), [b"a"])
        self.assertEqual(self.bodies(self.store, 2), [])

    def test_at_the_commit(self) -> None:
        """Anything at COMMIT but what surely wrote nothing."""
        for name in (
            "SQLITE_IOERR_FSYNC",
            "SQLITE_IOERR_SHMSIZE",
            "SQLITE_IOERR",
            "SQLITE_NOMEM",
            "SQLITE_INTERNAL",
        ):
            self.setUp()
            self.faults.at("COMMIT", name)
            self.doubted()

    def test_a_disk_that_can_not_be_trusted(self) -> None:
        """A failed sync or a damaged file anywhere."""
        for name in ("SQLITE_IOERR_FSYNC", "SQLITE_CORRUPT", "SQLITE_NOTADB"):
            self.setUp()
            self.faults.at("INSERT", name)
            self.doubted()

    def test_no_way_back(self) -> None:
        """A transaction that can't be rolled back leaves nothing to trust."""
        self.faults.of = lambda sql: (
            error("SQLITE_IOERR") if sql[:3] in ("UPD", "ROL") else None
        )
        outcome = self.commit(self.store, self.room.batch(b"b"))
        self.assertIsInstance(outcome, InDoubt)
        self.assertIn("can't be rolled back", getattr(outcome, "why", ""))

    def test_a_stranger_has_written(self) -> None:
        """Rows that somebody else put in are found out by the next batch in that
        room."""
        stranger = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(stranger.close)
        stranger.execute("UPDATE head SET seq = 9 WHERE room = 1")
        outcome = self.commit(self.store, self.room.batch(b"b"))
        self.assertIsInstance(outcome, InDoubt)
        self.assertIn("another writer", getattr(outcome, "why", ""))


class LookUpTests(TroubleCase):
    """Troubles beside the commit itself."""

    def test_duplicates_that_can_not_be_looked_up(self) -> None:
        """Rolled back all the same."""
        self.keep(self.store, Batch([self.room.row(b"b", 1, 1)], [self.room.head(1)]))
        self.faults.at("SELECT", "SQLITE_IOERR_READ")
        batch = Batch([self.room.row(b"c", 1, 1)], [self.room.head(2)])
        self.assertIsInstance(self.commit(self.store, batch), Failed)

    def test_a_failing_checkpoint_fails_nothing(self) -> None:
        """It is said in the log, and tried again."""
        said: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            said.append(str(event.get("text")))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.faults.at("PRAGMA wal_checkpoint", "SQLITE_IOERR_FSYNC")
        for turn in range(4):
            self.keep(self.store, RoomLog(turn + 2).batch(*[b"x"] * 1200))
        # Behind the checkpoints, for they are behind the batches.
        self.commit(self.store, Batch())
        self.assertIn("checkpoint failed", said[0])
        self.assertIn("SQLITE_IOERR_FSYNC", said[0])

    def test_a_read_that_fails(self) -> None:
        """Reads fail as StoreBroken, and the store goes on."""
        with self.assertRaisesRegex(StoreBroken, "OverflowError"):
            self.wait(self.store.page(2**70, 0, 10, 10))
        with self.assertRaises(StoreBroken):
            self.wait(self.store.record("k", "\ud800"))
        self.assertEqual(self.bodies(self.store, 1), [b"a"])
