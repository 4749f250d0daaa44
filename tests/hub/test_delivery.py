"""Who is told what, in which order (H6, H14, H21)."""

from __future__ import annotations

from relaychat.hub.peer import Form
from relaychat.model import commands as c
from relaychat.model.words import Word
from tests.hub.support import PLAIN, TERSE, HubTestCase, RecordingPeer


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
