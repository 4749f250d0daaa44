"""The files of the SQLite store: who may read them, whose they are, how they grow
up."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

from relaychat.model.chain import body_digest
from relaychat.store import schema
from relaychat.store.api import Blank, StoreBroken, StoreLocked
from relaychat.store.lock import DataLock
from tests.store.stores import RoomLog, StoreCase


def mode(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def execute(path: Path, *statements: str) -> None:
    """Change a database behind the store's back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


class FileTests(StoreCase):
    """What lies on the disk."""

    def setUp(self) -> None:
        """A path in a folder that is not there yet."""
        super().setUp()
        self.path = self.folder() / "data" / "relaychat.db"

    def test_nobody_else_reads_it(self) -> None:
        """Folder and files are the owner's alone, whatever the umask says."""
        self.addCleanup(os.umask, os.umask(0))
        store = self.opened(self.sqlite(self.path))
        self.keep(store, RoomLog(1).batch(b"a"))
        self.assertEqual(mode(self.path.parent), 0o700)
        names = {one.name: mode(one) for one in self.path.parent.iterdir()}
        expected = [".db", ".db-shm", ".db-wal", ".db.lock"]
        self.assertEqual(names, {f"relaychat{end}": 0o600 for end in expected})

    def test_a_folder_that_is_there_stays_as_it_is(self) -> None:
        """It may be anybody's; only the files are ours."""
        self.path.parent.mkdir(mode=0o755)
        self.opened(self.sqlite(self.path))
        self.assertEqual(mode(self.path.parent), 0o755)
        self.assertEqual(mode(self.path), 0o600)

    def test_closing_leaves_one_file_and_the_lock(self) -> None:
        """The write-ahead log is carried over at the end."""
        store = self.opened(self.sqlite(self.path))
        self.keep(store, RoomLog(1).batch(b"a"))
        self.wait(store.close())
        left = sorted(one.name for one in self.path.parent.iterdir())
        self.assertEqual(left, ["relaychat.db", "relaychat.db.lock"])

    def test_the_settings_that_the_promise_needs(self) -> None:
        """Write-ahead log, full syncs, redacted text overwritten, no foreign
        checkpoints."""
        with closing(schema.open_writer(self.ready())) as connection:
            values = [
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in (
                    "journal_mode",
                    "synchronous",
                    "secure_delete",
                    "wal_autocheckpoint",
                )
            ]
        self.assertEqual(values, ["wal", 2, 1, 0])

    def test_the_reader_can_not_write(self) -> None:
        """Its connection refuses."""
        with (
            closing(schema.open_writer(self.ready())),
            closing(schema.open_reader(self.path)) as reading,
            self.assertRaises(sqlite3.OperationalError),
        ):
            reading.execute("DELETE FROM log")

    def test_redacted_text_leaves_the_files(self) -> None:
        """After a blanking and the checkpoint that follows, no file has the text."""
        store, room = self.opened(self.sqlite(self.path)), RoomLog(1)
        secrets = [b"SECRET" + bytes([65 + n]) * 6000 + b"TERCES" for n in range(5)]
        self.keep(store, room.batch(*secrets, b"b" * 3000))
        digests = [body_digest(secret) for secret in secrets]
        batch = room.batch(b"redacted")
        batch.blanks = [
            Blank(1, n + 1, b"-", digest) for n, digest in enumerate(digests)
        ]
        self.keep(store, batch)
        self.wait(store.close())
        left = b"".join(one.read_bytes() for one in self.path.parent.iterdir())
        self.assertNotIn(b"SECRET", left)
        self.assertNotIn(b"TERCES", left)
        self.assertNotIn(b"AAAAAAAA", left)
        self.assertIn(b"bbbbbbbb", left)

    def ready(self) -> Path:
        """The path, in a folder that is there."""
        self.path.parent.mkdir()
        return self.path


class LockTests(StoreCase):
    """One server per data folder."""

    def test_the_second_is_told_who_is_first(self) -> None:
        """The message names the folder and the process."""
        path = self.folder() / "relaychat.db"
        self.opened(self.sqlite(path))
        expected = f"{path.parent} is in use by another server .process {os.getpid()}."
        with self.assertRaisesRegex(StoreLocked, expected):
            self.sqlite(path).open(())

    def test_a_store_that_can_not_open_leaves_no_lock(self) -> None:
        """Nothing hinders the next try."""
        path = self.folder() / "relaychat.db"
        path.write_bytes(b"no database at all, and longer than a header" * 100)
        with self.assertRaises(StoreBroken):
            self.sqlite(path).open(())
        path.unlink()
        self.sqlite(path).open(())

    def test_no_file_to_open(self) -> None:
        """What SQLite can't even open is told like all that it can't use."""
        path = self.folder() / "relaychat.db"
        path.mkdir()
        with self.assertRaisesRegex(StoreBroken, "unable to open database file"):
            self.sqlite(path).open(())

    def test_only_to_be_read(self) -> None:
        """SQLite opens a file that it may not write to for reading, without a word. A
        store that can keep nothing is not opened."""
        path = self.folder() / "relaychat.db"
        store = self.opened(self.sqlite(path))
        self.wait(store.close())

        class ReadOnly(sqlite3.Connection):
            def __init__(self, place: Path, **options: Any) -> None:
                super().__init__(f"{place.as_uri()}?mode=ro", uri=True, **options)

        with self.assertRaisesRegex(StoreBroken, "readonly"):
            self.sqlite(path, factory=ReadOnly).open(())

    def test_no_folder_to_lock_in(self) -> None:
        """A path that can't be is an OSError with its name."""
        path = self.folder() / "file"
        path.touch()
        with self.assertRaisesRegex(OSError, "file"):
            DataLock(path / "lock").take()


class VersionTests(StoreCase):
    """Databases of others, of the past and of the future."""

    def setUp(self) -> None:
        """A database with something in it, closed."""
        super().setUp()
        self.path = self.folder() / "relaychat.db"
        store = self.opened(self.sqlite(self.path))
        self.room = RoomLog(1)
        self.keep(store, self.room.batch(b"a"))
        self.wait(store.close())

    def refused(self, why: str) -> None:
        """It is not opened, it says why, and not a byte of it is changed."""
        before = self.path.read_bytes()
        with self.assertRaisesRegex(StoreBroken, why):
            self.sqlite(self.path).open(())
        self.assertEqual(self.path.read_bytes(), before)

    def test_newer(self) -> None:
        """What a newer relaychat wrote is not touched."""
        execute(self.path, "PRAGMA user_version = 99")
        self.refused("newer relaychat .its version is 99, this program knows up to 1.")

    def test_of_another_program(self) -> None:
        """Somebody else's database is not touched either."""
        self.path.unlink()
        execute(self.path, "CREATE TABLE songs (title)", "PRAGMA user_version = 1")
        self.refused("another program")

    def test_damaged(self) -> None:
        """A file that is no database, or none any more."""
        self.path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
        self.refused("can't be used")

    def test_a_missing_counter(self) -> None:
        """A table that was emptied is damage, and said to be."""
        execute(self.path, "DELETE FROM meta")
        self.refused("can't be read: the counter last_device is not there")

    def test_a_missing_table(self) -> None:
        """Ours, and not whole."""
        execute(self.path, "DROP TABLE head")
        with self.assertRaisesRegex(StoreBroken, "no such table: head"):
            self.sqlite(self.path).open(())
        execute(self.path, "CREATE TABLE head (room, seq, at, chain, sealed)")
        self.opened(self.sqlite(self.path))

    def test_an_upgrade_keeps_a_copy(self) -> None:
        """The copy has what was there, under a name that says before which upgrade."""
        second = "-- Why; with a semicolon.\nCREATE TABLE more (x);\nDROP TABLE meta;\n"
        known = [*schema.upgrades(), (2, second)]
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            schema.upgrade(connection, self.path, known)
            tables = {
                row[0] for row in connection.execute("SELECT name FROM sqlite_schema")
            }
            self.assertIn("more", tables)
            self.assertNotIn("meta", tables)
        copy = self.path.with_name("relaychat.db.before-0002")
        self.assertEqual(mode(copy), 0o600)
        store = self.opened(self.sqlite(copy))
        self.assertEqual(self.bodies(store, 1), [b"a"])
        self.refused("newer relaychat .its version is 2")

    def test_an_upgrade_that_fails_changes_nothing(self) -> None:
        """It is one transaction."""
        broken = "CREATE TABLE more (x);\nDROP TABLE log;\nDROP TABLE nothing;\n"
        known = [*schema.upgrades(), (2, broken)]
        with (
            closing(sqlite3.connect(self.path, isolation_level=None)) as connection,
            self.assertRaisesRegex(sqlite3.OperationalError, "nothing"),
        ):
            schema.upgrade(connection, self.path, known)
        store = self.opened(self.sqlite(self.path))
        self.keep(store, self.room.batch(b"b"))
        self.assertEqual(self.bodies(store, 1), [b"a", b"b"])

    def test_numbers_rise_by_one(self) -> None:
        """The upgrades that are shipped are 1, 2, 3 and so on."""
        numbers = [number for number, _ in schema.upgrades()]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))
