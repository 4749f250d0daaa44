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
