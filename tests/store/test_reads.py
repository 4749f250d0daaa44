"""How the database finds what is read: by an index, whatever the size of the log."""

from __future__ import annotations

import sqlite3
from typing import Any

from relaychat.store import schema, statements
from relaychat.store.api import Batch, Committed
from relaychat.store.reads import Reads
from relaychat.store.transaction import Transactions
from tests.store.stores import RoomLog, StoreCase


class Noting(sqlite3.Connection):
    """A connection that notes what it is asked."""

    asked: list[tuple[str, Any]]

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        """Note it, and do it."""
        if sql.lstrip().startswith(("SELECT", "WITH")):
            self.asked.append((sql, values))
        return super().execute(sql, values)


class PlanTests(StoreCase):
    """The plans that SQLite makes, for reads and for what a batch asks."""

    def setUp(self) -> None:
        """A log with something in it."""
        super().setUp()
        path = self.folder() / "relaychat.db"

        class Connection(Noting):
            asked: list[tuple[str, Any]] = []

        connection = schema.open_writer(path, Connection)
        assert isinstance(connection, Noting)
        self.connection = connection
        self.addCleanup(connection.close)
        room = RoomLog(1)
        rows = [room.row(b"x", 1, n, n if n % 3 else None) for n in range(1, 200)]
        outcome = Transactions(connection, 0, 0).commit(Batch(rows, [room.head(0)]))
        self.assertIsInstance(outcome, Committed)
        self.reads = Reads(connection)
        connection.asked.clear()

    def plan(self) -> str:
        """How all that was asked is carried out."""
        lines = [
            row[3]
            for sql, values in self.connection.asked
            for row in sqlite3.Connection.execute(
                self.connection, f"EXPLAIN QUERY PLAN {sql}", values
            )
        ]
        self.assertTrue(lines)
        return "\n".join(lines)

    def test_nothing_walks_along_the_whole_log(self) -> None:
        """Each read goes straight to its entries, and so does the start."""
        self.reads.page(1, 5, 9, 10, newest=False)
        self.reads.page(1, 5, 9, 10, newest=True)
        self.reads.merged({1: 4, 2: 3}, 10)
        self.reads.seek(1, 5)
        self.reads.about(1, 5)
        self.reads.first(1, 5)
        self.reads.high(1)
        self.reads.proofs(1, 5, 10)
        self.reads.record("room", "1")
        self.reads.records("room", "1", 10)
        self.assertEqual(len(self.connection.asked), 10)
        plan = self.plan()
        for table in ("log", "place", "record"):
            self.assertNotRegex(plan, f"SCAN {table}( |$)")

    def test_what_an_entry_is_about_has_an_index(self) -> None:
        """A reaction is found without walking along its room."""
        self.reads.about(1, 5)
        self.assertIn("log_room_ref (room=? AND ref=?)", self.plan())

    def test_client_ids_have_an_index(self) -> None:
        """A resend is recognised without looking at anything else."""
        self.reads.first(1, 5)
        self.reads.high(1)
        plan = self.plan()
        self.assertIn("log_origin_cid (origin=? AND cid=?)", plan)
        self.assertIn("log_origin_cid (origin=?", plan)

    def test_a_batch_walks_along_nothing(self) -> None:
        """Heads, records, blanks and known cids are gone to directly."""
        for sql in (
            statements.find_cids(4),
            statements.drop_records(4),
            statements.move_heads(4),
            statements.SEAL,
            statements.BLANK,
        ):
            self.connection.asked.append((sql, (None,) * sql.count("?")))
        self.assertNotRegex(self.plan(), "SCAN (log|record|head)( |$)")
