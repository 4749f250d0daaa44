"""Coming into rooms and leaving them (H8, H10, H11)."""

from __future__ import annotations

import msgspec

from relaychat.hub.limits import Limits
from relaychat.model import commands as c
from relaychat.model.events import RoomShown
from relaychat.model.policy import PolicyChange
from tests.hub.support import TERSE, HubTestCase


class JoinTests(HubTestCase):
    """In."""

    limits = Limits(rooms_per_user=3, rooms=4, invites_per_room=2)

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", account=True)
        self.bob = self.connect("bob")
        self.do(self.ann, c.Join("#a"))

    def policy(self, **fields: object) -> None:
        """Ann changes the room."""
        change = msgspec.convert(fields, PolicyChange)
        self.assertEqual(self.do(self.ann, c.SetPolicy("#a", change))[-1][:2], "ok")

    def test_shown(self) -> None:
        """Who joins is shown the event and then the room, as it is with them."""
        self.do(self.ann, c.SetTopic("#a", "news"), c.SetAway("tea"))
        self.bob.ask(c.Join("#A", id=5))
        self.run_hub()
        _, room = self.bob.words()
        assert isinstance(room, RoomShown)
        self.assertEqual((room.id, room.room, room.seq), (5, "#a", 3))
        self.assertEqual((room.topic, room.topic_by), ("news", "ann"))
        self.assertEqual(
            [(one.nick, one.role, one.account, one.away) for one in room.members],
            [("ann", "owner", "ann", True), ("bob", "member", None, False)],
        )
        self.assertEqual((room.role, room.members_total), ("member", 2))

    def test_again(self) -> None:
        """Joining where one is only shows the room again."""
        self.assertEqual(self.do(self.ann, c.Join("#a")), ["room #a 1"])

    def test_names(self) -> None:
        """What is no room's name is refused; a direct room can't be joined."""
        self.assertEqual(
            self.do(self.bob, c.Join("a"), c.Join("#" + "x" * 64), c.Join("@ann")),
            ["error bad_name", "error too_long", "error bad_name"],
        )

    def test_too_many(self) -> None:
        """One can be in so many rooms, and there can be so many in all."""
        self.do(self.bob, c.Join("#b"), c.Join("#c"), c.Join("#d"))
        self.assertEqual(self.do(self.bob, c.Join("#e")), ["error too_many"])
        self.assertEqual(
            self.do(self.ann, c.Join("#e"), c.Say("@bob", "hi")), ["error too_many"] * 2
        )

    def test_key(self) -> None:
        """A room with a key needs it."""
        self.policy(key="open")
        self.assertEqual(
            self.do(self.bob, c.Join("#a"), c.Join("#a", "x")), ["error bad_key"] * 2
        )
        self.assertEqual(self.do(self.bob, c.Join("#a", "open"))[-1], "room #a 3")

    def test_limit(self) -> None:
        """A full room is full."""
        self.policy(limit=1)
        self.assertEqual(self.do(self.bob, c.Join("#a")), ["error room_full"])

    def test_owner(self) -> None:
        """The owner always gets in, and is the owner again."""
        self.policy(invite_only=True)
        self.do(self.ann, c.Ban("#a", "ann"), c.Part("#a"))
        heard = self.do(self.ann, c.Join("#a"))
        self.assertEqual(heard[0], "joined #a 5 ann owner")

    def test_invited(self) -> None:
        """An invitation opens the door, once."""
        self.policy(invite_only=True, key="k", limit=1)
        self.assertEqual(self.do(self.bob, c.Join("#a")), ["error invite_only"])
        self.do(self.ann, c.Invite("#a", "bob"))
        self.assertEqual(self.bob.heard(), ["invitation #a ann"])
        self.assertEqual(self.do(self.bob, c.Join("#a"))[-1], "room #a 4")
        self.do(self.bob, c.Part("#a"))
        self.assertEqual(self.do(self.bob, c.Join("#a")), ["error invite_only"])

    def test_invited_and_banned(self) -> None:
        """An invitation does not open the door to who is banned."""
        self.do(self.ann, c.Ban("#a", "bob"), c.Invite("#a", "bob"))
        self.bob.words()
        self.assertEqual(self.do(self.bob, c.Join("#a")), ["error banned"])
        self.do(self.ann, c.Ban("#a", "bob", remove=True))
        self.assertEqual(self.do(self.bob, c.Join("#a"))[-1], "room #a 5")

    def test_invitations_are_bounded(self) -> None:
        """The oldest invitation is forgotten for a new one."""
        self.policy(invite_only=True)
        guests = [self.connect(nick) for nick in ("x", "y", "z")]
        self.do(self.ann, *[c.Invite("#a", nick) for nick in ("x", "y", "x", "z")])
        heard = [self.do(one, c.Join("#a"))[-1].split()[0] for one in guests]
        self.assertEqual(heard, ["room", "error", "room"])

    def test_who_may_invite(self) -> None:
        """Members invite; where one is let in only by that, operators do."""
        self.do(self.bob, c.Join("#a"))
        self.connect("cat")
        self.assertEqual(self.do(self.bob, c.Invite("#a", "cat"))[-1], "ok #a 3")
        self.policy(invite_only=True)
        self.bob.words()
        self.assertEqual(
            self.do(self.bob, c.Invite("#a", "cat"), c.Invite("#a", "ann")),
            ["error forbidden"] * 2,
        )
        self.assertEqual(
            self.do(self.ann, c.Invite("#a", "bob"))[-1], "error already_in_room"
        )


class OwnedTests(HubTestCase):
    """Kept rooms stay when everybody has left, so an account has only so many."""

    limits = Limits(rooms_owned=2)

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", account=True)
        self.do(self.ann, c.Join("#a"), c.Join("#b"), c.Part("#a"))

    def test_no_further_one(self) -> None:
        """Another is refused, also after a restart; her own she can always enter."""
        self.assertEqual(self.do(self.ann, c.Join("#c")), ["error too_many"])
        self.restart()
        ann = self.connect("ann", account=True)
        heard = self.do(ann, c.Join("#c"), c.Join("#a"))
        self.assertEqual((heard[0], heard[-1]), ("error too_many", "room #a 3"))

    def test_passing_rooms_stay_passing(self) -> None:
        """A guest's room is not hers for joining it, and closes with its last
        member."""
        guy = self.connect("guy")
        self.do(guy, c.Join("#c"))
        self.do(self.ann, c.Join("#c"), c.Part("#c"))
        self.do(guy, c.Part("#c"))
        self.assertNotIn("#c", self.hub.state.rooms)


class LeaveTests(HubTestCase):
    """Out."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", account=True)
        self.bob = self.connect("bob")
        self.do(self.ann, c.Join("#a"))
        self.do(self.bob, c.Join("#a"))
        self.ann.words()

    def test_part(self) -> None:
        """Who leaves hears so, and nothing after; the others hear it too."""
        heard = self.do(self.bob, c.Part("#a", "bye"), c.Part("#a"))
        self.assertEqual(heard, ["left #a 3 bob bye", "ok #a 3", "error not_in_room"])
        heard = self.do(self.ann, c.Say("#a", "alone"))
        self.assertEqual(heard[:2], ["left #a 3 bob bye", "said #a 4 ann alone"])
        self.assertEqual(self.bob.heard(), [])

    def test_slices(self) -> None:
        """Of a turn one hears what was while one was there, each time."""
        cat = self.connect("cat")
        self.ann.ask(c.Say("#a", "1"))
        cat.ask(c.Join("#a"))
        self.ann.ask(c.Say("#a", "2"))
        cat.ask(c.Part("#a"))
        self.ann.ask(c.Say("#a", "3"))
        cat.ask(c.Join("#a"))
        self.ann.ask(c.Say("#a", "4"))
        self.run_hub()
        self.assertEqual(
            [line for line in cat.heard() if line.split()[0] in ("said", "left")],
            ["said #a 5 ann 2", "left #a 6 cat", "said #a 9 ann 4"],
        )

    def test_kick(self) -> None:
        """An operator puts somebody out; the kick is the last they hear."""
        self.do(self.ann, c.Kick("#a", "BOB", "enough"), c.Say("#a", "so"))
        self.assertEqual(self.bob.heard(), ["kicked #a 3 ann bob enough"])
        self.assertEqual(self.members("#a"), ["ann"])

    def test_kick_refused(self) -> None:
        """Not by members, not from above one's role, not who isn't there."""
        cat = self.connect("cat")
        self.do(cat, c.Join("#a"))
        self.assertEqual(self.do(cat, c.Kick("#a", "bob")), ["error forbidden"])
        self.do(self.ann, c.SetRole("#a", "cat", "operator"))
        cat.words()
        self.assertEqual(
            self.do(cat, c.Kick("#a", "ann"), c.Kick("#a", "cat", "x" * 301)),
            ["error forbidden", "error too_long"],
        )
        self.do(self.bob, c.Part("#a"))
        cat.words()
        self.assertEqual(self.do(cat, c.Kick("#a", "bob")), ["error user_not_in_room"])

    def test_without_echo(self) -> None:
        """A session without echo hears its own coming and going all the same."""
        cat = self.connect("cat", TERSE)
        self.assertEqual(
            self.do(cat, c.Join("#a"), c.Say("#a", "x"), c.Part("#a")),
            ["joined #a 3 cat", "room #a 3", "left #a 5 cat", "ok #a 5"],
        )

    def test_kept_room(self) -> None:
        """A room made by an account is kept, with its log, when all have left (H10)."""
        self.do(self.ann, c.Part("#a"))
        self.do(self.bob, c.Part("#a"))
        self.restart()
        self.assertEqual(self.room("#a").seq, 4)
        bob = self.connect("bob")
        self.assertEqual(self.do(bob, c.Join("#a"))[0], "joined #a 5 bob")

    def test_passing_room(self) -> None:
        """A guest's room closes with its last member; the same name is a new room."""
        self.do(self.bob, c.Join("#b"), c.Say("#b", "x"))
        old = self.room("#b")
        self.do(self.bob, c.Part("#b"))
        self.assertNotIn("#b", self.hub.state.rooms)
        self.assertEqual(len(old.tail.entries), 0)
        self.do(self.bob, c.Join("#b"))
        new = self.room("#b")
        self.assertEqual(new.seq, 1)
        self.assertNotIn(new.epoch, ("", old.epoch))
        self.assertGreater(new.number, old.number)

    def test_sealed_over_a_restart(self) -> None:
        """A closed room's number is not used again."""
        self.do(self.bob, c.Join("#b"), c.Part("#b"))
        last = self.hub.state.last_room
        self.restart()
        self.assertNotIn("#b", self.hub.state.rooms)
        self.assertEqual(self.hub.state.last_room, last)

    def test_passing_room_is_adopted(self) -> None:
        """The first account to join a guest's room owns it, and then it is kept."""
        self.do(self.bob, c.Join("#b"))
        self.do(self.ann, c.Join("#b"))
        self.do(self.bob, c.Part("#b"))
        self.do(self.ann, c.Part("#b"))
        room = self.room("#b")
        self.assertEqual((room.kind, room.owner), ("kept", "ann"))
        self.assertEqual(self.do(self.ann, c.Join("#b"))[0], "joined #b 5 ann owner")

    def test_join_and_leave_at_once(self) -> None:
        """A room made and left in one turn was one for a moment."""
        heard = self.do(self.bob, c.Join("#b"), c.Part("#b"), c.Join("#b"))
        self.assertEqual(
            heard,
            [
                "joined #b 1 bob owner",
                "room #b 1",
                "left #b 2 bob",
                "ok #b 2",
                "joined #b 1 bob owner",
                "room #b 1",
            ],
        )


class BoundTests(HubTestCase):
    """What is remembered and shown of a room's people is bounded."""

    limits = Limits(members_shown=2, past_stays=2)

    def test_members_shown(self) -> None:
        """A room shows so many members at once, and says how many there are."""
        for nick in ("x", "y", "z"):
            peer = self.connect(nick)
            peer.ask(c.Join("#a"))
            self.run_hub()
        room = peer.words()[-1]
        assert isinstance(room, RoomShown)
        self.assertEqual((len(room.members), room.members_total), (2, 3))

    def test_past_stays(self) -> None:
        """Only the latest stays are remembered."""
        ann = self.connect("ann", account=True)
        for _ in range(4):
            self.do(ann, c.Join("#a"), c.Part("#a"))
        self.assertEqual(self.room("#a").former["ann"].past, ((5, 6), (7, 8)))
