"""Where the messages of ``pipe`` come from, and that reading starts and stops."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from relaychat.client.cli.run import Trouble
from relaychat.client.cli.stdin import CHUNK_BYTES, Input
from relaychat.client.pipe import source as source_module
from relaychat.client.pipe.sent import Sent
from relaychat.client.pipe.source import PROOF_EVERY, QUEUE, Counted, Feed, Spooled
from relaychat.client.pipe.stream import Stream
from relaychat.client.state import StateError


class Turns(Clock):
    """A reactor that watches descriptors, though no files, as epoll does."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        if os.path.isfile(f"/proc/self/fd/{reader.fileno()}"):
            raise PermissionError
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.remove(reader)

    def turn(self) -> None:
        """Everybody who is watched may read once."""
        for reader in list(self.readers):
            reader.doRead()
        self.advance(0)

    @property
    def idle(self) -> bool:
        return not self.readers and not self.getDelayedCalls()


class InputTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.turns = Turns()
        self.heard: list[bytes] = []
        self.ends = 0

    def ended(self) -> None:
        self.ends += 1

    def open(self, fd: int) -> Input:
        return Input(self.turns, fd, self.heard.append, self.ended)

    def pipe(self) -> tuple[Input, int]:
        out, into = os.pipe()
        self.addCleanup(os.close, out)
        return self.open(out), into

    def file(self, data: bytes) -> Input:
        path = Path(self.mktemp())
        path.write_bytes(data)
        fd = os.open(path, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        return self.open(fd)

    def test_pipe(self) -> None:
        """A pipe is watched, read as it comes, and told to have ended once."""
        reader, into = self.pipe()
        self.assertTrue(self.turns.idle)
        reader.go()
        reader.go()
        os.write(into, b"one")
        self.turns.turn()
        os.close(into)
        self.turns.turn()
        reader.go()
        reader.connectionLost(Failure(ConnectionLost()))
        self.assertEqual((self.heard, self.ends), ([b"one"], 1))
        self.assertTrue(self.turns.idle and reader.at_end)

    def test_pause(self) -> None:
        """Paused, nothing is read."""
        reader, into = self.pipe()
        self.addCleanup(os.close, into)
        reader.go()
        reader.pause()
        reader.pause()
        self.assertTrue(self.turns.idle)
        self.assertEqual(self.heard, [])

    def test_hang_up(self) -> None:
        """A reactor that finds the other end closed is an end."""
        reader, into = self.pipe()
        self.addCleanup(os.close, into)
        reader.go()
        reader.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(self.ends, 1)
        self.assertEqual(reader.logPrefix(), "input")

    def test_file(self) -> None:
        """A file, which can't be watched, is read between turns to its end."""
        reader = self.file(b"x" * (CHUNK_BYTES + 1))
        reader.go()
        self.turns.advance(0)
        reader.pause()
        self.assertTrue(self.turns.idle)
        reader.go()
        for _ in range(3):
            self.turns.advance(0)
        self.assertEqual([len(data) for data in self.heard], [CHUNK_BYTES, 1])
        self.assertEqual(self.ends, 1)
        self.assertTrue(self.turns.idle)

    def test_pause_while_reading(self) -> None:
        """Paused and started by what was read, it reads once a turn all the same."""
        reader = self.file(b"x" * (3 * CHUNK_BYTES))
        waiting: list[int] = []

        def received(data: bytes) -> None:
            self.heard.append(data)
            reader.pause()
            reader.go()
            waiting.append(len(self.turns.getDelayedCalls()))

        reader._received = received
        reader.go()
        self.turns.advance(0)
        self.assertEqual(waiting, [1, 1, 1])

    def test_gone_terminal(self) -> None:
        """An error of reading is an end."""
        reader = self.open(os.open(self.mktemp(), os.O_CREAT | os.O_WRONLY))
        self.addCleanup(os.close, reader.fileno())
        reader.go()
        self.turns.advance(0)
        self.assertEqual(self.ends, 1)


class SourceCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.turns = Turns()
        self.failures: list[Exception] = []
        self.more = 0

    def stream(self) -> Stream:
        stream = Stream(Path(self.mktemp()))
        self.addCleanup(stream.close)
        return stream

    def feed(self, fd: int, stream: Stream, high: int) -> Feed:
        return Feed(self.turns, fd, stream, high, self.count_more, self.failures.append)

    def count_more(self) -> None:
        self.more += 1


class CountedTests(SourceCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = Path(self.mktemp())

    def source(
        self,
        text: str,
        high: int,
        stream: Stream | None = None,
        sent: Sent | None = None,
    ) -> Counted:
        if stream is None:
            stream = self.stream()
            stream.begin("#ops", "file:1", 0, 4096)
        self.file.write_text(text)
        fd = os.open(self.file, os.O_RDONLY)
        self.addCleanup(os.close, fd)
        source = Counted(self.feed(fd, stream, high), sent)
        source.start()
        return source

    def run_out(self, source: Counted) -> list[tuple[int, str]]:
        """Take all that comes."""
        taken: list[tuple[int, str]] = []
        for _ in range(1000):
            self.turns.advance(0)
            taken += source.take(100)
        return taken

    def test_numbers(self) -> None:
        """Message n has the cid base + n."""
        stream = self.stream()
        stream.begin("#ops", "file:1", 10, 4096)
        source = self.source("a\nb\nc", 10, stream)
        self.assertEqual(self.run_out(source), [(11, "a"), (12, "b"), (13, "c")])
        self.assertTrue(source.done)
        self.assertGreater(self.more, 0)

    def test_skips_what_the_log_holds(self) -> None:
        """What the log holds is not given again."""
        self.assertEqual(self.run_out(self.source("a\nb\nc\n", 2)), [(3, "c")])
        self.assertEqual(self.failures, [])

    def again(self, before: str, now: str) -> list[tuple[int, str]]:
        """What a second run sends of a file that was ``before`` when the first one had
        sent it."""
        first = self.source(before, 0)
        sent = len(self.run_out(first))
        stream = self.stream()
        stream.begin("#ops", "file:1", sent, 4096, first.proof_of_lines)
        was = Sent("e", 4096, first.proof_of_lines, first.proof)
        return self.run_out(self.source(now, sent, stream, was))

    def test_sent_before(self) -> None:
        """Of a file that was sent to its end only what was added is given."""
        for before, now, given in (
            ("a\nb\n", "a\nb\n", []),
            ("a\nb\n", "a\nb\nc\nd", [(3, "c"), (4, "d")]),
            ("", "a\n", [(1, "a")]),
        ):
            self.assertEqual(self.again(before, now), given)
        self.assertEqual(self.failures, [])

    def test_sent_before_without_end(self) -> None:
        """A last line without an end is not given again as long as it is as it was."""
        for now, given in (
            ("a\nb", []),
            ("a\nb\nc\n", [(4, "c")]),
            ("a\nbb\nc\n", [(3, "bb"), (4, "c")]),
            ("a\n", []),
        ):
            self.assertEqual(self.again("a\nb", now), given)

    def test_another_file_than_before(self) -> None:
        """A file that was sent to its end and begins otherwise now is another one."""
        notes: list[str] = []
        self.patch(source_module, "note", notes.append)
        for before, now, given in (
            ("a\nb\n", "a\nc\nd\n", [(3, "a"), (4, "c"), (5, "d")]),
            ("a\nb\n", "a\n", [(3, "a")]),
            ("a\nb", "", []),
        ):
            self.assertEqual(self.again(before, now), given)
        self.assertEqual(self.failures, [])
        self.assertEqual(len(notes), 3)

    def test_bounded(self) -> None:
        """A long file is read only as far ahead as the queue holds."""
        text = "".join(f"{number}{'x' * 100}\n" for number in range(20 * QUEUE))
        source = self.source(text, 0)
        for _ in range(100):
            self.turns.advance(0)
        self.assertTrue(self.turns.idle)
        self.assertLess(len(source._queue), 2 * QUEUE)
        self.assertEqual(len(self.run_out(source)), 20 * QUEUE)
        self.assertTrue(source.done)

    def test_shorter_file(self) -> None:
        """A file that holds less than the log has of it is not the same."""
        source = self.source("a\n", 2)
        self.assertEqual(self.run_out(source), [])
        self.assertIn("only 1", str(self.failures[0]))
        self.assertIsInstance(self.failures[0], Trouble)

    def test_changed_file(self) -> None:
        """A file whose beginning has changed is refused, and nothing of it is sent."""
        stream = self.stream()
        stream.begin("#ops", "file:1", 0, 4096)
        lines = [f"{number}\n" for number in range(PROOF_EVERY + 5)]
        source = self.source("".join(lines), 0, stream)
        self.run_out(source)
        source.kept(PROOF_EVERY - 1)
        self.assertEqual(stream.proof_n, 0)
        source.kept(PROOF_EVERY + 2)
        self.assertEqual(stream.proof_n, PROOF_EVERY)
        again = self.source("".join(lines), PROOF_EVERY + 2, stream)
        self.assertEqual(len(self.run_out(again)), 3)
        self.assertEqual(self.failures, [])
        lines[3] = "other\n"
        changed = self.source("".join(lines), PROOF_EVERY + 2, stream)
        self.assertEqual(self.run_out(changed), [])
        self.assertIn("are not those", str(self.failures[0]))
        changed.stop()


class SpooledTests(SourceCase):
    def source(self, stream: Stream, high: int, limit: int = 10**9) -> Spooled:
        out, self.into = os.pipe()
        self.addCleanup(os.close, out)
        source = Spooled(self.feed(out, stream, high), limit)
        source.start()
        return source

    def begun(self) -> Stream:
        stream = self.stream()
        stream.begin("#ops", "stdin", 0, 4096)
        return stream

    def write(self, data: bytes) -> None:
        os.write(self.into, data)
        self.turns.turn()

    def close(self) -> None:
        os.close(self.into)
        self.turns.turn()

    def test_spools_then_gives(self) -> None:
        """What comes is in the spool before it is given."""
        stream = self.begun()
        source = self.source(stream, 0)
        self.write(b"a\nb\npart")
        self.assertEqual(stream.spooled(0, 9), [(1, "a"), (2, "b")])
        self.assertEqual(source.take(1), [(1, "a")])
        self.assertEqual(source.take(0), [])
        self.assertEqual(source.take(9), [(2, "b")])
        self.close()
        self.assertFalse(source.done)
        self.assertEqual(source.take(9), [(3, "part")])
        self.assertTrue(source.done)

    def test_the_rest_goes_first(self) -> None:
        """What an earlier run left goes before what comes now, but for what the log
        holds of it."""
        stream = self.begun()
        stream.append(["a", "b", "c"])
        source = self.source(stream, 2)
        self.write(b"d\n")
        self.assertEqual(source.take(9), [(3, "c"), (4, "d")])
        self.close()
        self.assertTrue(source.done)

    def test_dropped_when_kept(self) -> None:
        """What the log holds leaves the spool."""
        stream = self.begun()
        source = self.source(stream, 0)
        self.write(b"a\nb\n")
        source.take(9)
        source.kept(1)
        self.assertEqual(len(stream.spooled(0, 9)), 2)
        source.kept(2)
        self.assertEqual(stream.spooled(0, 9), [])
        self.assertEqual(stream.spooled_bytes, 0)
        self.close()

    def test_bounded(self) -> None:
        """A spool that holds its limit is not added to, until some of it has gone."""
        stream = self.begun()
        source = self.source(stream, 0, limit=4)
        self.write(b"aaaa\n")
        self.assertTrue(self.turns.idle)
        source.take(9)
        source.kept(1)
        self.assertFalse(self.turns.idle)
        self.close()
        source.stop()

    def test_full_disk(self) -> None:
        """What can't be spooled ends it, and is not sent."""
        stream = self.begun()
        source = self.source(stream, 0)
        stream._db.execute("PRAGMA max_page_count = 1")
        self.write(b"x" * 60_000 + b"\n")
        self.assertIsInstance(self.failures[0], StateError)
        self.assertTrue(self.turns.idle)
        self.assertEqual(source.take(9), [])
        os.close(self.into)
