"""The latest entries, in memory, bounded (H19)."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from relaychat.hub.limits import Limits
from relaychat.hub.tail import OVERHEAD_BYTES, Kept, Tail, Tails


def kept(seq: int, size: int = 10) -> Kept:
    """An entry with a body of this size."""
    return Kept(seq, seq, 0, b"x" * size, None)


def seqs(entries: list[Kept]) -> list[int]:
    """Their seqs."""
    return [one.seq for one in entries]


class TailTests(TestCase):
    """One room's tail."""

    def setUp(self) -> None:
        self.tail = Tail()
        Tails(Limits()).extend(self.tail, [kept(seq) for seq in range(5, 10)])

    def test_after(self) -> None:
        """What comes after a seq, from anywhere."""
        self.assertEqual(seqs(self.tail.after(7)), [8, 9])
        self.assertEqual(seqs(self.tail.after(0)), [5, 6, 7, 8, 9])
        self.assertEqual(self.tail.after(9), [])

    def test_get(self) -> None:
        """One entry, if it is there."""
        found = self.tail.get(6)
        assert found is not None
        self.assertEqual(found.seq, 6)
        self.assertIsNone(self.tail.get(4))
        self.assertIsNone(self.tail.get(10))
        self.assertIsNone(Tail().get(1))

    def test_covers(self) -> None:
        """Whether nothing is missing between a seq and the room's last."""
        self.assertTrue(self.tail.covers(4, 9))
        self.assertFalse(self.tail.covers(3, 9))
        self.assertTrue(Tail().covers(9, 9))
        self.assertFalse(Tail().covers(8, 9))


class StretchTests(TestCase):
    """Entries that were said in one go are kept together, and told one by one."""

    def setUp(self) -> None:
        self.tail, size = Tail(), OVERHEAD_BYTES + 1
        self.limits = Limits(tail_entries=6, tail_bytes=5 * size)
        self.tails = Tails(self.limits)
        one = Kept(11, 1, 7, b"a", 3, more=(b"b", b"c", b"d"))
        self.tails.extend(self.tail, [one, Kept(15, 5, 7, b"e", 3)])

    def test_one_by_one(self) -> None:
        """Each has its own place, seq and body, and the rest of its stretch."""
        self.assertEqual(
            [(one.pos, one.seq, one.at, one.body) for one in self.tail.entries],
            [(10 + n, n, 7, bytes([96 + n])) for n in range(1, 6)],
        )
        self.assertEqual({one.origin for one in self.tail.entries}, {3})

    def test_from_the_middle(self) -> None:
        """A reader may stand anywhere in it."""
        for seq in range(6):
            self.assertEqual(seqs(self.tail.after(seq)), list(range(seq + 1, 6)))
            self.assertEqual(seqs(self.tail.after(seq, 2)), list(range(seq + 1, 6))[:2])
            self.assertEqual(self.tail.get(seq) is not None, seq > 0)

    def test_shortened(self) -> None:
        """Of the oldest one as many entries go as have to."""
        for seq in range(6, 12):
            self.tails.extend(self.tail, [Kept(10 + seq, seq, 8, b"x", 3)])
            self.assertEqual(seqs(self.tail.entries), list(range(seq - 4, seq + 1)))
            self.assertEqual(self.tails.size, 5 * (OVERHEAD_BYTES + 1))
            self.assertEqual(self.tail.count, 5)
        self.tails.extend(self.tail, [Kept(22, 12, 9, b"y", 3, more=(b"z",) * 9)])
        self.assertEqual(seqs(self.tail.entries), [17, 18, 19, 20, 21])

    def test_replaced(self) -> None:
        """A redaction changes its entry alone, and nothing that was read before."""
        before = self.tail.entries
        for seq in (1, 3, 5):
            self.tails.replace(self.tail, Kept(0, seq, 7, b"---", None))
        bodies = [one.body for one in self.tail.entries]
        self.assertEqual(bodies, [b"---", b"b", b"---", b"d", b"---"])
        self.assertEqual([one.body for one in before], [b"a", b"b", b"c", b"d", b"e"])
        self.assertEqual(self.tails.size, 5 * (OVERHEAD_BYTES + 1) + 6)


class TailsTests(TestCase):
    """All of them."""

    def setUp(self) -> None:
        size = OVERHEAD_BYTES + 10
        limits = Limits(tail_entries=4, tail_bytes=3 * size, tails_bytes=6 * size)
        self.tails, self.size = Tails(limits), size
        self.quiet, self.busy, self.third = Tail(), Tail(), Tail()

    def test_bytes_of_one(self) -> None:
        """A tail holds so many bytes, and always the last entry."""
        self.tails.extend(self.quiet, [kept(seq) for seq in range(1, 6)])
        self.assertEqual(seqs(self.quiet.after(0)), [3, 4, 5])
        self.tails.extend(self.quiet, [kept(6, 10_000)])
        self.assertEqual(seqs(self.quiet.after(0)), [6])

    def test_entries_of_one(self) -> None:
        """A tail holds so many entries."""
        tails = Tails(Limits(tail_entries=2))
        tails.extend(self.quiet, [kept(seq) for seq in range(1, 6)])
        self.assertEqual(seqs(self.quiet.after(0)), [4, 5])

    def test_bytes_of_all(self) -> None:
        """For more than so many bytes, rooms that were quiet longest forget."""
        for tail in (self.quiet, self.busy, self.third):
            self.tails.extend(tail, [kept(1), kept(2)])
        self.assertEqual(self.tails.size, 6 * self.size)
        self.tails.extend(self.busy, [kept(3)])
        self.assertEqual(self.quiet.after(0), [])
        self.assertEqual(seqs(self.busy.after(0)), [1, 2, 3])
        self.assertEqual(self.tails.size, 5 * self.size)

    def test_forget(self) -> None:
        """A tail that is forgotten counts no more, also one that never counted."""
        self.tails.extend(self.quiet, [kept(1)])
        self.tails.forget(self.quiet)
        self.tails.forget(self.busy)
        self.assertEqual((self.tails.size, self.quiet.first()), (0, 0))

    def test_replace(self) -> None:
        """A redacted entry takes the place of the old one, and weighs less."""
        self.tails.extend(self.quiet, [kept(1), kept(2)])
        self.tails.replace(self.quiet, kept(1, 4))
        self.tails.replace(self.quiet, kept(7, 4))
        self.assertEqual([one.body for one in self.quiet.entries], [b"xxxx", b"x" * 10])
        self.assertEqual(self.tails.size, 2 * self.size - 6)
        self.tails.extend(self.quiet, [kept(3)])
        self.tails.forget(self.quiet)
        self.assertEqual(self.tails.size, 0)
