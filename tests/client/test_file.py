"""What a client keeps in its state folder."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.file import SETTLED_MOST, ClientFile, Reading, client_file
from relaychat.client.outbox import Outbox
from relaychat.client.state import Held, StateError
from relaychat.model.commands import Cursor, React, Say
from relaychat.model.events import Done, Fault


class FileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def open(self, name: str = "main") -> ClientFile:
        file = client_file(self.folder, name)
        self.addCleanup(file.close)
        return file

    def test_device(self) -> None:
        """A client is one device for ever; no other user may read its file, and no
        other process may be it meanwhile."""
        file = self.open()
        secret, mode = file.secret, file.path.stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.assertRaises(Held, self.open)
        self.assertNotEqual(self.open("other").secret, secret)
        file.close()
        self.assertEqual(self.open().secret, secret)

    def test_no_database(self) -> None:
        """What can't be used is told by name, is not held, and is not kept open."""
        path = self.folder / "client-main.db"
        path.write_bytes(b"x" * 4096)
        opened = len(os.listdir("/proc/self/fd"))
        for _ in range(2):
            self.assertIn(str(path), str(self.assertRaises(StateError, self.open)))
        db = sqlite3.connect(path := self.folder / "client-other.db")
        db.execute("CREATE TABLE device (other)")
        db.close()
        for _ in range(2):
            with self.assertRaises(StateError) as caught:
                self.open("other")
            self.assertIn(str(path), str(caught.exception))
            self.assertEqual(len(os.listdir("/proc/self/fd")), opened)

    def test_outbox(self) -> None:
        """What was not answered is there again in its order, under the same cids, and
        new cids are higher."""
        outbox = Outbox(spool=self.open())
        first, second = outbox.put(Say("#a", "x"), React("#a", 1, "+1"))
        (third,) = outbox.put(Say("#a", "z"))
        outbox.take()
        outbox.kept(1, Done(seq=4))
        outbox.refused(3, Fault("unavailable", "later", retry=True))
        file = self.open_again(outbox)
        self.assertEqual(file.unsent(), [second, third])
        again = Outbox(spool=file)
        self.assertEqual([one.cid for one in again.put(Say("#a", "new"))], [4])
        self.assertEqual([one.cid for one in again.take()], [2, 3, 4])
        self.assertEqual(first.cid, 1)

    def open_again(self, outbox: Outbox) -> ClientFile:
        file = outbox._spool
        assert isinstance(file, ClientFile)
        file.close()
        return self.open()

    def test_high_outlives_its_sends(self) -> None:
        """A cid is never given twice, also when all before it are answered."""
        outbox = Outbox(spool=self.open())
        outbox.put(Say("#a", "x"))
        outbox.take()
        outbox.kept(1, Done())
        again = Outbox(spool=self.open_again(outbox))
        self.assertEqual(len(again), 0)
        self.assertEqual(again.put(Say("#a", "y"))[0].cid, 2)

    def test_answers_are_written_by_the_dozen(self) -> None:
        """Answers cost no write of their own; a crash before one leaves sends that are
        resent."""
        file = self.open()
        outbox = Outbox(spool=file)
        sends = outbox.put(*[Say("#a", "x")] * SETTLED_MOST)
        outbox.take()
        for send in sends[:-1]:
            outbox.kept(send.cid or 0, Done())
        self.assertEqual(len(file.unsent()), SETTLED_MOST)
        outbox.kept(sends[-1].cid or 0, Done())
        self.assertEqual(file.unsent(), [])

    def test_refused_is_gone(self) -> None:
        """What was refused is gone at once: resent after a crash it could be taken."""
        file = self.open()
        outbox = Outbox(spool=file)
        outbox.put(Say("#a", "x"))
        outbox.take()
        outbox.refused(1, Fault("not_in_room", "no"))
        self.assertEqual(file.unsent(), [])

    def test_all_or_none(self) -> None:
        """If it can't be written it is not sent."""
        file = self.open()
        outbox = Outbox(spool=file)
        other = sqlite3.connect(file.path, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("CREATE TRIGGER full BEFORE INSERT ON unsent BEGIN"
                      " SELECT RAISE(ABORT, 'disk full'); END")  # fmt: skip
        self.assertRaises(StateError, outbox.put, Say("#a", "x"), Say("#a", "y"))
        self.assertEqual((len(outbox), outbox.high, file.unsent()), (0, 0, []))
        other.execute("DROP TRIGGER full")
        self.assertEqual(outbox.put(Say("#a", "x"))[0].cid, 1)

    def test_labels(self) -> None:
        """The answer to a labelled send can be looked up, until it is forgotten."""
        file = self.open()
        outbox = Outbox(spool=file)
        (send,) = outbox.put(Say("#a", "x", id="me:7"))
        outbox.take()
        self.assertIsNone(file.answered("me:7"))
        outbox.kept(1, Done(seq=4))
        self.assertEqual(file.answered("me:7"), (send, Done(seq=4)))
        self.assertEqual(file.labels("me:"), ["me:7"])
        self.assertEqual(file.labels("you:"), [])
        file.forget(["me:7"])
        self.assertIsNone(file.answered("me:7"))

    def test_reading(self) -> None:
        """It remembers how far rooms were read, and forgets those it left."""
        file = self.open()
        rooms = {"#a": Reading(Cursor("e", 3)), "#b": Reading(Cursor("f", 1), 5)}
        file.read(rooms)
        self.assertEqual(file.reading(), rooms)
        file.read({"#a": Reading(Cursor("e", 4))}, ["#b"])
        self.assertEqual(file.reading(), {"#a": Reading(Cursor("e", 4))})

    def test_damaged(self) -> None:
        """What is no such file is an error with its name."""
        (self.folder / "client-main.db").write_bytes(b"nonsense" * 500)
        with self.assertRaises(StateError) as caught:
            self.open()
        self.assertIn("client-main.db", str(caught.exception))
