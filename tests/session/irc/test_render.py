"""What others do on other wires, as IRC shows it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from relaychat.model import events
from relaychat.model.commands import (
    Ban,
    Edit,
    Invite,
    Join,
    Kick,
    Redact,
    Say,
    SetPolicy,
    SetRole,
)
from relaychat.model.policy import PolicyChange, RoleName
from relaychat.session.irc.dialect import Irc
from relaychat.session.native import Native
from tests.session.irc.conversation import IrcTestCase

SAID = st.builds(
    events.Said,
    room=st.sampled_from(["#tea", "@ann,bob"]),
    seq=st.just(1),
    at=st.just(0),
    sender=st.sampled_from(["ann", "bob"]),
    text=st.sampled_from(["x", "\u00e9" * 300, "a\nb", "", "\1ACTION x\1"]),
    account=st.sampled_from([None, "ann"]),
    kind=st.sampled_from(["text", "notice", "action"]),
    to=st.sampled_from([None, "bob"]),
)


class SeveralTests(SynchronousTestCase):
    """Events that are rendered together."""

    @given(st.lists(SAID, max_size=6))
    def test_as_by_itself(self, said: list[events.Said]) -> None:
        """Each is shown as by itself, at once or later."""
        form = Irc.form()
        alone = [form.render(one) for one in said]
        self.assertEqual(form.rendered(said), alone)
        self.assertEqual([form.replay(one) for one in said], alone)


class OtherWireTests(IrcTestCase):
    """What somebody on the native wire does, as IRC shows it."""

    def setUp(self) -> None:
        """Ann is on IRC, Nat is not, and runs the room."""
        super().setUp()
        self.nat, _ = self.connect("nat", "#tea", dialect=Native)
        self.ann, self.wire = self.connect("ann", "#tea")

    def test_long_text(self) -> None:
        """A text of many lines, or a long one, comes as several messages, whole."""
        self.nat.say(Say("#tea", "one\n\n two"), Say("#tea", "é" * 1000))
        head = ":nat!~guest@relaychat PRIVMSG #tea :"
        lines = self.told(self.wire)
        self.assertEqual(lines[:2], [head + "one", head + " two"])
        self.assertTrue(all(len(line.encode()) <= 510 for line in lines))
        self.assertEqual("".join(lines[2:]).replace(head, ""), "é" * 1000)

    def test_action(self) -> None:
        """An action is CTCP."""
        self.nat.say(Say("@ann", "waves", "action"))
        self.assertEqual(
            self.told(self.wire),
            [":nat!~guest@relaychat PRIVMSG ann :\1ACTION waves\1"],
        )

    def test_rule(self) -> None:
        """Roles, policy and bans are modes; a kick is a kick; an owner is an
        operator."""
        self.nat.say(
            SetRole("#tea", "ann", "voice"),
            SetRole("#tea", "ann", "operator"),
            SetRole("#tea", "ann", "owner"),
            SetRole("#tea", "ann", "member"),
            SetPolicy(
                "#tea", PolicyChange(secret=True, topic_locked=False, key="k", limit=5)
            ),
            SetPolicy("#tea", PolicyChange(key="", limit=0)),
            SetPolicy("#tea", PolicyChange(history="since_join")),
            Ban("#tea", "eve"),
            Ban("#tea", "eve", remove=True, exception=False),
            Ban("#tea", "*@x", exception=True),
            Kick("#tea", "ann"),
        )
        nat = ":nat!~guest@relaychat"
        self.assertEqual(
            self.told(self.wire),
            [
                f"{nat} MODE #tea +v ann",
                f"{nat} MODE #tea -v+o ann ann",
                f"{nat} MODE #tea -o ann",
                f"{nat} MODE #tea -t+skl * 5",
                f"{nat} MODE #tea -kl *",
                f"{nat} MODE #tea +b eve!*@*",
                f"{nat} MODE #tea -b eve!*@*",
                f"{nat} MODE #tea +e *!*@x",
                f"{nat} KICK #tea ann :nat",
            ],
        )

    def test_invitation(self) -> None:
        """An invitation is shown to who is invited."""
        self.nat.say(Join("#two"), Invite("#two", "ann"))
        self.assertEqual(
            self.told(self.wire), [":nat!~guest@relaychat INVITE ann #two"]
        )

    def test_edits(self) -> None:
        """An edit in a room is a message that says so; in a direct room, and for what
        IRC has no words for, nothing is said."""
        self.nat.say(Say("#tea", "helo"), Say("@ann", "helo"))
        self.wire.clear()
        self.nat.say(
            Edit("#tea", 3, "hello"), Edit("@ann", 1, "hello"), Redact("#tea", 3)
        )
        self.assertEqual(
            self.told(self.wire), [":nat!~guest@relaychat PRIVMSG #tea :* hello"]
        )

    def test_no_line_is_forged(self) -> None:
        """A topic or a reason with line ends stays in its line."""
        self.nat.dataReceived(
            b'{"type":"topic","room":"#tea","text":"a\\r\\nQUIT :b"}\n'
            b'{"type":"part","room":"#tea","reason":"a\\nb\\u0000c"}\n'
        )
        for line in self.told(self.wire):
            self.assertTrue(line.startswith(":nat!~guest@relaychat "), line)


class FormTests(SynchronousTestCase):
    """Events as lines, without a session."""

    form = Irc.form()

    def test_shares_of_user_events(self) -> None:
        """Live, a quit or a rename is the user event alone; from the log, it is what
        each room has of it (H14)."""
        left = events.Left("#a", 5, 0, "ann", "gone", "quit", None, "0f")
        renamed = events.Renamed("#a", 6, 0, "ann", "bob", "0f", "Ann")
        for event, line in (
            (left, b":ann!~guest@relaychat PART #a :gone\r\n"),
            (renamed, b":ann!Ann@relaychat NICK bob\r\n"),
        ):
            self.assertEqual(self.form.render(event), b"")
            self.assertEqual(self.form.replay(event), line)
        for user_event, line in (
            (events.UserQuit("ann"), b":ann!~guest@relaychat QUIT :Quit\r\n"),
            (events.UserRenamed("ann", "bob"), b":ann!~guest@relaychat NICK bob\r\n"),
        ):
            self.assertEqual(self.form.render(user_event), line)

    def test_a_part_is_its_own(self) -> None:
        """A part has no user event, and is shown live."""
        left = events.Left("#a", 5, 0, "ann")
        self.assertEqual(self.form.render(left), b":ann!~guest@relaychat PART #a\r\n")

    def test_redacted(self) -> None:
        """A message that was redacted is not told from the log, nor its edits."""
        for event in (
            events.Said("#a", 1, 0, "ann", "", redacted=True),
            events.Edited("#a", 2, 0, "ann", 1, "", redacted=True),
        ):
            self.assertEqual(self.form.replay(event), b"")

    def test_gap(self) -> None:
        """Messages that can't be had any more are not passed over in silence."""
        gap = events.Gap("#a", 3, 9, "no_history", "e")
        self.assertEqual(
            self.form.render(gap),
            b":relaychat NOTICE #a :Messages 3 to 9 can't be shown any more\r\n",
        )
        self.assertEqual(self.form.render(events.Gap("@a,b", 1, 2, "reset", "e")), b"")

    def test_withheld(self) -> None:
        """Nor are messages that one may not read."""
        withheld = events.Withheld("#a", 3, 9)
        self.assertEqual(
            self.form.render(withheld),
            b":relaychat NOTICE #a :Messages 3 to 9 are not for you to read\r\n",
        )
        self.assertEqual(self.form.render(events.Withheld("@a,b", 1, 2)), b"")

    def test_role_with_the_join(self) -> None:
        """Who comes into a room with a role is seen to have it."""
        roles: dict[RoleName, bytes] = {"owner": b"o", "operator": b"o", "voice": b"v"}
        for role, letter in roles.items():
            joined = events.Joined("#a", 9, 0, "ann", "ann", role)
            self.assertEqual(
                self.form.render(joined),
                b":ann!ann@relaychat JOIN #a\r\n"
                b":relaychat MODE #a +" + letter + b" ann\r\n",
            )

    def test_not_in_irc(self) -> None:
        """What IRC has no words for says nothing."""
        for event in (
            events.Reacted("#a", 2, 0, "ann", 1, "+1"),
            events.Typing("#a", "ann"),
            events.Invited("#a", 3, 0, "ann", "bob"),
        ):
            self.assertEqual(self.form.render(event), b"")
