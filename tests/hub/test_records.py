"""The state as records, and back after a restart."""

from __future__ import annotations

from relaychat.hub.records import KINDS, load
from relaychat.model import commands as c
from relaychat.model.policy import PolicyChange
from relaychat.testing.snapshot import contradictions, durable
from tests.hub.support import HubTestCase


class RestartTests(HubTestCase):
    """Everything durable is found again."""

    def test_everything(self) -> None:
        """Rooms of all kinds, members with all they have, users, bans, policies."""
        ann = self.connect("Ann", account=True, stays=True, device="d1")
        bob = self.connect("bob", window_s=300)
        self.do(ann, c.Join("#Kept"), c.SetTopic("#kept", "news"), c.Say("@ann", "x"))
        self.do(bob, c.Join("#kept"), c.Join("#passing"), c.Say("@ann", "hi"))
        self.do(ann, c.Part("#kept"), c.Join("#kept"), c.Mark("#kept", 2))
        self.do(ann, c.SetPolicy("#kept", PolicyChange(limit=7, moderated=True)))
        self.do(ann, c.SetRole("#kept", "bob", "voice"), c.Ban("#kept", "x"))
        before = durable(self.hub.state)
        state = load(self.store.ledger.snapshot(KINDS))
        self.assertEqual(durable(state), before)
        self.restart()
        self.assertEqual(contradictions(self.hub.state), [])
        self.assertEqual(durable(self.hub.state), before)

    def test_numbers_go_on(self) -> None:
        """Rooms and devices get numbers that were never used."""
        ann = self.connect("ann", account=True, device="d1")
        self.do(ann, c.Join("#a"), c.Say("#a", "x"))
        self.restart()
        self.assertEqual((self.hub.state.last_room, self.hub.state.last_device), (1, 1))

    def test_former_members(self) -> None:
        """Who was a member once is remembered, though not there."""
        ann = self.connect("ann", account=True)
        self.do(ann, c.Join("#a"), c.Mark("#a", 1), c.Part("#a"), c.Bye())
        self.restart()
        (former,) = self.room("#a").former.values()
        self.assertEqual((former.past, former.marked), (((1, 2),), 1))
        self.assertEqual(self.hub.state.users, {})
        ann = self.connect("ann", account=True)
        self.assertEqual(self.do(ann, c.Join("#a"))[0], "joined #a 3 ann owner")
        self.assertEqual(self.room("#a").members[ann.me].marked, 1)

    def test_records_of_closed_rooms(self) -> None:
        """A closed room leaves no record but its seal, nor does a guest who has
        gone."""
        bob = self.connect("bob")
        self.do(bob, c.Join("#a"), c.Say("#a", "x"), c.Bye())
        self.assertEqual(list(self.ledger.records), [("sealed", "1")])

    def test_room_without_a_head(self) -> None:
        """A room that nothing was ever said in begins at the beginning."""
        bob = self.connect("bob", account=True, stays=True)
        self.do(bob, c.Join("#a"))
        self.ledger.heads.clear()
        self.restart()
        self.assertEqual(self.room("#a").seq, 0)

    def test_record_of_a_lost_room(self) -> None:
        """A member's record without its room's is passed over."""
        self.ledger.records["member", "9 ann"] = b'{"nick":"ann"}'
        self.restart()
        self.assertEqual(self.hub.state.rooms, {})
