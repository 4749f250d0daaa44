"""``relaychat verify`` proves a data folder, and names what is wrong with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from click.testing import CliRunner, Result
from twisted.trial.unittest import TestCase

from relaychat.app.command import main
from relaychat.hub.records import RoomRecord
from relaychat.store.api import Batch, Record
from relaychat.store.schema import open_writer
from relaychat.store.transaction import Transactions
from tests.store.stores import RoomLog


class VerifyCommandTests(TestCase):
    """Two rooms, the second one sealed."""

    def setUp(self) -> None:
        """A database of a server that is not there."""
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = Path(folder.name)
        encode = msgspec.json.encode
        with closing(open_writer(self.data / "relaychat.db")) as writer:
            transactions = Transactions(writer, 0, 0)
            tea, old = RoomLog(1), RoomLog(2)
            bodies = [b'{"n":%d}' % number for number in range(700)]
            records = (Record("room", "1", encode(RoomRecord("#tea", "e", "kept", 1))),)
            transactions.commit(tea.batch(*bodies, records=records))
            transactions.commit(old.batch(b"{}", records=()))
            transactions.commit(Batch(records=[Record("sealed", "2", b'"#old"')]))

    def verify(self) -> Result:
        """What the command says."""
        return CliRunner().invoke(main, ["verify", "--data", str(self.data)])

    def change(self, sql: str) -> None:
        """Tamper."""
        with closing(sqlite3.connect(self.data / "relaychat.db")) as database:
            database.execute(sql)
            database.commit()

    def test_whole(self) -> None:
        """All is proved, of a log that needs more than a page."""
        result = self.verify()
        self.assertEqual(result.output, "2 rooms, 701 entries proved: all whole\n")
        self.assertEqual(result.exit_code, 0)

    def test_altered(self) -> None:
        """The room and the first broken entry are named."""
        self.change("UPDATE log SET body = '{}' WHERE pos = 605")
        self.change("UPDATE log SET at = 1 WHERE room = 2")
        result = self.verify()
        self.assertIn("#tea: 605: altered\n", result.output)
        self.assertIn("#old: 1: altered\n", result.output)
        self.assertIn("604 entries proved: 2 faults", result.output)
        self.assertEqual(result.exit_code, 1)

    def test_loose(self) -> None:
        """Entries of a room that is in no list."""
        self.change("DELETE FROM head WHERE room = 2")
        result = self.verify()
        self.assertIn("1 entries more than the rooms' heads speak of", result.output)
        self.assertEqual(result.exit_code, 1)

    def test_damaged(self) -> None:
        """A file that SQLite finds damaged, or can't read at all."""
        path = self.data / "relaychat.db"
        content = bytearray(path.read_bytes())
        content[3 * 4096 : 4 * 4096] = bytes(4096)
        path.write_bytes(content)
        self.assertIn(self.verify().exit_code, (1, 4))
        path.write_bytes(b"nothing of ours" * 1000)
        result = self.verify()
        self.assertEqual(result.exit_code, 4)
        self.assertIn("relaychat.db: file is not a database", result.output)

    def test_nothing_there(self) -> None:
        """A folder without a database is not made one."""
        (self.data / "relaychat.db").unlink()
        result = self.verify()
        self.assertEqual(result.exit_code, 4)
        self.assertIn("there is no such file", result.output)
        self.assertFalse((self.data / "relaychat.db").exists())

    def test_listed(self) -> None:
        """Help lists the client's commands, and those of the server's parts."""
        output = CliRunner().invoke(main, ["--help"]).output
        for name in ("chaos", "tail", "verify"):
            self.assertRegex(output, rf"\n  {name} +\w")
