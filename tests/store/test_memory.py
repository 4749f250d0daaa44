"""The troubles that the store in memory can be told to have."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.trial import unittest

from relaychat.store.api import Committed, Failed, InDoubt, Outcome
from relaychat.store.ledger import Ledger
from relaychat.store.memory import MemoryStore
from tests.store.stores import RoomLog

T = TypeVar("T")


def results(asked: Deferred[T]) -> list[T]:
    """What a Deferred has fired with so far, and will."""
    fired: list[T] = []
    asked.addCallback(fired.append)
    return fired


class MemoryTests(unittest.TestCase):
    """A store on a ledger, and what is kept on it."""

    def setUp(self) -> None:
        """An open store with one row."""
        self.ledger = Ledger()
        self.store = MemoryStore(self.ledger)
        self.store.open(())
        self.room = RoomLog(1)
        self.store.commit(self.room.batch(b"a"))

    def kept(self) -> list[bytes]:
        """Bodies of the room, on the ledger."""
        return [line.row.body for line in self.ledger.rooms[1]]

    def test_everything_fires_at_once(self) -> None:
        """Without being told otherwise it is as fast as a call."""
        outcome = self.store.commit(self.room.batch(b"b"))
        self.assertEqual(self.successResultOf(outcome), Committed(2))
        page = self.successResultOf(self.store.page(1, 0, 10, 10))
        self.assertEqual([one.body for one in page], [b"a", b"b"])
        self.assertEqual(len(self.store.committed), 2)

    def test_held_commits_wait(self) -> None:
        """A slow disk: nothing is committed before its release, in order, one by
        one."""
        self.store.hold()
        fired = [
            results(self.store.commit(self.room.batch(one))) for one in (b"b", b"c")
        ]
        page = self.successResultOf(self.store.page(1, 0, 10, 10))
        self.assertEqual([one.body for one in page], [b"a"])
        self.store.release(1)
        self.assertEqual(fired, [[Committed(2)], []])
        self.assertEqual(len(self.store.waiting), 1)
        self.store.release()
        self.assertEqual(fired, [[Committed(2)], [Committed(3)]])
        self.successResultOf(self.store.commit(self.room.batch(b"d")))

    def test_answers_may_commit(self) -> None:
        """What an answer makes its caller commit comes behind what waits already."""
        self.store.hold()
        later: list[list[Outcome]] = []
        batches = [self.room.batch(one) for one in (b"b", b"c", b"d")]
        first = self.store.commit(batches[0])
        first.addCallback(
            lambda _: later.append(results(self.store.commit(batches[2])))
        )
        self.store.commit(batches[1])
        self.store.release()
        self.assertEqual(later, [[Committed(4)]])
        self.assertEqual(self.kept(), [b"a", b"b", b"c", b"d"])

    def test_held_reads_wait(self) -> None:
        """They see what was committed meanwhile."""
        self.store.hold(reads=True)
        page = results(self.store.page(1, 0, 10, 10))
        self.store.commit(self.room.batch(b"b"))
        self.store.release(1)
        self.assertEqual(page, [])
        self.store.release()
        self.assertEqual([one.body for one in page[0]], [b"a", b"b"])

    def test_a_crash_keeps_what_was_committed(self) -> None:
        """Exactly that; nothing fires any more, and another server takes over."""
        self.store.hold(reads=True)
        batch = self.room.batch(b"b")
        commit = results(self.store.commit(batch))
        page = results(self.store.page(1, 0, 10, 10))
        self.store.crash()
        self.store.release()
        self.assertEqual((commit, page), ([], []))
        for asked in (self.store.commit(batch), self.store.high(1), self.store.close()):
            self.assertNoResult(asked)
        self.assertEqual(self.kept(), [b"a"])
        store = MemoryStore(self.ledger)
        self.assertEqual(store.open(()).heads[1].seq, 1)
        self.assertEqual(self.successResultOf(store.commit(batch)), Committed(2))

    def test_a_full_disk_heals(self) -> None:
        """Refused while it is full, taken afterwards."""
        batch = self.room.batch(b"b")
        self.store.full = True
        self.assertIsInstance(self.successResultOf(self.store.commit(batch)), Failed)
        self.assertEqual(self.kept(), [b"a"])
        self.store.full = False
        self.assertEqual(self.successResultOf(self.store.commit(batch)), Committed(2))

    def test_doubt(self) -> None:
        """In the log or not, as the test says; then there is nothing but doubt."""
        for kept, bodies in ((True, [b"a", b"b"]), (False, [b"a"])):
            self.setUp()
            self.store.doubt_next(kept=kept)
            for batch in (self.room.batch(b"b"), self.room.batch(b"c")):
                outcome = self.successResultOf(self.store.commit(batch))
                self.assertIsInstance(outcome, InDoubt)
            self.assertEqual(self.kept(), bodies)

    def test_closing_finishes_what_was_given(self) -> None:
        """Held commits are carried out by it."""
        self.store.hold()
        fired = results(self.store.commit(self.room.batch(b"b")))
        self.successResultOf(self.store.close())
        self.assertEqual(fired, [Committed(2)])
        self.successResultOf(self.store.close())
