"""An account is deleted: what becomes of its rooms and of its text."""

from __future__ import annotations

import msgspec
from twisted.internet.defer import Deferred

from relaychat.hub import hub as hub_module
from relaychat.model import commands as c
from relaychat.model.events import Edited, Said
from relaychat.model.policy import PolicyChange
from relaychat.store.api import Record
from relaychat.store.verify import verify
from tests.hub.support import TERSE, HubTestCase, RecordingPeer, failed


class ErasureCase(HubTestCase):
    """Ann has an account, and deletes it."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.person("ann")

    def person(self, nick: str) -> RecordingPeer:
        """Somebody with an account, who stays."""
        return self.connect(nick, account=True, stays=True)

    def erase(self, blank: bool = False) -> None:
        """As ``auth`` does it."""
        gone = msgspec.json.encode({"name": "ann", "deleted": True})
        self.ledger.records["account", "ann"] = gone
        self.ledger.records["erase", "ann"] = b"{}"
        self.hub.erase("ann", blank)
        self.run_hub()

    def left_to_do(self) -> bool:
        """Whether the record of the task is still there."""
        return ("erase", "ann") in self.ledger.records

    def assert_no_trace(self) -> None:
        """Neither the state nor the store knows of a membership of Ann's."""
        for _ in range(2):
            self.assertNotIn("ann", self.hub.state.users)
            for room in self.hub.state.rooms.values():
                self.assertNotIn("ann", room.former)
                self.assertNotIn("ann", room.invited)
                self.assertNotEqual(room.owner, "ann")
            self.restart()
        keys = [key for kind, key in self.ledger.records if kind in ("member", "user")]
        self.assertEqual([key for key in keys if key.endswith("ann")], [])


class RoomTests(ErasureCase):
    """Its rooms pass on, or close."""

    def test_oldest_operator(self) -> None:
        """The member with the highest role owns the room, of two the one who came
        first; everybody is told."""
        self.do(self.ann, c.Join("#tea"))
        people = {nick: self.person(nick) for nick in ("bob", "carl", "dora")}
        for peer in people.values():
            self.do(peer, c.Join("#tea"))
        for nick in ("dora", "carl"):
            self.do(self.ann, c.SetRole("#tea", nick, "operator"))
        people["bob"].words()
        self.erase()
        self.assertEqual(
            people["bob"].heard(),
            ["role_set #tea 7 ann carl owner operator",
             "left #tea 8 ann the account was deleted quit"],
        )  # fmt: skip
        self.assertEqual(self.room("#tea").owner, "carl")
        self.assertEqual(self.hub.state.owned, {"carl": 1})
        self.assertFalse(self.left_to_do())
        self.assert_no_trace()
        self.assertEqual(self.room("#tea").owner, "carl")

    def test_irc(self) -> None:
        """IRC hears of the new operator, and one quit."""
        ear = self.connect("ear", TERSE, account=True)
        for name in ("#a", "#b"):
            self.do(self.ann, c.Join(name))
            self.do(ear, c.Join(name))
        self.erase()
        heard = ear.heard()
        self.assertEqual([line.split()[0] for line in heard],
                         ["role_set", "role_set", "user_quit"])  # fmt: skip

    def test_another_owner(self) -> None:
        """Where somebody has the role already nobody is told of one."""
        self.do(self.ann, c.Join("#tea"))
        bob = self.person("bob")
        self.do(bob, c.Join("#tea"))
        self.do(self.ann, c.SetRole("#tea", "bob", "owner"))
        bob.words()
        self.erase()
        self.assertEqual([line.split()[0] for line in bob.heard()], ["left"])
        self.assertEqual(self.room("#tea").owner, "bob")

    def test_guests_only(self) -> None:
        """Guests can't own a room: it stays as long as they do."""
        self.do(self.ann, c.Join("#tea"))
        bob = self.connect("bob")
        self.do(bob, c.Join("#tea"))
        self.erase()
        room = self.room("#tea")
        self.assertEqual((room.kind, room.owner), ("passing", ""))
        self.assertEqual(int(room.members[bob.me].role), 3)
        self.do(bob, c.Part("#tea"))
        self.assertEqual(self.hub.state.rooms, {})

    def test_nobody_else(self) -> None:
        """A room without another member closes, whether she is in it or not."""
        self.do(self.ann, c.Join("#tea"), c.Join("#milk"), c.Part("#milk"))
        self.assertEqual(len(self.hub.state.rooms), 2)
        self.erase()
        self.assertEqual(self.hub.state.rooms, {})
        self.assert_no_trace()

    def test_rooms_of_others(self) -> None:
        """She leaves them; where she had been once nothing is kept of it."""
        bob = self.person("bob")
        for name in ("#a", "#b", "#c"):
            self.do(bob, c.Join(name))
        self.do(self.ann, c.Join("#a"), c.Join("#b"), c.Part("#b"))
        self.do(bob, c.Invite("#c", "ann"))
        self.erase()
        self.assertEqual(self.members("#a"), ["bob"])
        self.assert_no_trace()

    def test_offline(self) -> None:
        """It makes no difference whether she is here."""
        bob = self.person("bob")
        self.do(self.ann, c.Join("#tea"))
        self.do(bob, c.Join("#tea"))
        self.lose(self.ann)
        self.erase()
        self.assertEqual(self.room("#tea").owner, "bob")
        self.assert_no_trace()

    def test_direct(self) -> None:
        """What she said to somebody stays with them; nobody can answer."""
        bob = self.person("bob")
        self.do(self.ann, c.Say("@bob", "psst"))
        bob.words()
        self.erase()
        self.assertEqual(self.do(bob, c.Say("@ann", "what?")), ["error no_such_user"])
        self.assertEqual(self.members("@ann,bob"), ["bob"])
        self.assert_no_trace()

    def test_her_sessions_end(self) -> None:
        """Hers are hung up on, and nothing that was under way is taken."""
        self.do(self.ann, c.Join("#tea"))
        self.ann.ask(c.Say("#tea", "before"))
        self.hub.erase("ann", False)
        self.ann.ask(c.Say("#tea", "after"))
        self.run_hub()
        assert self.ann.closed is not None
        self.assertEqual(self.ann.closed.code, "revoked")
        self.assertFalse(self.ann.me.peers if self.ann.user else {})
        logs = [line.row.body for log in self.ledger.rooms.values() for line in log]
        self.assertIn(b"before", b"".join(logs))
        self.assertNotIn(b"after", b"".join(logs))

    def test_name_is_nobodys(self) -> None:
        """Nobody is called so again, and nobody is found by it."""
        self.erase()
        bob = self.connect("bob")
        self.assertEqual(self.do(bob, c.Rename("ann")), ["error nick_in_use"])
        self.assertEqual(self.do(bob, c.Who("ann")), ["error no_such_user"])

    def test_full_disk_and_no_rooms(self) -> None:
        """So does the end of the task itself."""
        self.store.full = True
        self.erase()
        self.assertTrue(self.left_to_do())
        self.do(self.connect("bob"), c.Join("#tea"))
        self.store.full = False
        self.run_hub(5)
        self.assertFalse(self.left_to_do())
        self.reported()

    def test_full_disk(self) -> None:
        """While nothing can be kept it waits, but her sessions do not."""
        self.do(self.ann, c.Join("#tea"))
        self.do(self.person("bob"), c.Join("#tea"))
        self.store.full = True
        self.erase()
        self.assertIsNotNone(self.ann.closed)
        self.assertEqual(self.room("#tea").owner, "ann")
        self.assertTrue(self.left_to_do())
        self.store.full = False
        self.run_hub(5)
        self.assertEqual(self.room("#tea").owner, "bob")
        self.assertFalse(self.left_to_do())
        self.assertEqual(len(self.reported()), 1)


class TextTests(ErasureCase):
    """Her text leaves the log, the chain stays whole."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(hub_module, "WALK_ENTRIES", 3)
        self.bob = self.person("bob")
        for name in ("#a", "#b"):
            self.do(self.ann, c.Join(name))
            self.do(self.bob, c.Join(name))
            for number in range(5):
                self.do(self.ann, c.Say(name, f"hers {number}"))
                self.do(self.bob, c.Say(name, f"his {number}, not ann's"))
        self.do(self.ann, c.Edit("#a", 3, "hers, edited"), c.Say("@bob", "hers, too"))

    def texts(self) -> list[str]:
        """All texts in all logs."""
        found = []
        for log in self.ledger.rooms.values():
            for line in log:
                word = msgspec.json.decode(line.row.body)
                found += [word["text"]] if "text" in word else []
        return found

    def assert_hers_are_gone(self) -> None:
        """His are there, hers are not, and every log is whole."""
        texts = self.texts()
        self.assertEqual([text for text in texts if text.startswith("hers")], [])
        his = [text for text in texts if text.startswith("his")]
        self.assertEqual(len(his), 10)
        for head in self.ledger.heads.values():
            walk = Deferred.fromCoroutine(verify(self.store, head))
            self.assertTrue(self.successResultOf(walk).whole)

    def test_blank(self) -> None:
        """All her messages and edits, in direct rooms too, and in what the memory
        shows."""
        self.erase(blank=True)
        self.assert_hers_are_gone()
        self.assertFalse(self.left_to_do())
        self.bob.words()
        self.bob.ask(c.History("#a"))
        self.run_hub()
        (page,) = self.bob.words()
        hers = [
            event
            for event in page.events  # type: ignore[attr-defined]
            if isinstance(event, Said | Edited) and event.sender == "ann"
        ]
        self.assertEqual(len(hers), 6)
        self.assertTrue(all(event.redacted and not event.text for event in hers))

    def test_custom(self) -> None:
        """The values of events of her own kinds, too."""
        self.do(self.ann, c.Custom("#a", "tea/order", {"for": "hers alone"}))
        self.erase(blank=True)
        self.assert_hers_are_gone()
        lines = [line for log in self.ledger.rooms.values() for line in log]
        bodies = b"".join(line.row.body for line in lines)
        self.assertIn(b"tea/order", bodies)
        self.assertNotIn(b"hers alone", bodies)

    def test_not_asked_for(self) -> None:
        """Otherwise it stays."""
        before = self.texts()
        self.erase()
        self.assertEqual(self.texts(), before)

    def test_sealed_rooms(self) -> None:
        """Also in rooms that have closed since."""
        eve = self.connect("eve")
        self.do(eve, c.Join("#c"))
        self.do(self.ann, c.Say("@bob", "hers again"))
        room = self.room("#a")
        self.do(self.ann, c.Part("#b"))
        self.do(self.bob, c.Part("#a"), c.Part("#b"))
        self.erase(blank=True)
        self.assertNotIn(room, self.hub.state.rooms.values())
        self.assert_hers_are_gone()

    def test_without_a_log(self) -> None:
        """What a room without a log still holds in memory is blanked there."""
        policy = PolicyChange(history="none")
        self.do(self.ann, c.SetPolicy("#b", policy), c.Say("#b", "hers, unlogged"))
        self.erase(blank=True)
        self.assert_hers_are_gone()
        bodies = [kept.body for kept in self.room("#b").tail.entries]
        self.assertNotIn(b"hers", b"".join(bodies))

    def test_restart_in_the_middle(self) -> None:
        """It is begun anew after a restart."""
        self.store.hold(reads=True)
        self.erase(blank=True)
        self.assertTrue(self.left_to_do())
        self.restart()
        self.assertTrue(any(text.startswith("hers") for text in self.texts()))
        self.hub.erase("ann", True)
        self.run_hub()
        self.assert_hers_are_gone()
        self.assertFalse(self.left_to_do())

    def test_full_disk_in_the_middle(self) -> None:
        """Nothing is passed over while the disk is full."""
        self.store.script = [None, failed, failed]
        self.erase(blank=True)
        self.run_hub(10)
        self.assert_hers_are_gone()
        self.reported()

    def test_records_are_dropped(self) -> None:
        """The task's record goes with the last of it."""
        self.erase(blank=True)
        last = self.store.given[-1]
        self.assertEqual(last.records, [Record("erase", "ann", None)])
