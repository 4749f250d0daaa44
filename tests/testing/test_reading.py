"""One connection, read strictly."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from relaychat.model.commands import Cursor
from relaychat.model.events import Gap, Joined, Resumed, RoomShown, Said, Withheld
from relaychat.model.words import Word
from relaychat.testing.reading import Reading


def said(seq: int, room: str = "#a") -> Said:
    """An entry."""
    return Said(room, seq, 0, "bob", "x")


SHOWN = RoomShown("#a", "e", 5)


class ReadingTests(TestCase):
    """What is right, and what is not."""

    def read(self, *words: Word, resume: dict[str, Cursor] | None = None) -> list[str]:
        """What is wrong with a connection that was told this."""
        reading = Reading(resume)
        reading.read(list(words))
        return reading.wrong

    def test_in_order(self) -> None:
        """After a room is shown, what follows comes one by one."""
        self.assertEqual(self.read(SHOWN, said(6), said(7)), [])
        self.assertTrue(self.read(SHOWN, said(7)))
        self.assertTrue(self.read(SHOWN, said(6), said(6)))
        self.assertTrue(self.read(said(1)))

    def test_own_join(self) -> None:
        """In front of one's own join anything may lack, if the room is shown next."""
        joined = Joined("#a", 5, 0, "ann")
        self.assertEqual(self.read(joined, SHOWN, said(6)), [])
        self.assertTrue(self.read(joined, said(6)))

    def test_resume(self) -> None:
        """A resume at hello goes on from its cursor."""
        resume = {"#a": Cursor("e", 3)}
        told: list[Word] = [SHOWN, said(4), said(5), Resumed(("#a",)), said(6)]
        self.assertEqual(self.read(*told, resume=resume), [])
        self.assertTrue(self.read(SHOWN, said(5), resume=resume))

    def test_gaps(self) -> None:
        """What is not shown has to be told of, in its place."""
        gap = Gap("#a", 6, 9, "retention", "e")
        self.assertEqual(self.read(SHOWN, gap, said(10)), [])
        self.assertEqual(self.read(SHOWN, Withheld("#a", 6, 7), said(8)), [])
        self.assertTrue(self.read(SHOWN, Withheld("#a", 7, 8)))
        reset = Gap("#a", 9, 2, "reset", "f")
        self.assertEqual(self.read(SHOWN, reset, said(3)), [])

    def test_again(self) -> None:
        """A resume that is asked for on the way starts the room over, once."""
        reading = Reading(None)
        reading.read([SHOWN, said(6)])
        reading.asked({"#a": Cursor("e", 3)})
        reading.asked({"#a": Cursor("e", 3)})
        reading.read([said(7), said(4), said(5), Resumed(("#a",))])
        reading.read([said(4), said(5), said(6), Resumed(("#a",)), said(7)])
        self.assertEqual(reading.wrong, [])
        reading.read([said(4)])
        self.assertTrue(reading.wrong)
