"""A room's chain proves its log, and names what is wrong with it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.trial import unittest

from relaychat.model.chain import START, body_digest, link_all, mark
from relaychat.store.api import Batch, Blank, Head, Row
from relaychat.store.ledger import Ledger, Line
from relaychat.store.memory import MemoryStore
from relaychat.store.verify import PAGE_ENTRIES, Verdict, verify
from tests.store.stores import RoomLog

ENTRIES = PAGE_ENTRIES + 50


class VerifyTests(unittest.TestCase):
    """On a log of more than a page."""

    def setUp(self) -> None:
        """A whole log."""
        self.ledger = Ledger()
        self.store = MemoryStore(self.ledger)
        self.store.open(())
        self.room = RoomLog(1)
        self.store.commit(self.room.batch(*[b"%d" % n for n in range(ENTRIES)]))
        self.head = self.ledger.heads[1]

    def verdict(self, head: Head | None = None, last: bool = True) -> Verdict:
        """What verify finds."""
        found = verify(self.store, head or self.head, last=last)
        return self.successResultOf(ensureDeferred(found))

    def line(self, seq: int) -> Line:
        """An entry, to be tampered with."""
        return self.ledger.rooms[1][seq - 1]

    def change(self, seq: int, **fields: Any) -> None:
        """Alter an entry."""
        line = self.line(seq)
        line.row = line.row._replace(**fields)

    def test_whole(self) -> None:
        """A log that nobody touched is proved to its end."""
        self.assertEqual(self.verdict(), Verdict(1, ENTRIES))
        self.assertTrue(self.verdict().whole)

    def test_empty(self) -> None:
        """A room in which nothing was said yet."""
        self.assertTrue(self.verdict(RoomLog(2).head(0)).whole)

    def test_altered(self) -> None:
        """A body, a time or a link changed."""
        for change in ({"body": b"x"}, {"at": 5}, {"chain": bytes(16)}):
            self.setUp()
            self.change(7, **change)
            self.assertEqual(self.verdict(), Verdict(1, 6, 7, "altered"))

    def test_an_altered_entry_with_its_link_made_to_fit(self) -> None:
        """Then the next one does not."""
        forged = RoomLog(1)
        for n in range(6):
            forged.row(b"%d" % n)
        self.ledger.rooms[1][6].row = forged.row(b"forged")
        self.assertEqual(self.verdict(), Verdict(1, 7, 8, "altered"))

    def test_missing(self) -> None:
        """In the middle, or at the end."""
        del self.ledger.rooms[1][509]
        self.assertEqual(self.verdict(), Verdict(1, 509, 510, "missing"))
        self.setUp()
        del self.ledger.rooms[1][-1]
        found = self.verdict()
        self.assertEqual(found, Verdict(1, ENTRIES - 1, ENTRIES, "missing"))
        self.assertFalse(found.whole)

    def test_swapped(self) -> None:
        """Two entries changed places."""
        one, two = self.line(20), self.line(21)
        one.row, two.row = two.row._replace(seq=20), one.row._replace(seq=21)
        self.assertEqual(self.verdict(), Verdict(1, 19, 20, "altered"))

    def test_all_made_anew(self) -> None:
        """A log that is whole in itself and is not the one that the head speaks of."""
        forged = RoomLog(1)
        for line in self.ledger.rooms[1]:
            line.row = forged.row(b"forged")
        self.assertEqual(self.verdict(), Verdict(1, ENTRIES, ENTRIES, "head"))

    def test_beyond(self) -> None:
        """The log goes on where its head says that it ends."""
        self.store.commit(self.room.batch(b"more"))
        self.assertEqual(self.verdict(), Verdict(1, ENTRIES, ENTRIES + 1, "beyond"))

    def test_a_head_of_the_past(self) -> None:
        """What a client remembers proves the log up to there, while it goes on."""
        self.store.commit(self.room.batch(b"more", b"and more"))
        self.assertTrue(self.verdict(last=False).whole)
        early = RoomLog(1)
        early.row(b"0")
        self.assertEqual(self.verdict(early.head(0), last=False), Verdict(1, 1))
        early.row(b"not what was said")
        self.assertEqual(
            self.verdict(early.head(0), last=False), Verdict(1, 2, 2, "head")
        )

    def test_blanked(self) -> None:
        """A redaction keeps the chain; a redacted entry can't be moved either."""
        for seq in (3, 4):
            body = b"%d" % (seq - 1)
            self.store.commit(Batch(blanks=[Blank(1, seq, b"", body_digest(body))]))
        self.assertTrue(self.verdict().whole)
        self.line(3).digest = self.line(4).digest
        self.assertEqual(self.verdict(), Verdict(1, 2, 3, "altered"))

    def test_blanked_without_its_digest(self) -> None:
        """Blanking outside of the store is altering."""
        self.change(3, body=b"")
        self.assertEqual(self.verdict(), Verdict(1, 2, 3, "altered"))

    def test_stretches(self) -> None:
        """Entries that were said in one go are proved together: what is altered in one
        of them is found in its stretch."""
        rows = [Row(2, n + 1, 5, b"%d" % n, b"", None) for n in range(10)]
        chain = START
        for first, last in ((0, 4), (4, 5), (5, 10)):
            part = [mark(row.seq, 5, body_digest(row.body)) for row in rows[first:last]]
            chain = link_all(chain, part)
            rows[last - 1] = rows[last - 1]._replace(chain=chain)
        self.store.commit(Batch(rows, [Head(2, 0, 10, 5, chain)]))
        head = self.ledger.heads[2]
        self.assertEqual(self.verdict(head), Verdict(2, 10))
        for change in ({"body": b"x"}, {"at": 6}, {"chain": bytes(16)}, {"chain": b""}):
            line = self.ledger.rooms[2][9]
            was, line.row = line.row, line.row._replace(**change)
            self.assertFalse(self.verdict(head).whole)
            line.row = was
        self.ledger.rooms[2][7].row = rows[7]._replace(body=b"x")
        self.assertEqual(self.verdict(head), Verdict(2, 5, 6, "altered"))
