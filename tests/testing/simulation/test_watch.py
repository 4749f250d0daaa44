"""What must hold inside a hub: breaches are seen."""

from __future__ import annotations

from relaychat.hub.hub import Hub
from relaychat.hub.turn import Turn
from relaychat.model import commands as c
from relaychat.testing.simulation.watch import audit, difference, watched
from tests.hub.support import HubTestCase, failed


class WatchTests(HubTestCase):
    """Ann in a room, and a hub that is watched."""

    def setUp(self) -> None:
        super().setUp()
        self.found: list[str] = []
        self.taken_back: list[str] = []
        drafts = watched(
            lambda: True, self.found.append, lambda: self.taken_back.append("")
        )
        self.patch(Hub, "drafts", drafts)
        self.ann = self.connect("ann", account=True)
        self.do(self.ann, c.Join("#a"))

    def audit(self) -> list[str]:
        """What is found now."""
        return list(audit(self.hub, self.ledger, 65536))

    def test_sound(self) -> None:
        """A turn that is taken back as it should leaves nothing to find, also where
        somebody connected meanwhile."""
        self.store.hold()
        self.ann.ask(c.Say("#a", "x"), c.Join("#b"))
        self.run_hub()
        self.store.full = True
        self.peer()
        self.store.release()
        self.run_hub()
        self.assertEqual(len(self.taken_back), 1)
        self.store.full = False
        self.assertEqual((self.found, self.audit()), ([], []))
        self.reported()

    def test_trace_of_a_turn(self) -> None:
        """What a turn that is taken back leaves is found, and named."""
        roll_back = Turn.roll_back

        def leave(turn: Turn) -> None:
            turn.undo.clear()
            roll_back(turn)

        self.patch(Turn, "roll_back", leave)
        self.store.script = [failed]
        self.do(self.ann, c.Join("#b"))
        self.assertIn("#b", self.found[0])
        self.reported()

    def test_state_beside_the_log(self) -> None:
        """A state that another hub would not find is found."""
        self.assertEqual(self.audit(), [])
        self.room("#a").topic = "made up"
        (found,) = self.audit()
        self.assertIn("made up", found)

    def test_contradiction(self) -> None:
        """A state that does not fit together is found."""
        self.room("#a").members.clear()
        self.assertTrue([one for one in self.audit() if "contradicts" in one])

    def test_difference(self) -> None:
        """Differences are told by their place."""
        before = {"a": {"b": 1, "c": 2}, "d": 3}
        after = {"a": {"b": 1, "c": 4}}
        self.assertEqual(difference(before, after), "a.c: 2 -> 4; d: 3 -> None")
