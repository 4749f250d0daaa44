"""Who is told what, in which order (H6, H14, H21)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from relaychat.hub import delivery
from relaychat.hub import hub as hub_module
from relaychat.hub.peer import Form
from relaychat.model import commands as c
from relaychat.model.words import Word
from tests.hub.support import PLAIN, TERSE, HubTestCase, RecordingPeer, Terse


class Counting(Form):
    """A form that counts what it renders."""

    def __init__(self) -> None:
        self.count = 0

    def render(self, event: Word) -> bytes:
        """As PLAIN does."""
        self.count += 1
        return PLAIN.render(event)


class DeliveryTests(HubTestCase):
    """One rendering per form, one write per reader."""

    def test_rendered_once(self) -> None:
        """However many read, each event is rendered once for each form."""
        form = Counting()
        peers = [self.connect(f"p{n}", form) for n in range(5)]
        ann = self.connect("ann")
        for peer in (*peers, ann):
            self.do(peer, c.Join("#a"))
        form.count = 0
        for peer in peers:
            peer.words()
        ann.ask(*[c.Say("#a", str(n)) for n in range(3)])
        peers[0].ask(c.Ping("x"))
        self.run_hub()
        self.assertEqual(form.count, 3)
        self.assertEqual([peer.writes for peer in peers], [1] * 5)
        self.assertEqual(peers[0].heard()[-1], "pong x")

    def test_not_rendered_for_nobody(self) -> None:
        """A form that nobody uses any more costs nothing."""
        form = Counting()
        bob, ann = self.connect("bob", form), self.connect("ann")
        self.do(bob, c.Join("#a"))
        self.do(ann, c.Join("#a"))
        self.do(bob, c.Part("#a"))
        form.count = 0
        self.do(ann, c.Say("#a", "x"))
        self.assertEqual(form.count, 0)

    def test_nothing_to_show(self) -> None:
        """What a form shows nothing of makes no write."""
        cat, ann = self.connect("cat", TERSE), self.connect("ann")
        self.do(cat, c.Join("#a"))
        self.do(ann, c.Join("#a"), c.SetAway("x"))
        cat.words()
        self.do(ann, c.Rename("anna"))
        self.assertEqual(cat.writes, 1)

    def test_nothing_to_answer(self) -> None:
        """An answer of which a session shows nothing makes no write."""

        class Silent(RecordingPeer):
            def outcome(self, command: c.Command, result: Word) -> bytes:
                return b""

        peer = Silent(self.hub, PLAIN)
        self.hub.opened(peer)
        self.do(peer, self.hello("ann"), c.Ping("x"))
        self.assertEqual((peer.writes, peer.left), (0, 2))

    def test_rooms_apart(self) -> None:
        """Who is answered hears rooms and answers in the turn's order."""
        ann, bob = self.connect("ann"), self.connect("bob")
        for room in ("#a", "#b"):
            self.do(ann, c.Join(room))
            self.do(bob, c.Join(room))
        ann.words()
        for n in range(3):
            bob.ask(c.Say("#a", str(n)))
            ann.ask(c.Say("#b", str(n)))
        self.run_hub()
        self.assertEqual(
            ann.heard(),
            [
                line
                for n in range(3)
                for line in (
                    f"said #a {n + 3} bob {n}",
                    f"said #b {n + 3} ann {n}",
                    f"ok #b {n + 3}",
                )
            ],
        )


class BreakTests(HubTestCase):
    """What takes long has breaks (H7), whatever it is; here after every three pieces
    of work."""

    def setUp(self) -> None:
        """Count the breaks."""
        super().setUp()
        self.breaks = 0
        deliver = delivery.deliver

        def counted(*arguments: Any) -> Iterator[None]:
            for step in deliver(*arguments):
                self.breaks += 1
                yield step

        self.patch(delivery, "BURST", 3)
        self.patch(hub_module, "deliver", counted)

    def crowd(self, *forms: Form) -> list[RecordingPeer]:
        """A room with a member for each of these forms."""
        people = [self.connect(f"p{n}", form) for n, form in enumerate(forms)]
        for one in people:
            self.do(one, c.Join("#a"))
        self.breaks = 0
        return people

    def test_many_readers(self) -> None:
        """One form, and many that read it."""
        people = self.crowd(*[TERSE] * 9)
        self.do(people[0], c.Say("#a", "x"))
        self.assertEqual(self.breaks, 3)

    def test_many_forms(self) -> None:
        """Rendering for many forms, of one reader each."""
        people = self.crowd(*[Terse() for _ in range(9)])
        self.do(people[0], c.Say("#a", "x"))
        self.assertEqual(self.breaks, 4)

    def test_many_rooms(self) -> None:
        """Many small rooms together."""
        people = self.crowd(TERSE, TERSE)
        rooms = [f"#{n}" for n in range(4)]
        for one in people:
            self.do(one, *map(c.Join, rooms))
        self.breaks = 0
        self.do(people[0], *[c.Say(room, "x") for room in rooms])
        self.assertEqual(self.breaks, 4)

    def test_many_neighbours(self) -> None:
        """Somebody whom many know."""
        people = self.crowd(*[TERSE] * 9)
        self.lose(people[0], "quit")
        self.assertGreaterEqual(self.breaks, 2)

    def test_many_come(self) -> None:
        """A crowd that comes at once: each hears of those behind it, and what one is
        told is put in order when it is their turn."""
        crowd = [self.connect(f"p{n}") for n in range(6)]
        self.breaks = 0
        for one in crowd:
            one.ask(c.Join("#a"))
        self.run_hub()
        heard = [one.heard() for one in crowd]
        for n, lines in enumerate(heard):
            joined = [f"joined #a {seq} p{seq - 1}" for seq in range(n + 1, 7)]
            joined.insert(1, f"room #a {n + 1}")
            joined[0] += "" if n else " owner"
            self.assertEqual(lines, joined)
        self.assertGreaterEqual(self.breaks, 5)
