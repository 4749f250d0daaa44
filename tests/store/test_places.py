"""Entries are found by room and seq also before they have their place in the index."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from relaychat.model.chain import body_digest
from relaychat.store import places
from relaychat.store.api import Batch, Blank, InDoubt
from tests.store.stores import RoomLog
from tests.store.test_troubles import TroubleCase


class PlaceTests(TroubleCase):
    """Every commit may be the one behind which entries are placed, unless a test says
    otherwise. The store begins with a row in room 1."""

    def setUp(self) -> None:
        """A store whose connection can be made to fail, and which is never idle."""
        self.patch(places, "DUE_ROWS", 2)
        self.patch(places, "IDLE_ROWS", 1_000_000)
        super().setUp()

    def placed(self) -> int:
        """How many entries have their place, as another process sees it."""
        # A read behind the commits: what is done behind those has been done.
        self.assertIsNotNone(self.calls.wait(self.store._writer.ask(int)))
        with closing(sqlite3.connect(self.path)) as reading:
            return int(reading.execute("SELECT count(*) FROM place").fetchone()[0])

    def test_many_at_a_time(self) -> None:
        """A commit below the bound places nothing; the one that reaches it all."""
        self.assertEqual(self.placed(), 0)
        self.keep(self.store, self.room.batch(b"b"))
        self.assertEqual(self.placed(), 2)
        self.keep(self.store, self.room.batch(b"c"))
        self.assertEqual(self.placed(), 2)
        self.assertEqual(self.bodies(self.store, 1), [b"a", b"b", b"c"])

    def test_the_next_start_places_the_rest(self) -> None:
        """What had no place when the server ended has one after the start."""
        self.wait(self.store.close())
        self.store = self.opened(self.sqlite(self.path))
        self.assertEqual(self.placed(), 1)

    def test_a_full_disk_only_delays_it(self) -> None:
        """Reads go on without the index; once there is room, it is filled."""
        for where in ("INSERT OR ROLLBACK INTO place", "UPDATE OR ROLLBACK meta"):
            with self.subTest(where=where):
                self.faults.at(where, "SQLITE_FULL")
                before = self.placed()
                self.keep(self.store, self.room.batch(b"b", b"c"))
                self.assertEqual(self.placed(), before)
                self.assertEqual(len(self.bodies(self.store, 1)), self.room.seq)
                self.faults.heal()
                self.keep(self.store, self.room.batch(b"d", b"e"))
                self.assertEqual(self.placed(), self.room.seq)
        self.flushLoggedErrors()

    def test_a_doubt_about_it_is_one_about_all(self) -> None:
        """A disk that fails to sync the index is trusted with nothing further."""
        self.faults.at("INSERT OR ROLLBACK INTO place", "SQLITE_IOERR_FSYNC")
        self.keep(self.store, self.room.batch(b"b"))
        outcome = self.commit(self.store, self.room.batch(b"c"))
        self.assertIsInstance(outcome, InDoubt)
        self.assertIn("IOERR_FSYNC", str(outcome))

    def test_blanked_before_it_has_a_place(self) -> None:
        """A redaction finds its entry either way."""
        self.patch(places, "DUE_ROWS", 1_000_000)
        self.keep(self.store, self.room.batch(b"b"))
        blanks = [Blank(1, seq, b"-", body_digest(b"x")) for seq in (1, 2)]
        self.keep(self.store, Batch(blanks=blanks))
        self.assertEqual(self.bodies(self.store, 1), [b"-", b"-"])

    def test_a_seq_is_taken_once(self) -> None:
        """Without the index, too, no seq is given twice and none left out."""
        for was, seq in ((0, 1), (1, 3), (1, 1)):
            with self.subTest(was=was, seq=seq):
                store = self.opened(self.sqlite(self.folder() / "relaychat.db"))
                self.keep(store, RoomLog(1).batch(b"a"))
                room = RoomLog(1, seq - 1)
                batch = Batch([room.row(b"b")], [room.head(was)])
                self.assertIsInstance(self.commit(store, batch), InDoubt)
