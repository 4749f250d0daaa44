"""Nicks: claims, renames, looks (H13, H14, H25)."""

from __future__ import annotations

from relaychat.model import commands as c
from relaychat.model.events import RoomShown
from tests.hub.support import TERSE, HubTestCase

CYRILLIC = "\u0430nn"
"""Ann, with a Cyrillic first letter."""


class ClaimTests(HubTestCase):
    """Nicks of those who are still registering."""

    def test_claimed(self) -> None:
        """A claimed nick is nobody else's, and becomes the claimer's own."""
        one, two = self.peer(), self.peer()
        self.assertEqual(self.do(one, c.Claim("ann")), ["ok"])
        self.assertEqual(self.do(two, c.Claim("Ann")), ["error nick_in_use"])
        self.assertEqual(self.do(two, self.hello("ann")), ["error nick_in_use"])
        self.assertEqual(self.do(two, c.Who("ann")), ["error out_of_order"])
        self.assertEqual(self.do(one, self.hello("ann")), ["welcome ann"])
        self.assertEqual(self.do(one, c.Claim("bob")), ["error out_of_order"])

    def test_changed_mind(self) -> None:
        """A new claim frees the one before, and a lost connection frees all."""
        one, two = self.peer(), self.peer()
        self.do(one, c.Claim("ann"), c.Claim("bob"))
        self.assertEqual(self.do(two, c.Claim("ann")), ["ok"])
        self.lose(one)
        self.lose(two)
        self.assertEqual(self.hub.state.nicks, {})

    def test_claimed_and_another_taken(self) -> None:
        """Who claims one nick and says hello with another, or comes back as somebody,
        keeps no claim."""
        self.lose(self.connect("gus", device="d1", window_s=300))
        for hello in (self.hello("bob"), self.hello("x", device="d1")):
            peer = self.peer()
            peer.ask(c.Claim("ann"), hello)
            self.run_hub()
        self.assertEqual(sorted(self.hub.state.nicks), ["bob", "gus"])

    def test_not_shown(self) -> None:
        """Who has only claimed a nick can't be found by it."""
        self.do(self.peer(), c.Claim("ann"))
        bob = self.connect("bob")
        self.assertEqual(self.do(bob, c.Who("ann")), ["error no_such_user"])

    def test_account_takes_its_nick(self) -> None:
        """A message to an account that is away takes its nick back from a claim."""
        self.account("ann")
        peer, bob = self.peer(), self.connect("bob")
        self.do(peer, c.Claim("ann"))
        self.do(bob, c.Say("@ann", "hi"))
        self.assertEqual(self.do(peer, self.hello("ann")), ["error nick_in_use"])
        self.assertEqual(self.do(peer, self.hello("cat")), ["welcome cat"])

    def test_owner_comes(self) -> None:
        """Who has an account's name since before there was the account makes way for
        its owner, and everybody hears of it."""
        guest, bob = self.connect("ann"), self.connect("bob")
        self.do(guest, c.Join("#a"))
        self.do(bob, c.Join("#a"))
        guest.heard()
        self.account("ann")
        owner = self.connect("ann", account=True)
        self.assertIsNotNone(owner.user)
        self.assertEqual(owner.user and owner.user.nick, "ann")
        self.assertTrue(guest.user and guest.user.nick.startswith("guest-"))
        self.assertIn("renamed #a 3", guest.heard()[0])

    def test_owner_comes_to_a_look(self) -> None:
        """So does who has a nick that looks like it, but not who has another in
        ASCII."""
        guest, other = self.connect(CYRILLIC), self.connect("lll")
        self.account("ann")
        self.account("ill")
        self.connect("ann", account=True)
        self.connect("ill", account=True)
        self.assertTrue(guest.user and guest.user.nick.startswith("guest-"))
        self.assertEqual(other.user and other.user.nick, "lll")


class LookTests(HubTestCase):
    """Names that look alike are refused where one of them is not ASCII (H13)."""

    def test_beside_ascii(self) -> None:
        """A name that looks like an ASCII one is refused."""
        self.connect("ann")
        peer = self.peer()
        self.assertEqual(self.do(peer, self.hello(CYRILLIC)), ["error nick_in_use"])

    def test_ascii_beside(self) -> None:
        """And the other way round, also for a claim or a rename."""
        self.connect(CYRILLIC)
        bob = self.connect("bob")
        self.assertEqual(self.do(self.peer(), c.Claim("ann")), ["error nick_in_use"])
        self.assertEqual(self.do(bob, c.Rename("Ann")), ["error nick_in_use"])

    def test_both_ascii(self) -> None:
        """Among ASCII names looks don't count."""
        self.connect("rnary")
        self.connect("mary", quiet=False)
        self.assertEqual(sorted(self.hub.state.nicks), ["mary", "rnary"])

    def test_freed(self) -> None:
        """A look is free again with its nick, and one's own is no hindrance."""
        one = self.connect("rnary")
        self.assertEqual(self.do(one, c.Rename("r\u0578ary")), ["ok"])
        two = self.peer()
        self.assertEqual(self.do(two, self.hello("mary")), ["error nick_in_use"])
        self.assertEqual(self.do(one, c.Rename("rnary")), ["ok"])
        self.assertEqual(self.do(two, self.hello("mary")), ["welcome mary"])
        self.lose(two)
        self.lose(one)
        self.assertEqual(self.hub.state.looks, {})

    def test_after_a_restart(self) -> None:
        """Looks are known again after a restart."""
        self.do(self.connect("ann", window_s=300), c.Join("#a"))
        self.restart()
        peer = self.peer()
        self.assertEqual(self.do(peer, self.hello(CYRILLIC)), ["error nick_in_use"])


class RenameTests(HubTestCase):
    """Another nick."""

    def setUp(self) -> None:
        super().setUp()
        self.ann, self.bob = self.connect("ann"), self.connect("bob")
        self.cat = self.connect("cat", TERSE)
        for peer in (self.ann, self.bob, self.cat):
            self.do(peer, c.Join("#a"), c.Join("#b"))
        for peer in (self.ann, self.bob, self.cat):
            peer.words()

    def test_everywhere_at_once(self) -> None:
        """One event in each room, or one user event for each neighbour (H14)."""
        self.do(self.ann, c.Rename("Anna"))
        rooms = ["renamed #a 4 ann Anna", "renamed #b 4 ann Anna"]
        self.assertEqual(self.bob.heard(), rooms)
        self.assertEqual(self.cat.heard(), ["user_renamed ann Anna"])
        self.assertEqual(self.members("#a"), ["Anna", "bob", "cat"])
        self.assertEqual(self.do(self.bob, c.Rename("ann")), [*_renamed("bob"), "ok"])

    def test_capitals(self) -> None:
        """One's own nick in other capitals is another one; the same one is none."""
        self.assertEqual(self.do(self.ann, c.Rename("ANN"))[-1], "ok")
        self.assertEqual(self.do(self.ann, c.Rename("ANN")), ["ok"])
        self.assertEqual(list(self.hub.state.nicks), ["bob", "cat", "ann"])

    def test_refused(self) -> None:
        """Not what others have, nor an account's name, nor what is no nick."""
        self.account("zoe")
        self.assertEqual(
            self.do(self.ann, c.Rename("Bob"), c.Rename("Zoe"), c.Rename("#")),
            ["error nick_in_use", "error nick_in_use", "error bad_name"],
        )

    def test_account_that_is_away(self) -> None:
        """Nor what looks like an account's name, unless both are ASCII; one's own
        account is no hindrance."""
        self.account("zoe")
        self.account("ill")
        names = ("z\u043ee", "lll", "ann")
        asked = [c.Rename(name) for name in names]
        self.assertEqual(self.do(self.ann, asked[0]), ["error nick_in_use"])
        self.assertEqual(self.do(self.ann, asked[1])[-1], "ok")
        zoe = self.connect("zoe", account=True)
        self.assertEqual(self.do(zoe, asked[2], asked[0])[-1], "ok")
        self.assertEqual(zoe.user and zoe.user.nick, names[0])

    def test_own_account(self) -> None:
        """Who has an account may come back to its name."""
        zoe = self.connect("zoe", account=True)
        self.assertEqual(self.do(zoe, c.Rename("z")), ["ok"])
        self.assertEqual(self.do(zoe, c.Rename("Zoe")), ["ok"])

    def test_barrier(self) -> None:
        """A user event stands between what was before and after it, on all wires."""
        self.ann.ask(c.Say("#a", "1"), c.Rename("anna"), c.Say("#a", "2"))
        self.run_hub()
        self.assertEqual(
            self.cat.heard(),
            ["said #a 4 ann 1", "user_renamed ann anna", "said #a 6 anna 2"],
        )

    def test_direct_rooms(self) -> None:
        """A rename is no entry of direct rooms; its partner is told as a neighbour."""
        dan = self.connect("dan", TERSE)
        self.do(dan, c.Say("@ann", "hi"))
        self.ann.words()
        self.do(self.ann, c.Rename("anna"))
        self.assertIn("user_renamed ann anna", dan.heard())
        self.do(dan, c.Say("@anna", "still there?"))
        self.assertEqual(
            [line for line in self.ann.heard() if "still" in line],
            [f"said {self._direct()} 2 dan still there? anna"],
        )

    def test_direct_partner_without_user_events(self) -> None:
        """Who is told log events only is shown the direct room under the new nick,
        also while it reads nothing."""
        dan = self.connect("dan")
        self.do(dan, c.Say("@ann", "hi"))
        for taking in (True, False):
            dan.taking = taking
            dan.words()
            self.do(self.ann, c.Rename(f"anna{taking}"))
            (shown,) = dan.words()
            assert isinstance(shown, RoomShown)
            self.assertEqual((shown.direct, shown.again), (f"anna{taking}", True))

    def _direct(self) -> str:
        return next(name for name in self.hub.state.rooms if name.startswith("@"))


def _renamed(nick: str) -> list[str]:
    return [f"renamed #a 5 {nick} ann", f"renamed #b 5 {nick} ann"]
