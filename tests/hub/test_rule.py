"""How a room is run: topic, roles, policy, bans."""

from __future__ import annotations

import msgspec

from relaychat.hub.limits import Limits
from relaychat.model import commands as c
from relaychat.model.events import PolicySet
from relaychat.model.policy import PolicyChange
from tests.hub.support import HubTestCase, RecordingPeer


class RuleTestCase(HubTestCase):
    """Ann owns a room, op runs it, and bob is a member."""

    limits = Limits(bans_per_room=2)

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", account=True)
        self.op, self.bob = self.connect("op"), self.connect("bob")
        for peer in (self.ann, self.op, self.bob):
            self.do(peer, c.Join("#a"))
        self.do(self.ann, c.SetRole("#a", "op", "operator"))
        for peer in (self.ann, self.op, self.bob):
            peer.words()

    def policy(self, peer: RecordingPeer, **fields: object) -> list[str]:
        """Somebody changes the room's policy."""
        return self.do(peer, c.SetPolicy("#a", msgspec.convert(fields, PolicyChange)))


class TopicTests(RuleTestCase):
    """What a room is about."""

    def test_set(self) -> None:
        """An operator sets the topic, and it is kept with who did and when."""
        heard = self.do(self.op, c.SetTopic("#a", "news"))
        self.assertEqual(heard, ["topic_set #a 5 op news", "ok #a 5"])
        self.restart()
        room = self.room("#a")
        self.assertEqual((room.topic, room.topic_by), ("news", "op"))
        self.assertEqual(room.topic_at, self.log("#a")[4].at)

    def test_locked(self) -> None:
        """Members set it only where the policy lets them."""
        self.assertEqual(self.do(self.bob, c.SetTopic("#a", "x")), ["error forbidden"])
        self.policy(self.op, topic_locked=False)
        self.bob.words()
        heard = self.do(self.bob, c.SetTopic("#a", "x"), c.SetTopic("#a", ""))
        self.assertEqual(heard[2], "topic_set #a 7 bob ")
        self.assertEqual(self.room("#a").topic, "")

    def test_outside(self) -> None:
        """Who isn't in the room has no say."""
        cat = self.connect("cat")
        self.assertEqual(self.do(cat, c.SetTopic("#a", "x")), ["error not_in_room"])


class RoleTests(RuleTestCase):
    """Who may do what."""

    def test_given(self) -> None:
        """Roles are given up to one's own, and told with the one before."""
        heard = self.do(self.op, c.SetRole("#a", "bob", "operator"))
        self.assertEqual(heard, ["role_set #a 5 op bob operator", "ok #a 5"])
        heard = self.do(self.op, c.SetRole("#a", "bob", "voice"))
        self.assertEqual(heard[0], "role_set #a 6 op bob voice operator")

    def test_refused(self) -> None:
        """Not above one's own role, not by members, not to strangers."""
        self.connect("cat")
        self.assertEqual(
            self.do(
                self.op,
                c.SetRole("#a", "op", "owner"),
                c.SetRole("#a", "ann", "member"),
                c.SetRole("#a", "cat", "voice"),
            ),
            ["error forbidden", "error forbidden", "error user_not_in_room"],
        )
        self.assertEqual(
            self.do(self.bob, c.SetRole("#a", "bob", "voice")), ["error forbidden"]
        )

    def test_resign(self) -> None:
        """Anybody may step down; what one is already is no event."""
        heard = self.do(
            self.op, c.SetRole("#a", "bob", "member"), c.SetRole("#a", "op", "member")
        )
        self.assertEqual(
            heard, ["ok #a 4", "role_set #a 5 op op member operator", "ok #a 5"]
        )

    def test_kept(self) -> None:
        """Roles survive a restart, for who stays."""
        zoe = self.connect("zoe", account=True, stays=True)
        self.do(zoe, c.Join("#a"))
        self.do(self.ann, c.SetRole("#a", "zoe", "voice"))
        self.restart()
        roles = [one.role.name for one in self.room("#a").members.values()]
        self.assertEqual(roles, ["VOICE"])


class PolicyTests(RuleTestCase):
    """How a room behaves."""

    def test_change(self) -> None:
        """Only what changes is told, and nothing when nothing does."""
        self.op.ask(c.SetPolicy("#a", PolicyChange(limit=5, secret=False)))
        self.run_hub()
        event = self.op.words()[0]
        assert isinstance(event, PolicySet)
        self.assertEqual(event.policy, PolicyChange(limit=5))
        self.assertEqual(self.policy(self.op, limit=5), ["ok #a 5"])
        self.bob.words()
        self.assertEqual(self.policy(self.bob, limit=6), ["error forbidden"])

    def test_key_is_not_told(self) -> None:
        """The log says that there is a key, never which."""
        self.policy(self.op, key="sesame")
        event = self.log("#a")[-1]
        assert isinstance(event, PolicySet)
        self.assertEqual((event.policy.key, event.keyed), ("", True))
        self.assertEqual(self.room("#a").policy.key, "sesame")

    def test_moderated(self) -> None:
        """In a moderated room only voice and up speak, by any means."""
        self.policy(self.op, moderated=True)
        self.bob.words()
        asked = [c.Say("#a", "x"), c.React("#a", 1, "+1"), c.Type("#a")]
        self.assertEqual(self.do(self.bob, *asked), ["error cannot_speak"] * 3)
        self.do(self.op, c.SetRole("#a", "bob", "voice"))
        self.bob.words()
        self.assertEqual(self.do(self.bob, asked[0])[-1], "ok #a 7")

    def test_open_to_others(self) -> None:
        """Where others than members may speak they do, without hearing."""
        cat = self.connect("cat")
        self.assertEqual(self.do(cat, c.Say("#a", "x")), ["error not_in_room"])
        self.policy(self.op, members_only=False)
        self.op.words()
        self.assertEqual(self.do(cat, c.Say("#a", "x")), ["ok #a 6"])
        self.assertEqual(self.op.heard(), ["said #a 6 cat x"])
        self.policy(self.op, moderated=True)
        self.assertEqual(self.do(cat, c.Say("#a", "x")), ["error cannot_speak"])

    def test_no_log_for_good(self) -> None:
        """A room that has given up its log can't take it up again."""
        self.assertEqual(self.policy(self.op, history="none")[-1], "ok #a 5")
        self.assertEqual(self.policy(self.op, history="all"), ["error forbidden"])
        self.assertEqual(self.policy(self.op, limit=9)[-1], "ok #a 6")

    def test_kept(self) -> None:
        """The policy survives a restart, with what follows from it."""
        self.policy(self.op, key="k", moderated=True)
        self.restart()
        room = self.room("#a")
        self.assertEqual((room.policy.key, room.open_history), ("k", False))
        self.assertTrue(room.guarded)


class BanTests(RuleTestCase):
    """Who is kept out."""

    def test_ban(self) -> None:
        """A ban silences who is in, and keeps out who isn't."""
        heard = self.do(self.op, c.Ban("#a", "b?b"))
        self.assertEqual(heard, ["ban_set #a 5 op b?b!*@*", "ok #a 5"])
        self.bob.words()
        self.assertEqual(
            self.do(self.bob, c.Say("#a", "x"), c.Part("#a"), c.Join("#a")),
            ["error cannot_speak", "left #a 6 bob", "ok #a 6", "error banned"],
        )

    def test_exception(self) -> None:
        """An exception saves from every ban of the room."""
        self.do(self.op, c.Ban("#a", "*!~guest@*"))
        self.do(self.op, c.Ban("#a", "BOB", exception=True))
        self.bob.words()
        self.assertEqual(self.do(self.bob, c.Say("#a", "x"))[-1], "ok #a 7")
        self.do(self.op, c.Ban("#a", "bob", remove=True, exception=True))
        self.bob.words()
        self.assertEqual(self.do(self.bob, c.Say("#a", "x")), ["error cannot_speak"])

    def test_nothing_to_do(self) -> None:
        """A ban that is there, or isn't, is no event; masks are one in any case."""
        heard = self.do(
            self.op,
            c.Ban("#a", "bob", remove=True),
            c.Ban("#a", "bob"),
            c.Ban("#a", "BOB!*@*"),
        )
        self.assertEqual(
            heard, ["ok #a 4", "ban_set #a 5 op bob!*@*", "ok #a 5", "ok #a 5"]
        )

    def test_voice_is_above(self) -> None:
        """A ban does not silence voice and up."""
        self.do(self.op, c.SetRole("#a", "bob", "voice"), c.Ban("#a", "bob"))
        self.bob.words()
        self.assertEqual(self.do(self.bob, c.Say("#a", "x"))[-1], "ok #a 7")

    def test_bounded(self) -> None:
        """A room has so many bans and exceptions together."""
        heard = self.do(self.op, *[c.Ban("#a", mask) for mask in "xyz"])
        self.assertEqual(heard[-1], "error too_many")
        heard = self.do(self.op, c.Ban("#a", "z", exception=True), c.Ban("#a", ""))
        self.assertEqual(heard[-2:], ["error too_many", "error bad_name"])

    def test_kept(self) -> None:
        """Bans survive a restart."""
        self.do(self.op, c.Ban("#a", "bob"), c.Ban("#a", "bo*", exception=True))
        self.restart()
        room = self.room("#a")
        self.assertEqual([ban.mask for ban in room.bans], ["bob!*@*"])
        self.assertEqual([ban.by for ban in room.exceptions], ["op"])

    def test_members_only_command(self) -> None:
        """Bans and policies are for those who run the room."""
        self.assertEqual(self.do(self.bob, c.Ban("#a", "ann")), ["error forbidden"])

    def test_direct_rooms(self) -> None:
        """A direct room has no topic, roles, policy, bans, and nobody is put out."""
        self.do(self.ann, c.Say("@bob", "hi"))
        name = next(name for name in self.hub.state.rooms if name.startswith("@"))
        self.assertEqual(
            self.do(
                self.ann,
                c.SetTopic(name, "x"),
                c.SetRole(name, "bob", "voice"),
                c.SetPolicy(name, PolicyChange(limit=1)),
                c.Ban(name, "bob"),
                c.Kick(name, "bob"),
                c.Invite(name, "op"),
                c.Part("@bob"),
            ),
            ["error forbidden"] * 7,
        )
