"""A room's state, retold from its log, against what is kept beside it (I11)."""

from __future__ import annotations

from relaychat.hub.records import MemberRecord, RoomRecord
from relaychat.model.events import (
    BanSet,
    Joined,
    Left,
    PolicySet,
    Renamed,
    RoleSet,
    TopicSet,
)
from relaychat.model.policy import Policy, PolicyChange
from relaychat.store.api import Batch, Record
from relaychat.testing.retold import Kept, Retold, Standing
from tests.testing.written import EPOCH, ROOM, CheckerTestCase, json


class BesideTests(CheckerTestCase):
    """I11: what a restart begins with."""

    def test_broken(self) -> None:
        """A member too many, one in another role, another topic or policy."""
        for record in (
            Record("member", "1 eve", json(MemberRecord("eve"))),
            Record("member", "1 ann", json(MemberRecord("ann", role=2, joined=1))),
            Record("member", "1 ann", None),
            Record("room", "1", json(RoomRecord(ROOM, EPOCH, "kept", 1, topic="x"))),
            Record(
                "room",
                "1",
                json(RoomRecord(ROOM, EPOCH, "kept", 1, policy=Policy(key="k"))),
            ),
        ):
            self.setUp()
            self.written.write(Batch(records=[record]))
            self.reload()
            self.bad("I11")

    def test_retold(self) -> None:
        """Names, roles, topics, bans and policies change; the log tells it all."""
        retold = Retold()
        for seq, event in enumerate(
            (
                Joined(ROOM, 1, 0, "Ann", role="owner"),
                Joined(ROOM, 2, 0, "bob"),
                RoleSet(ROOM, 3, 0, "Ann", "Bob", "operator"),
                Renamed(ROOM, 4, 0, "bob", "Rob"),
                TopicSet(ROOM, 5, 0, "Ann", "tea"),
                BanSet(ROOM, 6, 0, "Ann", "a!*@*"),
                BanSet(ROOM, 7, 0, "Ann", "b!*@*", exception=True),
                BanSet(ROOM, 8, 0, "Ann", "a!*@*", removed=True),
                PolicySet(ROOM, 9, 0, "Ann", PolicyChange(key="tea"), keyed=True),
            ),
            1,
        ):
            self.assertEqual(event.seq, seq)
            retold.follow(event)
        members = {"ann": Standing("owner", 1), "rob": Standing("operator", 2)}
        kept = Kept("tea", Policy(key="tea"), set(), {"b!*@*"}, members)
        self.assertEqual(list(retold.against(kept)), [])
        self.assertEqual(retold.stays_of(["nick:bob"]), retold.stays_of(["nick:rob"]))
        self.assertEqual(retold.open_until(retold.stays_of(["nick:ann"])), 9)

    def test_what_cannot_be(self) -> None:
        """Who is in does not come in; who is out does not go."""
        retold = Retold()
        for event in (
            Joined(ROOM, 1, 0, "ann"),
            Joined(ROOM, 2, 0, "ann"),
            Left(ROOM, 3, 0, "bob"),
        ):
            retold.follow(event)
        self.assertEqual(len(retold.wrong), 2)

    def test_where_history_is_open(self) -> None:
        """As the policy said, from when to when."""
        retold = Retold()
        for seq, rule in ((5, "since_join"), (9, "all")):
            change = PolicyChange(history=rule)  # type: ignore[arg-type]
            retold.follow(PolicySet(ROOM, seq, 0, "ann", change))
        self.assertEqual([span[0] for span in retold.open_history], [1, 9])
        self.assertEqual(retold.open_until([[2, 7]]), 5)
        self.assertEqual(retold.open_until([[6, 8]]), 0)
