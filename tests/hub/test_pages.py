"""Pages of a log (H11, H17, H19, H22)."""

from __future__ import annotations

from relaychat.hub.limits import Limits
from relaychat.model import commands as c
from relaychat.model.events import Gap, LogEvent, Page, Said, Withheld
from relaychat.model.policy import PolicyChange
from tests.hub.support import HubTestCase, RecordingPeer


class PageTestCase(HubTestCase):
    """A room with twenty messages, 3 to 22, a second apart."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", account=True, stays=True)
        self.bob = self.connect("bob")
        self.do(self.ann, c.Join("#a"))
        self.do(self.bob, c.Join("#a"))
        self.fill()
        self.bob.words()

    def fill(self) -> None:
        """Ann talks."""
        for n in range(20):
            self.world.advance(1)
            self.do(self.ann, c.Say("#a", f"text {n}"))

    def page(self, **asked: int) -> Page:
        """What ann is answered."""
        return self.page_for(self.ann, **asked)

    def page_for(self, peer: RecordingPeer, **asked: int) -> Page:
        """What somebody is answered."""
        peer.ask(c.History("#a", id="q", **asked))
        self.run_hub()
        (page,) = peer.words()
        assert isinstance(page, Page)
        self.assertEqual((page.id, page.room), ("q", "#a"))
        return page

    def seqs(self, **asked: int) -> tuple[list[int], bool]:
        """The seqs of a page, and whether there is more."""
        page = self.page(**asked)
        events = [one.seq for one in page.events if isinstance(one, LogEvent)]
        self.assertEqual(len(events), len(page.events))
        return events, page.more

    def at(self, seq: int) -> int:
        """The time of an entry."""
        return self.log("#a")[seq - 1].at


class MemoryTests(PageTestCase):
    """What memory holds is answered at once."""

    def test_latest(self) -> None:
        """Without bounds it is the latest that fits."""
        self.assertEqual(self.seqs(limit=3), ([20, 21, 22], True))
        self.assertEqual(self.seqs(), (list(range(1, 23)), False))

    def test_before(self) -> None:
        """Before a seq: the latest ahead of it."""
        self.assertEqual(self.seqs(before=10, limit=3), ([7, 8, 9], True))
        self.assertEqual(self.seqs(before=3, limit=3), ([1, 2], False))
        self.assertEqual(self.seqs(before=1), ([], False))

    def test_after(self) -> None:
        """After a seq: the earliest behind it."""
        self.assertEqual(self.seqs(after=10, limit=3), ([11, 12, 13], True))
        self.assertEqual(self.seqs(after=20, limit=3), ([21, 22], False))
        self.assertEqual(self.seqs(after=22), ([], False))

    def test_between(self) -> None:
        """Both bounds are exclusive, and the page starts at the lower one."""
        self.assertEqual(self.seqs(after=5, before=9), ([6, 7, 8], False))
        self.assertEqual(self.seqs(after=5, before=9, limit=2), ([6, 7], True))

    def test_around(self) -> None:
        """Around a seq: it is in the middle."""
        self.assertEqual(self.seqs(around=10, limit=5), ([8, 9, 10, 11, 12], False))
        self.assertEqual(self.seqs(around=1, limit=4)[0], [1, 2, 3, 4])
        self.assertEqual(self.seqs(around=22, limit=4)[0], [20, 21, 22])

    def test_since(self) -> None:
        """By time: since is inclusive, until is not."""
        self.assertEqual(self.seqs(since=self.at(20)), ([20, 21, 22], False))
        self.assertEqual(
            self.seqs(since=self.at(5), until=self.at(8)), ([5, 6, 7], False)
        )
        self.assertEqual(self.seqs(until=self.at(8), limit=2), ([6, 7], True))
        self.assertEqual(self.seqs(since=self.at(22) + 1), ([], False))

    def test_time_and_seq(self) -> None:
        """Bounds of both kinds hold together."""
        self.assertEqual(
            self.seqs(since=self.at(5), before=8, limit=9), ([5, 6, 7], False)
        )
        self.assertEqual(self.seqs(until=self.at(8), after=5, limit=9), ([6, 7], False))

    def test_sees_its_turn(self) -> None:
        """A page holds what was said before it in the same turn."""
        self.ann.ask(c.Say("#a", "new"), c.History("#a", limit=1))
        self.run_hub()
        page = self.ann.words()[-1]
        assert isinstance(page, Page)
        self.assertEqual([getattr(one, "seq", 0) for one in page.events], [23])

    def test_members_only(self) -> None:
        """Who is no member reads nothing (H11)."""
        cat = self.connect("cat")
        self.assertEqual(self.do(cat, c.History("#a")), ["error not_in_room"])
        self.assertEqual(self.do(cat, c.History("#b")), ["error no_such_room"])


class LogTests(MemoryTests):
    """The same from the store, when memory holds nothing."""

    limits = Limits(tail_entries=1)

    def test_asker_gone(self) -> None:
        """A page for somebody who is gone is told to nobody."""
        self.store.hold(reads=True)
        self.ann.ask(c.History("#a"))
        self.run_hub()
        self.hub.lost(self.ann, "lost", "cut")
        self.run_hub()
        self.store.release()
        self.run_hub()
        self.assertEqual(self.ann.heard(), [])

    def test_while_facts_wait(self) -> None:
        """A page is told though the store keeps nothing, and facts wait for it."""
        self.store.full = True
        self.lose(self.bob)
        self.assertEqual(self.seqs(limit=3), ([20, 21, 22], True))
        self.assertIn("the store keeps nothing", self.reported()[0])

    def test_after_a_restart(self) -> None:
        """A log is read as it was left."""
        self.restart()
        ann = self.connect("ann", account=True)
        page = self.page_for(ann, after=20)
        self.assertEqual([getattr(one, "seq", 0) for one in page.events], [21, 22, 23])


class SizeTests(PageTestCase):
    """A page has so many bytes (H22)."""

    limits = Limits(page_bytes=400)

    def test_newest(self) -> None:
        """What does not fit is left out at the far end."""
        events, more = self.seqs()
        self.assertEqual((events[-1], more), (22, True))
        self.assertLess(len(events), 10)

    def test_oldest(self) -> None:
        """The same in the other direction, and a page is never empty for size."""
        events, more = self.seqs(after=10)
        self.assertEqual((events[0], more), (11, True))
        self.do(self.ann, c.Say("#a", "x" * 1000))
        self.assertEqual(self.seqs(), ([23], True))


class WithheldTests(PageTestCase):
    """What one may not read (H11, H17)."""

    def setUp(self) -> None:
        super().setUp()
        self.do(self.ann, c.SetPolicy("#a", PolicyChange(history="since_join")))
        self.cat = self.connect("cat")
        self.do(self.cat, c.Join("#a"))

    def test_before_one_joined(self) -> None:
        """Entries before one's own join are withheld, as one."""
        page = self.page_for(self.cat, after=20)
        self.assertEqual(page.events[0], Withheld("#a", 21, 23))
        self.assertEqual([getattr(one, "seq", 0) for one in page.events[1:]], [24])

    def test_former_stays(self) -> None:
        """An account reads all its stays, up to the kick that ended one."""
        zoe = self.connect("zoe", account=True)
        self.do(zoe, c.Join("#a"))
        self.do(self.ann, c.Kick("#a", "zoe"), c.Say("#a", "hidden"))
        zoe.words()
        self.do(zoe, c.Join("#a"))
        page = self.page_for(zoe, after=23)
        shown = [getattr(one, "seq", one) for one in page.events]
        self.assertEqual(
            shown, [Withheld("#a", 24, 24), 25, 26, Withheld("#a", 27, 27), 28]
        )

    def test_a_key_closes_the_history(self) -> None:
        """Closed rooms show nobody what was before them, whatever their rule says."""
        self.do(self.ann, c.SetPolicy("#a", PolicyChange(history="all")))
        self.cat.words()
        self.assertEqual(len(self.page_for(self.cat).events), 25)
        self.do(self.ann, c.SetPolicy("#a", PolicyChange(key="k")))
        self.cat.words()
        self.assertIsInstance(self.page_for(self.cat).events[0], Withheld)

    def test_nothing_to_edit(self) -> None:
        """What is withheld can't be acted on."""
        self.assertEqual(
            self.do(self.cat, c.React("#a", 5, "+1")), ["error no_such_message"]
        )


class RingTests(PageTestCase):
    """A room without a log (H19)."""

    limits = Limits(tail_entries=5)

    def fill(self) -> None:
        """Ann talks, in a room that forgets."""
        self.do(self.ann, c.SetPolicy("#a", PolicyChange(history="none")))
        for n in range(20):
            self.world.advance(1)
            self.do(self.ann, c.Say("#a", f"text {n}"))
        # The ring holds 19 to 23.

    def shown(self, **asked: int) -> list[object]:
        """Seqs, and gaps as first and last."""
        return [
            (one.first, one.last) if isinstance(one, Gap) else getattr(one, "seq", one)
            for one in self.page(**asked).events
        ]

    def at(self, seq: int) -> int:
        """The time of an entry that is still there."""
        held = self.room("#a").tail.get(seq)
        assert held is not None
        return held.event.at

    def test_all(self) -> None:
        """What it forgot is a gap in front."""
        self.assertEqual(self.shown(), [(1, 18), 19, 20, 21, 22, 23])
        self.assertFalse(self.page().more)

    def test_inside(self) -> None:
        """What it still holds comes without one."""
        self.assertEqual(self.shown(limit=2), [22, 23])
        self.assertEqual(self.shown(after=18), [19, 20, 21, 22, 23])
        self.assertEqual(self.shown(after=23), [])

    def test_outside(self) -> None:
        """All forgotten is all gap, no larger than what was asked."""
        self.assertEqual(self.shown(before=10), [(1, 9)])
        self.assertEqual(self.shown(after=3, before=10), [(4, 9)])

    def test_edge(self) -> None:
        """A gap touches what follows it."""
        self.assertEqual(self.shown(after=10, limit=2), [(11, 18), 19, 20])
        self.assertEqual(self.shown(before=21, limit=4), [(17, 18), 19, 20])

    def test_by_time(self) -> None:
        """Times that the ring covers need no gap."""
        self.assertEqual(self.shown(since=self.at(21)), [21, 22, 23])
        self.assertEqual(self.shown(since=self.at(20), until=self.at(22)), [20, 21])
        self.assertEqual(self.shown(since=self.at(19) - 1)[0], (1, 18))
        self.assertEqual(self.shown(until=self.at(19)), [(1, 18)])


class SmallRingTests(RingTests):
    """The same with small pages."""

    limits = Limits(tail_entries=5, page_bytes=300)

    def test_cut_by_size(self) -> None:
        """A page cut for its size has no gap where there is none."""
        self.assertEqual(self.shown(), [22, 23])
        self.assertTrue(self.page().more)

    test_all = test_inside = test_by_time = test_cut_by_size


class LeavingTests(PageTestCase):
    """Whoever leaves while their page is read."""

    def test_kicked_meanwhile(self) -> None:
        """A page ends where the log ended when it was asked for: nothing of it was said
        behind the reader's back."""
        self.ann.ask(c.Say("#a", "to all"))
        self.bob.ask(c.History("#a"))
        self.ann.ask(c.Kick("#a", "bob"), c.Say("#a", "secret"))
        self.run_hub()
        (page,) = [one for one in self.bob.words() if isinstance(one, Page)]
        texts = [one.text for one in page.events if isinstance(one, Said)]
        self.assertEqual(texts[-1], "to all")
