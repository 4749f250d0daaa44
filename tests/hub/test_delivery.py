"""Who is told what, in which order (H6, H14, H21)."""

from __future__ import annotations

import random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from relaychat.hub.peer import Form
from relaychat.model import commands as c
from relaychat.model.events import LogEvent, RoomShown, Typing
from relaychat.model.words import Word
from tests.hub.chatter import ACCOUNTS, ROOMS, Chatter
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


class SameStreamTests(HubTestCase):
    """Batching changes nothing that anybody could see: what a session is told equals
    what it would be told if each command had a turn of its own."""

    def fresh(self) -> None:
        """A new world, in which all accounts are known."""
        HubTestCase.setUp(self)
        for name in ACCOUNTS:
            self.account(name)

    def alone(self, seed: int) -> None:
        """A random conversation, each command in a turn of its own."""
        self.chatter = Chatter(self, random.Random(seed))
        self.chatter.rooms = ROOMS[:3]
        self.chatter.resumes = False
        for _ in range(100):
            self.chatter.step()
            self.run_hub()

    def together(self, batch: int) -> dict[RecordingPeer, RecordingPeer]:
        """The same with so many in a turn, by a peer's double."""
        doubles: dict[RecordingPeer, RecordingPeer] = {}
        for count, (one, command) in enumerate(self.chatter.asked, 1):
            if one not in doubles:
                doubles[one] = self.peer(one.form)
            if command is None:
                self.hub.lost(doubles[one], "lost", "gone")
            else:
                doubles[one].ask(command)
            if count % batch == 0:
                self.run_hub()
        self.run_hub()
        return doubles

    @given(st.integers(0, 10**9), st.integers(2, 60))
    @settings(max_examples=30, deadline=None, derandomize=True, database=None)
    def test_same(self, seed: int, batch: int) -> None:
        """Answers, user events, and each room by itself come in the same order."""
        self.fresh()
        self.alone(seed)
        self.fresh()
        for one, other in self.together(batch).items():
            self.assertEqual(strands(other.words()), strands(one.words()))


def strands(words: list[Word]) -> dict[str, list[str]]:
    """What must keep its order, each for itself. The order of members is nobody's
    business: taking a turn back may change it."""
    found: dict[str, list[str]] = {}
    for word in words:
        room = word.room if isinstance(word, LogEvent | Typing) else ""
        plain = msgspec.to_builtins(word)
        for field in ("epoch", "occurrence"):
            plain.pop(field, None)
        if isinstance(word, RoomShown):
            plain["members"] = sorted(map(str, plain.get("members", ())))
        found.setdefault(room, []).append(str(plain))
    return found
