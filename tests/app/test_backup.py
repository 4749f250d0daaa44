"""``relaychat backup`` and ``relaychat restore``."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from click.testing import CliRunner, Result
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from relaychat.app.command import main
from relaychat.hub.records import RoomRecord
from relaychat.store.api import Record
from relaychat.store.lock import DataLock
from relaychat.store.schema import open_writer
from relaychat.store.transaction import Transactions
from tests.store.stores import RoomLog


class BackupTests(SynchronousTestCase):
    """A room of 700 entries, some of them in the write-ahead log."""

    def setUp(self) -> None:
        """A database, written to by a server that is in the middle of it."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.data = self.folder / "data"
        self.data.mkdir()
        self.copy = self.folder / "copy.db"
        self.writer = open_writer(self.data / "relaychat.db")
        self.addCleanup(self.writer.close)
        self.log, self.transactions = RoomLog(1), Transactions(self.writer, 0, 0)
        record = msgspec.json.encode(RoomRecord("#tea", "e", "kept", 1))
        bodies = [b'{"n":%d}' % number for number in range(700)]
        batch = self.log.batch(*bodies, records=(Record("room", "1", record),))
        self.transactions.commit(batch)

    def call(self, *words: object) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words])

    def back_up(self) -> Result:
        return self.call("backup", self.copy, "--data", self.data)

    def restore(self) -> Result:
        return self.call("restore", self.copy, "--data", self.data)

    def rooms(self, path: Path) -> list[RoomRecord]:
        """The rooms of a database."""
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT body FROM record WHERE kind = 'room'")
            return [msgspec.json.decode(row[0], type=RoomRecord) for row in rows]

    def test_while_it_runs(self) -> None:
        """The copy is one file, whole, for its owner alone; what comes later is not in
        it."""
        result = self.back_up()
        told = f"{self.copy}: 1 rooms, 700 entries proved: all whole\n"
        self.assertEqual((result.output, result.exit_code), (told, 0))
        self.transactions.commit(self.log.batch(b"{}", records=()))
        self.assertEqual(
            [path.name for path in self.folder.iterdir()].count("copy.db"), 1
        )
        self.assertEqual(
            {path.name for path in self.folder.iterdir()}, {"data", "copy.db"}
        )
        self.assertEqual(self.copy.stat().st_mode & 0o777, 0o600)
        with closing(sqlite3.connect(self.copy)) as copy:
            self.assertEqual(
                copy.execute("SELECT count(*) FROM log").fetchone(), (700,)
            )

    def test_unreadable_room(self) -> None:
        """A room whose record can't be read is named, and nothing is restored."""
        self.back_up()
        with closing(sqlite3.connect(self.copy, isolation_level=None)) as copy:
            copy.execute("UPDATE record SET body = '{}' WHERE kind = 'room'")
        before = sorted(self.data.iterdir())
        result = self.restore()
        self.assertIn("the record of room 1 can't be read", result.output)
        self.assertEqual(result.exit_code, 1)
        self.assertEqual(
            {*self.data.iterdir()} - {*before}, {self.data / "relaychat.db.lock"}
        )

    def test_by_other_means(self) -> None:
        """What SQLite's own commands copy can be verified, and restored."""
        other = self.folder / "other"
        other.mkdir()
        with closing(sqlite3.connect(self.data / "relaychat.db")) as database:
            database.execute("VACUUM INTO ?", (str(other / "relaychat.db"),))
            with closing(sqlite3.connect(self.copy)) as copy:
                database.backup(copy)
        result = self.call("verify", "--data", other)
        self.assertIn("700 entries proved: all whole", result.output)
        self.writer.close()
        self.assertEqual(self.restore().exit_code, 0)

    def test_nothing_is_written_over(self) -> None:
        """A file that is there stays as it is."""
        self.copy.write_text("mine")
        result = self.back_up()
        self.assertEqual(result.exit_code, 4)
        self.assertIn("copy.db is there already", result.output)
        self.assertEqual(self.copy.read_text(), "mine")

    def test_an_unsound_log(self) -> None:
        """A log that was altered makes no copy, and the fault is named."""
        self.writer.execute("UPDATE log SET body = '{}' WHERE pos = 605")
        result = self.back_up()
        self.assertIn("#tea: 605: altered\n", result.output)
        self.assertEqual(result.exit_code, 1)
        self.assertEqual([path.name for path in self.folder.iterdir()], ["data"])

    def test_an_unsound_log_without_a_name(self) -> None:
        """Where the room's name was lost with it, its number is told."""
        self.writer.execute("UPDATE log SET body = '{}' WHERE pos = 605")
        for body in ("{}", "7", "no JSON"):
            self.writer.execute("UPDATE record SET body = ?", (body,))
            result = self.call("verify", "--data", self.data)
            self.assertIn("room 1: 605: altered\n", result.output)
            self.assertEqual(result.exit_code, 1)

    def test_nothing_to_copy(self) -> None:
        """A folder without a database is not made one."""
        result = self.call("backup", self.copy, "--data", self.folder)
        self.assertEqual(result.exit_code, 4)
        self.assertIn("there is no such file", result.output)
        self.assertFalse((self.folder / "relaychat.db").exists())

    def test_restore(self) -> None:
        """The copy takes the place of what is there, which is kept; its rooms have new
        epochs, and the copy is as it was."""
        self.back_up()
        before = self.copy.read_bytes()
        self.writer.execute("DELETE FROM log")
        self.writer.close()
        result = self.restore()
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("1 rooms, 700 entries proved: all whole", result.output)
        (room,) = self.rooms(self.data / "relaychat.db")
        self.assertEqual((room.name, len(room.epoch)), ("#tea", 16))
        self.assertEqual(self.rooms(self.copy)[0].epoch, "e")
        self.assertEqual(self.copy.read_bytes(), before)
        self.assertIn(
            "proved: all whole", self.call("verify", "--data", self.data).output
        )
        aside = self.data / "relaychat.db.before-restore"
        self.assertEqual(self.rooms(aside)[0].epoch, "e")
        again = self.restore()
        self.assertEqual(again.exit_code, 4)
        self.assertIn("is of an earlier restore", again.output)

    def test_restore_into_nothing(self) -> None:
        """A new machine has no data folder yet."""
        self.back_up()
        result = self.call("restore", self.copy, "--data", self.folder / "new")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual((self.folder / "new").stat().st_mode & 0o777, 0o700)
        with closing(open_writer(self.folder / "new" / "relaychat.db")) as writer:
            self.assertEqual(
                writer.execute("SELECT count(*) FROM log").fetchone(), (700,)
            )

    def test_restored_by_root(self) -> None:
        """What root restores belongs to the relay's user, as its folder does."""
        if os.geteuid() != 0:
            raise SkipTest("only root can give files to others")
        self.back_up()
        home = self.folder / "home"
        home.mkdir()
        os.chown(home, 1234, 1235)
        self.call("restore", self.copy, "--data", home)
        owners = {(one.stat().st_uid, one.stat().st_gid) for one in home.iterdir()}
        self.assertEqual(owners, {(1234, 1235)})

    def test_while_a_server_runs(self) -> None:
        """A server's database is not taken from under it."""
        self.back_up()
        lock = DataLock(self.data / "relaychat.db.lock")
        lock.take()
        self.addCleanup(lock.drop)
        result = self.restore()
        self.assertEqual(result.exit_code, 4)
        self.assertIn("is in use by another server", result.output)
        self.assertEqual(self.rooms(self.data / "relaychat.db")[0].epoch, "e")

    def test_an_unsound_copy(self) -> None:
        """A copy that was altered, or is none, is not restored."""
        self.back_up()
        with closing(sqlite3.connect(self.copy)) as copy:
            copy.execute("DELETE FROM log WHERE pos = 700")
            copy.commit()
        self.writer.close()
        result = self.restore()
        self.assertEqual(result.exit_code, 1)
        self.assertIn("#tea: 700: missing", result.output)
        self.copy.write_text("nothing of ours" * 1000)
        none = self.restore()
        self.assertEqual(none.exit_code, 4)
        self.assertIn(f"{self.copy}: file is not a database", none.output)
        self.assertEqual(self.rooms(self.data / "relaychat.db")[0].epoch, "e")
