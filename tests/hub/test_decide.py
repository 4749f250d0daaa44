"""Decisions one after the other, and those that have to wait (H2, H3)."""

from __future__ import annotations

from relaychat.hub.decide import COMMANDS, FACTS, Decide
from relaychat.hub.facts import Retry
from relaychat.hub.peer import Peer
from relaychat.hub.state import Room
from relaychat.hub.turn import Turn
from relaychat.model import commands as c
from relaychat.model import errors
from relaychat.model.events import Done, Fault
from relaychat.testing.snapshot import snapshot
from tests.hub.support import HubTestCase, failed


class DecideTests(HubTestCase):
    """With a decision of our own in the place of pong's."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann")
        self.decided = 0

    def pong(self, decide: Decide) -> None:
        """From now on this is how a pong is decided."""
        self.addCleanup(COMMANDS.__setitem__, c.Pong, COMMANDS[c.Pong])
        COMMANDS[c.Pong] = decide

    def test_need_after_a_change(self) -> None:
        """What has changed something and then needs a read has changed nothing."""

        def decide(turn: Turn, peer: Peer, command: c.Pong) -> None:
            self.decided += 1
            turn.set(turn.state, "last_room", turn.state.last_room + 1)
            turn.need("one", lambda store: store.record("account", "x"))
            turn.need("two", lambda store: store.record("account", "x"))
            turn.answer(peer, command, Done(seq=turn.state.last_room))

        self.pong(decide)
        self.assertEqual(self.do(self.ann, c.Ping("x"), c.Pong()), ["pong x", "ok 1"])
        self.assertEqual(self.decided, 3)

    def test_bug_after_a_change(self) -> None:
        """What has changed something and then fails has changed nothing."""

        def decide(turn: Turn, peer: Peer, command: c.Pong) -> None:
            turn.put(turn.state.rooms, "#x", Room(1, "#x", "", "kept"))
            raise ZeroDivisionError

        before = snapshot(self.hub.state)
        self.pong(decide)
        self.assertEqual(
            self.do(self.ann, c.Pong(), c.Ping()), ["error internal", "pong "]
        )
        self.assertEqual(snapshot(self.hub.state), before)
        self.assertEqual(self.reported(), ["deciding Pong failed"])

    def test_read_behind_a_fact_that_waits(self) -> None:
        """A fact that waits is not lost when a command behind it needs a read."""

        def decide(turn: Turn, peer: Peer, command: c.Pong) -> None:
            if turn.refusing:
                turn.need("one", lambda store: store.record("account", "x"))
            turn.answer(peer, command, Done())

        self.do(self.ann, c.Join("#a"))
        bob = self.connect("bob")
        self.do(bob, c.Join("#a"))
        self.pong(decide)
        self.store.script = [failed]
        self.hub.lost(bob, "lost", "gone")
        self.ann.ask(c.Pong())
        self.run_hub(2)
        self.assertEqual(self.members("#a"), ["ann"])
        self.assertEqual(self.ann.heard()[-1], "ok")
        self.reported()

    def test_refused_after_a_change(self) -> None:
        """A refusal takes back what its command had changed, and what comes behind is
        decided without it."""

        def decide(turn: Turn, peer: Peer, command: c.Pong) -> None:
            turn.set(peer, "nick", "x")
            raise errors.TooMany(about="x")

        self.pong(decide)
        self.ann.ask(c.Pong(id=3))
        self.run_hub()
        (fault,) = self.ann.words()
        assert isinstance(fault, Fault)
        self.assertEqual(
            (fault.code, fault.about, fault.command, fault.id),
            ("too_many", "x", "pong", 3),
        )
        self.assertEqual(self.ann.nick, "")

    def test_every_fact(self) -> None:
        """Every command and fact that there is has its decision."""
        kinds = set(COMMANDS) | {c.Call, c.Hello, c.ListCalls, c.Reload}
        missing = [
            one
            for one in vars(c).values()
            if isinstance(one, type)
            and issubclass(one, c.Command)
            and one not in kinds | {c.Command, c.Query}
        ]
        self.assertEqual(missing, [])
        self.assertIn(Retry, FACTS)
