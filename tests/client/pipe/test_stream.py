"""Streams of ``pipe``, and what of them survives."""

import sqlite3
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.pipe.stream import Proof, Stream, take_stream
from relaychat.client.state import Held, StateError


class StreamTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()

    def take(self, source: str = "stdin", room: str = "#ops") -> Stream:
        stream = take_stream(self.folder, room, source)
        self.addCleanup(stream.close)
        return stream

    def begun(self, source: str = "stdin", high: int = 0) -> Stream:
        stream = self.take(source)
        stream.begin("#ops", source, high, 4096)
        return stream

    def test_begins(self) -> None:
        """A new stream has a secret and rests; its first input begins behind what the
        log holds."""
        stream = self.begun(high=7)
        self.assertFalse(stream.resting)
        self.assertEqual((stream.base, stream.last), (7, 7))
        mode = (self.folder / "pipe-0.db").stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)

    def test_spool_survives(self) -> None:
        """What was spooled is there for the next run, with its cids, but for what the
        log holds."""
        stream = self.begun()
        stream.append(["a", "b"])
        stream.append(["c"])
        secret = stream.secret
        stream.drop(1)
        stream.close()
        again = self.take()
        self.assertEqual(again.secret, secret)
        self.assertEqual(again.spooled(0, 10), [(2, "b"), (3, "c")])
        self.assertEqual(again.spooled(2, 10), [(3, "c")])
        self.assertEqual(again.spooled_bytes, 2)

    def test_the_same_input_finds_its_stream(self) -> None:
        """A broken-off input finds its stream among others; another room's is
        another."""
        for number, source in enumerate(("file:1", "stdin", "file:2")):
            stream = self.begun(source)
            self.assertEqual(stream.path.name, f"pipe-{number}.db")
            stream.close()
        for source, name in (("file:2", "pipe-2.db"), ("file:1", "pipe-0.db")):
            stream = self.take(source)
            self.assertEqual(stream.path.name, name)
            stream.close()
        self.assertEqual(self.take("file:1", "#tea").path.name, "pipe-3.db")

    def test_a_resting_stream_serves_again(self) -> None:
        """A stream whose input was sent to its end serves the next, behind the last."""
        stream = self.begun("file:1")
        stream.append(["a", "b", "c"])
        stream.rest(3)
        stream.close()
        other = self.take("file:2")
        self.assertEqual(other.secret, stream.secret)
        self.assertTrue(other.resting)
        other.begin("#ops", "file:2", 2, 4096)
        self.assertEqual(other.base, 3)
        self.assertEqual(other.spooled(0, 9), [])

    def test_one_process_each(self) -> None:
        """A live stdin is another one in each process; any other input is sent by one
        process at a time."""
        one = self.begun()
        other = self.take()
        self.assertNotEqual(one.path, other.path)
        self.assertRaises(Held, Stream, one.path)
        self.begun("file:1")
        self.assertRaises(Held, self.take, "file:1")
        self.take("file:2")

    def test_proof(self) -> None:
        """The digest of a file's beginning is remembered."""
        proof = Proof()
        proof.add("a")
        copy = proof.copy()
        proof.add("b")
        stream = self.begun()
        stream.prove(proof)
        stream.close()
        again = self.take()
        self.assertEqual((again.proof_n, again.proof), (2, proof.digest))
        self.assertNotEqual(copy.digest, proof.digest)

    def test_not_a_database(self) -> None:
        """A file that is not a stream is an error that names it."""
        (self.folder / "pipe-0.db").write_text("something else entirely" * 100)
        error = self.assertRaises(StateError, take_stream, self.folder, "#ops", "stdin")
        self.assertIn("pipe-0.db", str(error))

    def test_full_disk(self) -> None:
        """What can't be spooled is an error, and not half there."""
        stream = self.begun()
        stream.append(["a"])
        stream._db.execute("PRAGMA max_page_count = 1")
        self.assertRaises(StateError, stream.append, ["x" * 100_000])
        stream._db.execute("PRAGMA max_page_count = 10000")
        self.assertEqual(stream.spooled(0, 9), [(1, "a")])
        self.assertIsInstance(stream._db, sqlite3.Connection)
