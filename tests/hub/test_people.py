"""Users, sessions, devices; who is present, who stays, who is gone (H8, H9, H16)."""

from __future__ import annotations

import msgspec

from relaychat.hub.limits import Limits
from relaychat.model import commands as c
from relaychat.model.events import Welcome
from relaychat.testing.snapshot import contradictions
from tests.hub.support import TERSE, HubTestCase


class HelloTests(HubTestCase):
    """Coming in."""

    def test_welcome(self) -> None:
        """A guest is welcomed under its nick, and told the limits."""
        ann = self.connect("Ann", quiet=False)
        (welcome,) = ann.words()
        assert isinstance(welcome, Welcome)
        self.assertEqual((welcome.nick, welcome.server), ("Ann", "relay"))
        self.assertIsNone(welcome.account)
        self.assertEqual(welcome.limits["text_bytes"], 32 * 1024)
        self.assertFalse(welcome.resumed)

    def test_nick_in_use(self) -> None:
        """A nick has one holder; who is refused may try another."""
        self.connect("ann")
        peer = self.peer()
        self.assertEqual(self.do(peer, self.hello("ANN")), ["error nick_in_use"])
        self.assertEqual(self.do(peer, self.hello("ann2")), ["welcome ann2"])

    def test_twice(self) -> None:
        """One hello is enough."""
        ann = self.connect("ann")
        self.assertEqual(self.do(ann, self.hello("bob")), ["error out_of_order"])

    def test_many_sessions(self) -> None:
        """A new session is shown where its user is; both act, and hear, as one."""
        one = self.connect("ann", account=True)
        bob = self.connect("bob")
        self.do(one, c.Join("#ops"))
        self.do(bob, c.Join("#ops"))
        one.words()
        two = self.connect("ann", account=True, quiet=False)
        self.assertEqual(two.heard(), ["welcome ann", "room #ops 2"])
        self.assertEqual(bob.heard(), [])
        self.do(two, c.Say("#ops", "hi"), c.Join("#b"))
        self.assertEqual(
            one.heard(),
            ["said #ops 3 ann hi", "joined #b 1 ann owner", "room #b 1"],
        )
        self.do(one, c.Part("#b"))
        self.assertEqual(two.heard()[-1], "left #b 2 ann")
        self.assertEqual(self.members("#ops"), ["ann", "bob"])

    def test_one_of_many_goes(self) -> None:
        """A user is here as long as one session is."""
        one, two = self.connect("ann", account=True), self.connect("ann", account=True)
        bob = self.connect("bob")
        self.do(one, c.Join("#ops"))
        self.do(bob, c.Join("#ops"))
        self.do(one, c.Bye())
        self.assertEqual(bob.heard()[2:], [])
        self.assertEqual(self.do(two, c.Say("#ops", "hi"))[-1], "ok #ops 3")

    def test_control(self) -> None:
        """A control session is nobody."""
        peer = self.peer()
        hello = self.hello("root")
        control = hello.admission.__class__(control=True)
        enter = hello.__class__(hello.hello, control)
        self.assertEqual(self.do(peer, enter), ["welcome root"])
        self.assertEqual(self.do(peer, c.Join("#a"), enter), ["error out_of_order"] * 2)
        self.assertEqual(self.hub.state.users, {})


class DeviceTests(HubTestCase):
    """Client installations (H16)."""

    limits = Limits(devices=2)

    def test_fenced(self) -> None:
        """A second session of a device ends the first, and nobody notices."""
        bob = self.connect("bob")
        old = self.connect("ann", device="d1")
        self.do(old, c.Join("#a"))
        self.do(bob, c.Join("#a"))
        old.words()
        bob.words()
        new = self.connect("other", device="d1", quiet=False)
        self.assertEqual(old.heard()[0].split(" a ")[0], "bye replaced")
        self.assertEqual(new.heard(), ["welcome ann", "room #a 2"])
        self.assertEqual(bob.heard(), [])
        self.assertEqual(self.do(old, c.Say("#a", "x")), [])
        self.assertEqual(self.do(new, c.Say("#a", "x"))[-1], "ok #a 3")

    def test_fenced_in_the_same_turn(self) -> None:
        """What the old session asks behind the new one's hello is not carried out, and
        not refused for good either: its client has come back, and asks again."""
        old = self.connect("ann", device="d1")
        new = self.peer()
        new.ask(self.hello("ann", device="d1"))
        old.ask(c.Join("#a"))
        self.run_hub()
        self.assertNotIn("error out_of_order", old.heard())
        self.assertEqual(list(self.hub.state.rooms), [])
        self.assertEqual(new.heard(), ["welcome ann"])
        self.assertNotIn(old, self.hub.state.peers)

    def test_guest_becomes_account(self) -> None:
        """When a guest logs in with its device, the guest is gone."""
        bob = self.connect("bob")
        guest = self.connect("guy", device="d1")
        self.do(guest, c.Join("#a"))
        self.do(bob, c.Join("#a"))
        bob.words()
        ann = self.connect("ann", account=True, device="d1", quiet=False)
        self.assertEqual(ann.heard(), ["welcome ann"])
        text = "a newer session of this device has taken over"
        self.assertEqual(bob.heard(), [f"left #a 3 guy {text} quit"])
        self.assertEqual(sorted(self.hub.state.nicks), ["ann", "bob"])

    def test_guest_becomes_its_partner(self) -> None:
        """A guest may log in to the very account that it was writing to."""
        guest = self.connect("guy", device="d1")
        self.account("ann")
        self.do(guest, c.Say("@ann", "that is me"))
        ann = self.connect("ann", account=True, device="d1")
        self.assertEqual(contradictions(self.hub.state), [])
        self.assertEqual(self.do(ann, c.Join("#a"))[-1], "room #a 1")
        self.assertEqual(self.hub.state.rooms["#a"].departed, "")
        self.assertEqual(len(self.hub.state.rooms), 2)

    def test_of_another_account(self) -> None:
        """A device belongs to one account, and not to guests any more."""
        self.connect("ann", account=True, device="d1")
        for account in (True, False):
            peer = self.peer()
            self.assertEqual(
                self.do(peer, self.hello("bob", account, "d1")), ["error login_failed"]
            )
        self.assertEqual(len(self.hub.state.peers), 3)

    def test_owner_is_kept(self) -> None:
        """Whose device it is survives a restart."""
        guest = self.connect("guy", device="d1")
        self.do(guest, c.Join("#a"), c.Say("#a", "x"))
        self.connect("ann", account=True, device="d1")
        self.restart()
        peer = self.peer()
        heard = self.do(peer, self.hello("guy", device="d1"))
        self.assertEqual(heard, ["error login_failed"])

    def test_forgotten(self) -> None:
        """Devices without a session are remembered for a while, not forever."""
        for n in range(5):
            self.lose(self.connect(f"guest{n}", device=f"d{n}"))
        self.assertEqual(list(self.hub.state.devices), ["d3", "d4"])
        self.connect("guest4", device="d4")
        self.assertEqual(len(self.hub.state.idle), 1)

    def test_numbers(self) -> None:
        """Two devices never have one number, over restarts and forgetting too."""
        ann = self.connect("ann", account=True, device="d1")
        self.do(ann, c.Join("#a"), c.Say("#a", "x"))
        self.restart()
        self.connect("bob", device="d2")
        self.connect("ann", account=True, device="d1")
        numbers = [one.number for one in self.hub.state.devices.values()]
        self.assertEqual(sorted(numbers), [1, 2])


class WindowTests(HubTestCase):
    """Lost, not gone (H9)."""

    def setUp(self) -> None:
        super().setUp()
        self.bob = self.connect("bob")

    def guest(self, quiet: bool = True) -> None:
        """A guest who may come back within five minutes."""
        self.ann = self.connect("ann", device="d1", window_s=300, quiet=quiet)

    def together(self) -> None:
        """Both in a room."""
        self.guest()
        self.do(self.ann, c.Join("#a"))
        self.do(self.bob, c.Join("#a"))
        self.ann.words()

    def test_back_in_time(self) -> None:
        """A guest who comes back in the window is the same one, with its rooms."""
        self.together()
        self.lose(self.ann)
        self.run_hub(299)
        self.guest(quiet=False)
        self.assertEqual(self.ann.heard(), ["welcome ann", "room #a 2"])
        self.run_hub(1000)
        self.assertEqual(self.bob.heard()[2:], [])

    def test_too_late(self) -> None:
        """After the window they have left all rooms."""
        self.together()
        self.bob.words()
        self.lose(self.ann, reason="timeout")
        self.run_hub(300)
        self.assertEqual(self.bob.heard(), ["left #a 3 ann timeout lost"])
        self.guest(quiet=False)
        self.assertEqual(self.ann.heard(), ["welcome ann"])

    def test_bye(self) -> None:
        """Who says goodbye has no window."""
        self.together()
        self.bob.words()
        self.assertEqual(self.do(self.ann, c.Bye("so long")), ["bye bye so long"])
        self.assertEqual(self.bob.heard(), ["left #a 3 ann so long quit"])
        self.assertTrue(self.ann.gone)

    def test_bye_of_another_session(self) -> None:
        """One session's goodbye does not shorten the window of another that was
        lost."""
        one = self.connect("zoe", account=True, window_s=300)
        two = self.connect("zoe", account=True, window_s=300)
        self.do(one, c.Join("#a"))
        self.lose(one)
        self.run_hub(100)
        self.do(two, c.Bye())
        self.assertEqual(self.members("#a"), ["zoe"])
        self.run_hub(200)
        self.assertEqual(self.members("#a"), [])

    def test_lost_again(self) -> None:
        """Each loss begins a window of its own."""
        self.together()
        for _ in range(3):
            self.lose(self.ann)
            self.run_hub(200)
            self.guest()
        self.lose(self.ann)
        self.run_hub(299)
        self.assertEqual(self.members("#a"), ["ann", "bob"])
        self.run_hub(1)
        self.assertEqual(self.members("#a"), ["bob"])

    def test_back_as_the_window_ends(self) -> None:
        """Who comes back and is lost again just then has a new window."""
        self.together()
        self.world.later(300, self._come_and_go)
        self.lose(self.ann)
        self.run_hub(300)
        self.assertEqual(self.members("#a"), ["ann", "bob"])
        self.run_hub(300)
        self.assertEqual(self.members("#a"), ["bob"])

    def _come_and_go(self) -> None:
        peer = self.peer()
        peer.ask(self.hello("ann", device="d1", window_s=300))
        self.hub.lost(peer, "lost", "again")

    def test_spoken_to_while_lost(self) -> None:
        """In the window they are present: they can be written to, and keep their
        nick."""
        self.together()
        self.lose(self.ann)
        heard = self.do(self.bob, c.Say("@ann", "back soon?"), c.Rename("ann"))
        self.assertEqual(
            heard[-2:], ["ok @" + self._pair() + " 1", "error nick_in_use"]
        )

    def _pair(self) -> str:
        return ",".join(sorted(user.key for user in self.hub.state.users.values()))

    def test_restart(self) -> None:
        """Who was here when the server died has the window again, from its start."""
        self.together()
        self.do(self.ann, c.Say("#a", "x"))
        self.restart()
        self.assertEqual(self.members("#a"), ["ann"])
        self.assertEqual(
            self.logged("#a")[3:], ["left #a 4 bob the relay was restarted restart"]
        )
        self.run_hub(299)
        self.guest(quiet=False)
        self.assertEqual(self.ann.heard(), ["welcome ann", "room #a 4"])

    def test_restart_too_late(self) -> None:
        """Who does not come back after a restart has left."""
        self.together()
        cat = self.connect("cat", account=True, stays=True)
        self.do(cat, c.Join("#a"))
        self.restart()
        self.run_hub(300)
        self.assertEqual(self.members("#a"), ["cat"])
        self.assertEqual(
            self.logged("#a")[-1], "left #a 5 ann the relay was restarted restart"
        )


class StayTests(HubTestCase):
    """Accounts that stay members while they are away (H9)."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", account=True, stays=True, window_s=60)
        self.bob = self.connect("bob")
        self.do(self.ann, c.Join("#a"))
        self.do(self.bob, c.Join("#a"))
        self.bob.words()

    def test_offline(self) -> None:
        """They turn offline after the window, which is told and not logged."""
        self.lose(self.ann)
        self.assertEqual(self.bob.heard(), [])
        self.run_hub(60)
        self.assertEqual(self.bob.heard(), ["presence ann False"])
        self.assertEqual(len(self.log("#a")), 2)

    def test_back(self) -> None:
        """When they come back they are in their rooms, and others are told."""
        self.do(self.ann, c.Bye())
        ann = self.connect("ann", account=True, stays=True, quiet=False)
        self.assertEqual(ann.heard(), ["welcome ann", "room #a 2"])
        self.assertEqual(self.bob.heard(), ["presence ann False", "presence ann True"])

    def test_over_a_restart(self) -> None:
        """They stay over a restart too."""
        self.restart()
        self.run_hub(1000)
        self.assertEqual(self.members("#a"), ["ann"])
        bob = self.connect("bob")
        self.do(bob, c.Join("#a"))
        ann = self.connect("ann", account=True, stays=True, quiet=False)
        self.assertEqual(ann.heard()[:2], ["welcome ann", "room #a 4"])

    def test_kicked_while_offline(self) -> None:
        """Who is put out of the last room while offline leaves nothing behind."""
        cat = self.connect("cat")
        self.do(self.ann, c.SetRole("#a", "bob", "owner"), c.Bye())
        self.do(self.bob, c.Kick("#a", "ann"))
        self.assertNotIn("ann", self.hub.state.users)
        self.assertNotIn("ann", self.hub.state.nicks)
        self.assertIsNotNone(cat.user)

    def test_away(self) -> None:
        """Being away is told to neighbours and to one's own sessions, once."""
        heard = self.do(self.ann, c.SetAway("tea"), c.SetAway("tea"))
        self.assertEqual(heard[1:], ["away ann tea", "ok", "ok"])
        self.assertEqual(self.bob.heard(), ["away ann tea"])

    def test_quit_on_both_wires(self) -> None:
        """A quit is told as a user event or as the rooms' shares, never both (H14)."""
        cat = self.connect("cat", TERSE)
        self.do(cat, c.Join("#a"), c.Join("#b"))
        self.do(self.bob, c.Join("#b"))
        cat.words()
        self.do(self.bob, c.Bye("off"))
        self.assertEqual(cat.heard(), ["user_quit bob off"])
        self.assertEqual(
            self.ann.heard()[-2:], ["joined #a 3 cat", "left #a 4 bob off quit"]
        )
        shares = [self.log("#a")[-1], self.log("#b")[-1]]
        self.assertEqual(
            len({msgspec.to_builtins(one)["occurrence"] for one in shares}), 1
        )


class ReturningGuestTests(HubTestCase):
    """Guests and restarts (H9)."""

    def test_reader(self) -> None:
        """A guest who has only read comes back by its device after a restart."""
        self.do(self.connect("gus", device="d1", window_s=300), c.Join("#a"))
        self.restart()
        gus = self.connect("gus", device="d1", window_s=300)
        self.assertEqual(gus.me.nick, "gus")
        self.assertEqual([room.name for room in gus.me.rooms], ["#a"])
