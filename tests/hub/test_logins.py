"""Sessions whose login ends, and sessions that see some rooms only."""

from __future__ import annotations

from msgspec.structs import replace

from relaychat.model import commands as c
from relaychat.model.errors import Revoked, Suspended
from relaychat.model.scope import Scope
from tests.hub.support import TERSE, HubTestCase, RecordingPeer


class CutTests(HubTestCase):
    """Logins that are good no more."""

    def setUp(self) -> None:
        super().setUp()
        self.bob = self.connect("bob")
        self.do(self.bob, c.Join("#tea"))

    def ann(self, device: str | None = None, **options: object) -> RecordingPeer:
        """A session of hers."""
        return self.connect("ann", account=True, device=device, **options)  # type: ignore[arg-type]

    def test_all(self) -> None:
        """All her sessions end, without a window; she stays a member."""
        one = self.ann(window_s=300, stays=True)
        two = self.ann(form=TERSE)
        self.do(one, c.Join("#tea"))
        self.bob.words()
        self.hub.cut("Ann", Suspended())
        self.run_hub()
        self.assertEqual([peer.closed and peer.closed.code for peer in (one, two)],
                         ["suspended", "suspended"])  # fmt: skip
        self.assertEqual(self.bob.heard(), ["presence ann False"])
        self.assertIsNone(self.bob.closed)

    def test_window_of_another(self) -> None:
        """A window that an earlier session left open is over as well."""
        one, two = self.ann(window_s=300), self.ann()
        self.do(two, c.Join("#tea"))
        self.lose(one)
        self.hub.cut("ann", Suspended())
        self.run_hub()
        self.assertNotIn("ann", self.hub.state.users)

    def test_in_the_window(self) -> None:
        """Who is away for a moment is gone at once."""
        ann = self.ann(window_s=300)
        self.do(ann, c.Join("#tea"))
        self.lose(ann)
        self.hub.cut("ann", Suspended())
        self.run_hub()
        self.assertNotIn("ann", self.hub.state.users)

    def test_nobody_here(self) -> None:
        """Nobody has to be here."""
        self.hub.cut("ann", Suspended())
        self.run_hub()

    def test_one_device(self) -> None:
        """One device's session ends, the others go on."""
        phone, laptop = self.ann("phone"), self.ann("laptop")
        self.hub.cut("ann", Revoked(), device="phone")
        self.run_hub()
        self.assertIsNotNone(phone.closed)
        self.assertIsNone(laptop.closed)

    def test_all_but_one(self) -> None:
        """Who changed the password goes on."""
        one, two = self.ann(), self.ann()
        self.hub.cut("ann", Revoked(), keep=one)
        self.run_hub()
        self.assertIsNone(one.closed)
        self.assertIsNotNone(two.closed)

    def test_what_it_had_asked(self) -> None:
        """What was in the queue behind it is not carried out; what was before it is."""
        ann = self.ann()
        self.do(ann, c.Join("#tea"))
        ann.ask(c.Say("#tea", "before"))
        self.hub.cut("ann", Revoked())
        ann.ask(c.Say("#tea", "after"))
        self.run_hub()
        self.assertEqual(
            [line for line in self.logged("#tea") if "said" in line],
            ["said #tea 3 ann before"],
        )

    def test_while_nothing_can_be_kept(self) -> None:
        """It does not wait for the disk."""
        ann = self.ann(form=TERSE)
        self.do(ann, c.Join("#tea"))
        self.store.full = True
        self.hub.cut("ann", Suspended())
        self.run_hub()
        self.assertIsNotNone(ann.closed)
        ann.ask(c.Say("#tea", "still here"))
        self.store.full = False
        self.run_hub(5)
        self.assertEqual(self.members("#tea"), ["bob"])
        self.assertEqual(len(self.reported()), 1)


class ScopeTests(HubTestCase):
    """A token for some rooms: of others its sessions are told nothing."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", account=True, stays=True)
        self.bob = self.connect("bob", account=True)
        self.do(self.ann, c.Join("#ops"), c.Join("#secret"), c.Say("@bob", "psst"))
        self.do(self.bob, c.Join("#ops"), c.Join("#secret"))
        self.bot = self.come()

    def come(self, form: object = None, **options: object) -> RecordingPeer:
        """The bot, a session of Ann's by a token for #ops."""
        peer = self.peer(form) if form else self.peer()  # type: ignore[arg-type]
        enter = self.hello("ann", account=True, **options)  # type: ignore[arg-type]
        scope = Scope("send", frozenset({"#ops"}))
        admission = replace(enter.admission, scope=scope, token="digest")
        peer.ask(replace(enter, admission=admission))
        self.run_hub()
        return peer

    def rooms_told(self, peer: RecordingPeer) -> set[str]:
        """The rooms in all that it was told since."""
        told = set()
        for word in peer.words():
            for one in (word, *getattr(word, "rooms", ())):
                told.add(getattr(one, "room", one if isinstance(one, str) else ""))
        return told - {""}

    def test_welcome(self) -> None:
        """It is shown its rooms, and no other."""
        self.assertEqual(self.rooms_told(self.bot), {"#ops"})

    def test_live(self) -> None:
        """It hears what happens there, and nothing from elsewhere."""
        self.bot.words()
        for name in ("#ops", "#secret", "@ann"):
            self.do(self.bob, c.Say(name, "x"))
        self.do(self.bob, c.Type("#secret"), c.SetTopic("#secret", "x"))
        self.do(self.ann, c.Mark("#secret", 1), c.Join("#third"), c.Part("#secret"))
        self.do(self.bob, c.Invite("#secret", "ann"))
        self.assertEqual(self.rooms_told(self.bot), {"#ops"})
        self.do(self.bob, c.Rename("bobby"))
        self.assertEqual(self.rooms_told(self.bot), {"#ops"})

    def test_new_direct_room(self) -> None:
        """Nor of direct rooms that begin."""
        carl = self.connect("carl", account=True)
        self.bot.words()
        self.do(carl, c.Say("@ann", "psst"))
        self.do(carl, c.Rename("charles"))
        self.assertEqual(self.rooms_told(self.bot), set())

    def test_lists(self) -> None:
        """It finds other rooms in no list, not even its user's own."""
        self.bot.words()
        self.do(self.bob, c.SetAway("tea"))
        for query in (c.ListRooms(), c.Who("bob"), c.Who("ann")):
            self.bot.ask(query)
            self.run_hub()
            self.assertEqual(self.rooms_told(self.bot), {"#ops"})

    def test_resume(self) -> None:
        """It resumes its rooms, and catches up in them alone."""
        cursors = {name: self.cursor(name, 0) for name in ("#ops", "#secret")}
        bot = self.come(resume=cursors)
        self.assertEqual(self.rooms_told(bot), {"#ops"})

    def test_falls_behind(self) -> None:
        """One that does not read comes back to its rooms alone."""
        self.bot.words()
        self.bot.taking = False
        self.do(self.bob, c.Say("#ops", "x"))
        self.do(self.bob, c.Say("#ops", "y"), c.Say("#secret", "y"), c.SetAway("z"))
        self.do(self.ann, c.Part("#secret"), c.Join("#third"))
        self.bot.taking = True
        self.hub.drained(self.bot)
        self.run_hub()
        self.assertEqual(self.rooms_told(self.bot), {"#ops"})
        self.do(self.bob, c.Say("#ops", "z"), c.Say("#secret", "z"))
        self.assertEqual(self.rooms_told(self.bot), {"#ops"})

    def test_cut(self) -> None:
        """With its token it ends, and her other sessions go on."""
        self.hub.cut("ann", Revoked(), token="another")
        self.run_hub()
        self.assertIsNone(self.bot.closed)
        self.hub.cut("ann", Revoked(), token="digest")
        self.run_hub()
        self.assertIsNotNone(self.bot.closed)
        self.assertIsNone(self.ann.closed)
