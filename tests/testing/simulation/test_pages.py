"""What is wrong with pages of history."""

from __future__ import annotations

from typing import Any

from relaychat.model.commands import History
from relaychat.model.events import AnyLogEvent, Joined, Page, Withheld
from relaychat.store.api import Batch
from relaychat.testing.roomlog import decode
from relaychat.testing.simulation.disk import Disk
from relaychat.testing.simulation.pages import Paged, wrong_pages
from tests.testing.written import EPOCH, ROOM, CheckerTestCase

Shown = AnyLogEvent | Withheld


class PageTests(CheckerTestCase):
    """``wrong_pages``, on a log of six entries that Ann may read."""

    def setUp(self) -> None:
        super().setUp()
        self.disk = Disk("1")
        for batch in self.written.batches:
            self.disk.note(batch, 10)
        self.disk.note(Batch(), 10)

    def wrong(self, *seqs: int, asked_us: int = 20, **bounds: Any) -> list[str]:
        """The breaches in a page that holds these entries."""
        bodies = [self.written.bodies[seq - 1] for seq in seqs]
        return self.wrong_with(*map(decode, bodies), asked_us=asked_us, **bounds)

    def wrong_with(self, *events: Any, asked_us: int = 20, **bounds: Any) -> list[str]:
        """The same, of these events."""
        paged = Paged(asked_us, History(ROOM, **bounds), Page(ROOM, EPOCH, events))
        found = wrong_pages(self.ann, [paged], self.truth, self.disk, 2)
        return [invariant for invariant, _ in found]

    def test_right(self) -> None:
        """Pages as they should be."""
        self.assertEqual(self.wrong(5, 6, limit=2), [])
        self.assertEqual(self.wrong(3, 4, limit=2, after=2), [])
        self.assertEqual(self.wrong(3, 4, limit=2, before=5), [])
        self.assertEqual(self.wrong(3, 4, 5, limit=3, around=4), [])
        self.assertEqual(self.wrong(before=1), [])
        self.assertEqual(self.wrong(after=6), [])
        self.assertEqual(self.wrong(asked_us=9), [])

    def test_misplaced(self) -> None:
        """I5: holes, doubles, and what does not lie where it was asked for."""
        for seqs, bounds in (
            ((3, 5, 6), {}),
            ((5, 5, 6), {}),
            ((4, 5), {}),
            ((), {}),
            ((3, 4), {"before": 4}),
            ((2, 3), {"before": 5}),
            ((4, 5), {"after": 2}),
            ((), {"after": 2}),
        ):
            self.assertIn("I5", self.wrong(*seqs, **bounds), (seqs, bounds))

    def test_altered(self) -> None:
        """I2: another text than the log's."""
        said = decode(self.written.bodies[5].replace(b"two", b"TWO"))
        self.assertEqual(self.wrong_with(said), ["I2"])

    def test_redacted(self) -> None:
        """I8: a text that was blanked before the page was asked for."""
        was = decode(self.written.bodies[5])
        self.written.blank(6)
        self.reload()
        self.disk.note(self.written.batches[-1], 30)
        self.assertEqual(self.wrong_with(was, asked_us=30), [])
        self.assertEqual(self.wrong_with(was, asked_us=31), ["I8"])

    def test_forbidden(self) -> None:
        """I8: what is none of theirs. I5: what is, and is withheld."""
        self.ann = self.journal("cat")
        self.assertEqual(self.wrong(6), ["I8"])
        self.assertEqual(self.wrong_with(Withheld(ROOM, 1, 6)), [])
        self.written.append(Joined(ROOM, 0, 0, "cat", "cat"))
        self.reload()
        self.assertEqual(self.wrong_with(Withheld(ROOM, 1, 6)), [])
        self.assertEqual(self.wrong_with(Withheld(ROOM, 1, 7)), ["I5"])

    def test_no_room(self) -> None:
        """I2: a page of a room that there is not."""
        self.disk.numbers.clear()
        self.assertEqual(self.wrong(6), ["I2"])
