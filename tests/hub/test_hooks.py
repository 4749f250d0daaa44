"""Code of the house's own, asked before and told after (H26)."""

from __future__ import annotations

from relaychat.hub.hooks import Before, Verdict
from relaychat.hub.state import Room, User
from relaychat.model import commands as c
from relaychat.model.errors import Denied
from relaychat.model.events import Fault, Joined, LogEvent, Said, TopicSet
from relaychat.model.policy import PolicyChange
from relaychat.model.words import Word
from relaychat.testing.snapshot import snapshot
from tests.hub.support import HubTestCase, brief, failed


class BeforeTests(HubTestCase):
    """Hooks that are asked."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann")
        self.do(self.ann, c.Join("#a"))
        self.asked: list[str] = []

    def hook(self, name: str, verdict: Verdict) -> Before:
        """A hook that says this, and notes what it was asked."""

        def ask(user: User, room: Room, event: Word) -> Verdict:
            self.asked.append(f"{name}: {user.nick} in {room.name}: {brief(event)}")
            return verdict

        return ask

    def test_first_answer_decides(self) -> None:
        """PASS asks the next one, ALLOW and DENY don't."""
        hooks = self.hub.house.hooks.before_say
        hooks.append(self.hook("1", Verdict.PASS))
        hooks.append(self.hook("2", Verdict.ALLOW))
        hooks.append(self.hook("3", Verdict.DENY))
        self.assertEqual(self.do(self.ann, c.Say("#a", "x"))[-1], "ok #a 2")
        self.assertEqual(
            self.asked,
            ["1: ann in #a: said #a 2 ann x", "2: ann in #a: said #a 2 ann x"],
        )

    def test_deny(self) -> None:
        """A command that is denied has never been."""
        for hooks in (self.hooks.before_say, self.hooks.before_change):
            hooks.append(lambda *_: Verdict.DENY)
        before = snapshot(self.hub.state)
        asked = [
            c.Say("#a", "x"),
            c.SetTopic("#a", "x"),
            c.SetRole("#a", "ann", "member"),
            c.SetPolicy("#a", PolicyChange(limit=4)),
            c.Ban("#a", "x"),
            c.Kick("#a", "ann"),
        ]
        self.assertEqual(self.do(self.ann, *asked), ["error denied"] * len(asked))
        self.assertEqual(snapshot(self.hub.state), before)

    def test_join_denied(self) -> None:
        """A room that was about to be made is not, when its maker is kept out."""

        def not_b(user: User, room: Room, event: Word) -> Verdict:
            assert isinstance(event, Joined)
            return Verdict.DENY if room.name == "#b" else Verdict.PASS

        self.hooks.before_join.append(not_b)
        heard = self.do(self.ann, c.Join("#b"), c.Join("#c"))
        self.assertEqual(heard, ["error denied", "joined #c 1 ann owner", "room #c 1"])
        self.assertNotIn("#b", self.hub.state.rooms)

    def test_saying_why(self) -> None:
        """A hook may have words of its own for a no; that is no failure."""

        def strict(user: User, room: Room, event: Word) -> Verdict:
            raise Denied("not on Sundays")

        self.hooks.before_say.append(strict)
        self.ann.ask(c.Say("#a", "x"))
        self.run_hub()
        (fault,) = self.ann.words()
        assert isinstance(fault, Fault)
        self.assertEqual((fault.code, fault.text), ("denied", "not on Sundays"))

    def test_failing(self) -> None:
        """A hook that fails is a no, and a line in the log."""

        def failing(user: User, room: Room, event: Word) -> Verdict:
            raise ZeroDivisionError

        self.hooks.before_say.append(failing)
        self.assertEqual(self.do(self.ann, c.Say("#a", "x")), ["error denied"])
        (report,) = self.reported()
        self.assertIn("failing", report)


class AfterTests(HubTestCase):
    """Hooks that are told."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann")
        self.do(self.ann, c.Join("#a"))
        self.told: list[list[LogEvent]] = []
        self.hooks.after_events.append(self.told.append)

    def test_told_after_the_commit(self) -> None:
        """They are told once a turn is durable, all its events at once."""
        self.store.hold()
        self.ann.ask(c.Say("#a", "x"), c.SetTopic("#a", "y"))
        self.run_hub()
        self.assertEqual(self.told, [])
        self.store.release()
        ((said, topic),) = self.told
        self.assertIsInstance(said, Said)
        self.assertIsInstance(topic, TopicSet)

    def test_not_told_of_what_failed(self) -> None:
        """What was taken back is told to nobody."""
        self.store.script = [failed]
        self.do(self.ann, c.Say("#a", "x"))
        self.assertEqual([event for events in self.told for event in events], [])
        self.reported()

    def test_failing(self) -> None:
        """A hook that fails keeps no other from being told."""

        def failing(events: list[LogEvent]) -> None:
            raise ZeroDivisionError

        self.hooks.after_events.insert(0, failing)
        self.assertEqual(self.do(self.ann, c.Say("#a", "x"))[-1], "ok #a 2")
        self.assertEqual([len(events) for events in self.told], [1])
        self.assertEqual(len(self.reported()), 1)
