"""Messages, what is done to them, and direct rooms (H12, H19, H32)."""

from __future__ import annotations

from twisted.internet.defer import ensureDeferred

from relaychat.hub import turn
from relaychat.hub.limits import Limits
from relaychat.model import commands as c
from relaychat.model.chain import START, body_digest, link
from relaychat.model.events import Done, Fault, Page, RoomShown, Said
from relaychat.model.policy import PolicyChange
from relaychat.store.verify import verify
from tests.hub.support import HubTestCase, RecordingPeer


class SpeechTestCase(HubTestCase):
    """Ann and bob in a room, of which ann is the owner."""

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", account=True, stays=True)
        self.bob = self.connect("bob", device="d2", window_s=300)
        self.do(self.ann, c.Join("#a"))
        self.do(self.bob, c.Join("#a"))
        self.ann.words()

    def again(self) -> None:
        """After a restart of the server, with no memory of the log."""
        self.restart()
        self.ann = self.connect("ann", account=True, stays=True)
        self.bob = self.connect("bob", device="d2", window_s=300)


class SayTests(SpeechTestCase):
    """Messages."""

    def test_fields(self) -> None:
        """A message has its kind and what it answers; guests have no account."""
        self.ann.ask(c.Say("#a", "waves", kind="action", reply=1))
        self.run_hub()
        said = self.ann.words()[0]
        assert isinstance(said, Said)
        self.assertEqual((said.kind, said.reply, said.account), ("action", 1, "ann"))

    def test_hidden_meanwhile(self) -> None:
        """Who was refused in a room knows nothing of it once it is secret."""
        eve = self.connect("eve")
        self.assertEqual(self.do(eve, c.Say("#a", "hi")), ["error not_in_room"])
        self.do(self.ann, c.SetPolicy("#a", PolicyChange(secret=True)))
        self.assertEqual(self.do(eve, c.Say("#a", "hi")), ["error no_such_room"])

    def test_texts(self) -> None:
        """What a text may not be (H30)."""
        self.assertEqual(
            self.do(
                self.ann, *[c.Say("#a", text) for text in ("", "a\rb", "x" * 32769)]
            ),
            ["error bad_text", "error bad_text", "error too_long"],
        )

    def test_in_one_go(self) -> None:
        """Messages that follow one another are decided together, and each is told and
        answered as by itself: one that is wrong is refused alone."""
        said = [c.Say("#a", text) for text in ("1", "2", "a\rb", "3", "", "4")]
        self.assertEqual(
            self.do(self.ann, *said),
            [
                "said #a 3 ann 1", "ok #a 3", "said #a 4 ann 2", "ok #a 4",
                "error bad_text", "said #a 5 ann 3", "ok #a 5", "error bad_text",
                "said #a 6 ann 4", "ok #a 6",
            ],
        )  # fmt: skip
        lines = self.ledger.rooms[self.room("#a").number]
        self.assertEqual([bool(line.row.chain) for line in lines[2:]], [0, 1, 1, 1])
        head = self.ledger.heads[self.room("#a").number]
        proved = self.successResultOf(ensureDeferred(verify(self.store, head)))
        self.assertTrue(proved.whole, proved)

    def test_elsewhere_than_expected(self) -> None:
        """Entries are in memory where the commit has put them."""
        self.ledger.last_pos += 7
        self.do(self.bob, c.Say("#a", "1"), c.Say("#a", "2"))
        lines = self.ledger.rooms[self.room("#a").number]
        kept = self.room("#a").tail.entries
        self.assertEqual([one.pos for one in kept], [one.pos for one in lines])

    def test_a_bug_in_one_of_several(self) -> None:
        """An unexpected exception refuses the message that it came from, no other."""
        encode = turn.encode

        def unable(event: Said) -> bytes:
            if getattr(event, "text", "") == "2":
                raise ZeroDivisionError
            return encode(event)

        self.patch(turn, "encode", unable)
        heard = self.do(self.ann, *[c.Say("#a", text) for text in "123"])
        self.assertEqual(
            [one for one in heard if not one.startswith("said")],
            ["ok #a 3", "error internal", "ok #a 4"],
        )
        self.assertEqual(self.reported(), ["deciding Say failed"])

    def test_in_one_go_with_ids(self) -> None:
        """The same for client ids: what came before is answered as it was then."""
        said = [c.Say("#a", f"{n}", cid=n) for n in (1, 2, 3, 2, 4, 4, 5)]
        heard = self.do(self.bob, *said)
        self.assertEqual(
            [one for one in heard if one.startswith("ok")],
            [
                "ok #a 3 1", "ok #a 4 2", "ok #a 5 3", "ok #a 4 2 True", "ok #a 6 4",
                "ok #a 6 4 True", "ok #a 7 5",
            ],
        )  # fmt: skip

    def test_after_a_rename(self) -> None:
        """Where the last message went is looked up again once somebody has moved."""
        cid = self.connect("cid")
        self.do(self.ann, c.Say("@cid", "1"))
        self.do(cid, c.Rename("dan"))
        self.assertEqual(
            self.do(self.ann, c.Say("@cid", "2"))[-1], "error no_such_user"
        )
        self.do(self.connect("eve"), c.Rename("cid"))
        cid.words()
        self.do(self.ann, c.Say("@cid", "3"), c.Say("@dan", "4"))
        self.assertEqual([one[-3:] for one in cid.heard()], ["dan"])

    def test_typing(self) -> None:
        """Typing is told to the others, and nowhere kept."""
        self.assertEqual(self.do(self.ann, c.Type("#a")), ["ok #a"])
        self.assertEqual(self.bob.heard(), ["typing #a ann"])
        self.assertEqual(self.room("#a").seq, 2)

    def test_marks(self) -> None:
        """A read marker goes forward only, and all one's sessions are told."""
        two = self.connect("ann", account=True)
        heard = self.do(self.ann, c.Mark("#a", 2), c.Mark("#a", 1), c.Mark("#a", 3))
        self.assertEqual(heard, ["marked #a 2", "marked #a 2", "error no_such_message"])
        self.assertEqual(two.heard(), ["marked #a 2"])
        self.restart()
        marks = [one.marked for one in self.room("#a").members.values()]
        self.assertEqual(sorted(marks), [0, 2])

    def test_marks_are_remembered(self) -> None:
        """An account's marker outlives its stay."""
        self.do(self.ann, c.Mark("#a", 2), c.Part("#a"), c.Join("#a"))
        self.assertEqual(self.room("#a").members[self.ann.me].marked, 2)


class ChangeTests(SpeechTestCase):
    """Edits, reactions, redactions."""

    def test_edit(self) -> None:
        """One's own message gets a new text; the log holds both."""
        self.do(self.ann, c.Say("#a", "teh"))
        heard = self.do(self.ann, c.Edit("#a", 3, "the"))
        self.assertEqual(heard, ["edited #a 4 ann 3 the", "ok #a 4"])

    def test_edit_in_the_turn(self) -> None:
        """A message of the same turn can be edited and redacted."""
        heard = self.do(
            self.bob, c.Say("#a", "x"), c.Edit("#a", 3, "y"), c.Redact("#a", 3)
        )
        self.assertEqual(heard[-2:], ["redacted #a 5 bob 3", "ok #a 5"])
        self.assertEqual(
            [event.text for event in self.log("#a") if hasattr(event, "text")], ["", ""]
        )

    def test_redacted_in_the_turn(self) -> None:
        """What was redacted in the same turn can't be changed any more."""
        self.do(self.ann, c.Say("#a", "x"))
        heard = self.do(self.ann, c.Redact("#a", 3), c.Edit("#a", 3, "y"))
        self.assertEqual(heard[-1], "error no_such_message")

    def test_edit_long_after(self) -> None:
        """A message that is only in the log can be edited, by a guest as well."""
        self.do(self.ann, c.Say("#a", "x"))
        self.do(self.bob, c.Say("#a", "y"))
        self.again()
        self.assertEqual(self.do(self.ann, c.Edit("#a", 3, "z"))[-1], "ok #a 5")
        self.assertEqual(self.do(self.bob, c.Edit("#a", 4, "z"))[-1], "ok #a 6")

    def test_not_mine(self) -> None:
        """Nobody edits what others wrote; a session's own is its own alone."""
        self.do(self.bob, c.Say("#a", "x"))
        cat = self.connect("cat")
        self.do(cat, c.Join("#a"), c.Say("#a", "y"))
        self.ann.words()
        self.assertEqual(self.do(self.ann, c.Edit("#a", 3, "z")), ["error forbidden"])
        self.bob.words()
        self.assertEqual(
            self.do(self.bob, c.Edit("#a", 5, "z"), c.Redact("#a", 5)),
            ["error forbidden"] * 2,
        )
        self.assertEqual(self.do(cat, c.Edit("#a", 5, "z"))[-1], "ok #a 6")

    def test_no_message(self) -> None:
        """What is no message can't be changed."""
        self.do(self.ann, c.Say("#a", "x"))
        self.do(self.ann, c.Redact("#a", 3))
        asked = [c.Edit("#a", seq, "x") for seq in (1, 3, 4, 99)]
        self.assertEqual(self.do(self.ann, *asked), ["error no_such_message"] * 4)
        self.again()
        self.assertEqual(self.do(self.ann, asked[1]), ["error no_such_message"])

    def test_react(self) -> None:
        """A reaction, and its end."""
        self.do(self.ann, c.Say("#a", "x"))
        self.bob.words()
        heard = self.do(
            self.bob, c.React("#a", 3, "+1"), c.React("#a", 3, "+1", remove=True)
        )
        self.assertEqual(heard[0], "reacted #a 4 bob 3 +1")
        self.assertEqual(heard[2], "reacted #a 5 bob 3 +1 True")

    def test_redact(self) -> None:
        """The texts of a message and its edits leave the log and the memory."""
        self.do(self.bob, c.Say("#a", "secret one"), c.Edit("#a", 3, "secret two"))
        heard = self.do(self.ann, c.Redact("#a", 3, "private"))
        self.assertEqual(heard[-2:], ["redacted #a 5 ann 3 private", "ok #a 5"])
        number = self.room("#a").number
        bodies = b"".join(line.row.body for line in self.ledger.rooms[number])
        bodies += b"".join(kept.body for kept in self.room("#a").tail.entries)
        self.assertNotIn(b"secret", bodies)
        self.bob.words()
        self.assertEqual(self.do(self.bob, c.History("#a")), ["history"])

    def test_redact_long_after(self) -> None:
        """The same when only the log remembers: two reads for one command."""
        self.do(
            self.bob,
            c.Say("#a", "secret one"),
            c.Edit("#a", 3, "secret two"),
            c.Say("#a", "public"),
        )
        self.again()
        heard = self.do(self.ann, c.Redact("#a", 3), c.Ping("x"))
        self.assertEqual(heard, ["redacted #a 6 ann 3", "ok #a 6", "pong x"])
        texts = [getattr(event, "text", None) for event in self.log("#a")]
        self.assertEqual(texts, [None, None, "", "", "public", None])

    def test_redact_edited_since(self) -> None:
        """An edit that comes between the read and the redaction is blanked too."""
        self.do(self.bob, c.Say("#a", "secret one"))
        self.again()
        self.bob.ask(c.Edit("#a", 3, "secret two"))
        self.ann.ask(c.Redact("#a", 3))
        self.run_hub()
        texts = [getattr(event, "text", None) for event in self.log("#a")]
        self.assertEqual(texts, [None, None, "", "", None])

    def test_two_redactions_of_old(self) -> None:
        """Reads for one command are not used for another."""
        self.do(self.bob, c.Say("#a", "one"), c.Say("#a", "two"))
        self.again()
        heard = self.do(
            self.bob, c.Redact("#a", 3), c.Edit("#a", 4, "too"), c.Redact("#a", 4)
        )
        self.assertEqual(heard[-1], "ok #a 7")
        texts = [getattr(event, "text", None) for event in self.log("#a")]
        self.assertEqual(texts, [None, None, "", "", None, "", None])

    def test_chain(self) -> None:
        """After a redaction the chain still proves (H32)."""
        self.do(self.bob, c.Say("#a", "x"))
        self.do(self.ann, c.Redact("#a", 3))
        chain = START
        for line in self.ledger.rooms[self.room("#a").number]:
            digest = line.digest or body_digest(line.row.body)
            chain = link(chain, line.seq, line.row.at, digest)
            self.assertEqual(line.row.chain, chain)

    def test_operators_redact(self) -> None:
        """Operators redact what others wrote, but not in a direct room."""
        self.do(self.ann, c.Say("#a", "x"))
        self.bob.words()
        self.assertEqual(self.do(self.bob, c.Redact("#a", 3)), ["error forbidden"])
        self.do(self.bob, c.Say("@ann", "x"))
        self.ann.words()
        self.assertEqual(self.do(self.ann, c.Redact("@bob", 1)), ["error forbidden"])


class NoLogTests(SpeechTestCase):
    """Rooms without a log (H19)."""

    limits = Limits(tail_entries=4)

    def setUp(self) -> None:
        super().setUp()
        self.do(self.ann, c.SetPolicy("#a", PolicyChange(history="none")))
        self.bob.words()

    def test_not_kept(self) -> None:
        """What is said there is told, and not written."""
        commits = len(self.store.given)
        self.do(self.ann, c.Say("#a", "x"), c.Edit("#a", 4, "y"))
        self.assertEqual(self.bob.heard(), ["said #a 4 ann x", "edited #a 5 ann 4 y"])
        self.assertEqual(len(self.store.given), commits)
        self.assertEqual(len(self.log("#a")), 3)

    def test_while_the_store_fails(self) -> None:
        """Such a room goes on while the store keeps nothing, for guests too."""
        self.store.full = True
        heard = self.do(self.bob, c.Say("#a", "x", cid=1), c.Join("#new"))
        self.assertEqual(heard[:2], ["said #a 4 bob x", "ok #a 4 1"])
        self.reported()

    def test_redact(self) -> None:
        """The ring forgets as well, and so does the log from before."""
        self.do(self.bob, c.Say("#a", "one"), c.Edit("#a", 4, "two"))
        self.do(self.bob, c.Redact("#a", 4))
        texts = [
            getattr(kept.event, "text", None) for kept in self.room("#a").tail.entries
        ]
        self.assertEqual(texts, [None, "", "", None])

    def test_redact_of_before(self) -> None:
        """What was said while there was a log leaves the log."""
        self.do(self.bob, c.Join("#b"), c.Say("#b", "secret"))
        change = PolicyChange(history="none")
        self.do(self.bob, c.SetPolicy("#b", change), c.Redact("#b", 2))
        self.assertEqual(self.logged("#b")[1], "said #b 2 bob  True")

    def test_forgotten(self) -> None:
        """What the ring has lost can't be changed any more."""
        self.do(self.bob, *[c.Say("#a", "x")] * 5)
        self.assertEqual(
            self.do(self.bob, c.Edit("#a", 4, "y")), ["error no_such_message"]
        )

    def test_restart(self) -> None:
        """After a restart it is another life of the room, with another epoch (H15)."""
        self.do(self.ann, c.Say("#a", "x"))
        before = self.room("#a").epoch
        self.again()
        self.assertNotEqual(self.room("#a").epoch, before)
        self.assertEqual(self.do(self.ann, c.Say("#a", "y"))[-1], "ok #a 4")


class DirectTests(SpeechTestCase):
    """Rooms of two (H12)."""

    def direct(self, peer: RecordingPeer, nick: str, text: str) -> list[str]:
        """A direct message, with the guest's random name taken out."""
        bob = self.bob.me.key if self.bob.user else ""
        return [
            line.replace(bob, "~bob") for line in self.do(peer, c.Say(f"@{nick}", text))
        ]

    def test_first_message(self) -> None:
        """The first message makes the room: shown to both, and no join in it."""
        heard = self.direct(self.ann, "bob", "psst")
        self.assertEqual(
            heard,
            [
                "room @ann,~bob 0",
                "said @ann,~bob 1 ann psst bob",
                "ok @ann,~bob 1",
            ],
        )
        room, said = self.bob.words()
        assert isinstance(room, RoomShown) and isinstance(said, Said)
        self.assertEqual((room.direct, said.to), ("ann", "bob"))
        self.assertEqual(self.direct(self.bob, "ANN", "yes?")[0][-8:], "yes? ann")

    def test_to_oneself(self) -> None:
        """One can write to oneself, and all one's sessions see it."""
        two = self.connect("ann", account=True)
        self.assertEqual(
            self.do(self.ann, c.Say("@ann", "milk")),
            ["room @ann,ann 0", "said @ann,ann 1 ann milk ann", "ok @ann,ann 1"],
        )
        self.assertEqual(
            two.heard(), ["room @ann,ann 0", "said @ann,ann 1 ann milk ann"]
        )

    def test_offline_account(self) -> None:
        """An account that is away finds the messages when it comes."""
        self.account("Zoe")
        self.assertEqual(self.do(self.ann, c.Say("@zoe", "hi"))[-1], "ok @ann,zoe 1")
        self.assertEqual(self.hub.state.nicks["zoe"], self.hub.state.users["zoe"])
        self.again()
        zoe = self.connect("Zoe", account=True, quiet=False)
        self.assertEqual(zoe.heard(), ["welcome Zoe", "room @ann,zoe 1"])
        self.assertEqual(self.do(zoe, c.Say("@ann", "hello"))[-1], "ok @ann,zoe 2")

    def test_departed_guest(self) -> None:
        """What a guest said stays with whom it was said to; but nobody can answer."""
        self.do(self.bob, c.Say("@ann", "psst"))
        (name,) = [one for one in self.hub.state.rooms if one != "#a"]
        self.do(self.bob, c.Part("#a"), c.Bye())
        self.ann.words()
        for called in ("@bob", name):
            for ask in (c.Say(called, "?"), c.Custom(called, "tea/cup", 1)):
                self.assertEqual(self.do(self.ann, ask)[-1], "error no_such_user")
        self.ann.ask(c.History(name))
        self.run_hub()
        (page,) = self.ann.words()
        assert isinstance(page, Page)
        self.assertEqual(
            [one.text for one in page.events if isinstance(one, Said)], ["psst"]
        )
        self.again()
        self.assertEqual(self.hub.state.rooms[name].departed, "bob")

    def test_departed_guests_are_bounded(self) -> None:
        """Of the rooms that guests have left, the latest are kept."""
        most = self.hub.house.limits.departed_per_user
        for number in range(most + 2):
            guest = self.connect(f"guest{number}")
            self.do(guest, c.Say("@ann", "hi"), c.Bye())
        left = [room for room in self.hub.state.rooms.values() if room.departed]
        self.assertEqual(len(left), most)
        self.assertEqual(left[0].departed, "guest2")

    def test_cid_in_a_ring(self) -> None:
        """A resend is found also where no log is kept, as long as the ring holds it."""
        cat = self.connect("cat", device="d9")
        self.do(cat, c.Join("#r"), c.SetPolicy("#r", PolicyChange(history="none")))
        self.do(cat, c.Say("#r", "once", cid=1))
        self.do(cat, c.Say("#r", "twice", cid=2))
        cat.ask(c.Say("#r", "once", cid=1), c.Say("#r", "other", cid=2))
        self.run_hub()
        again, reused = cat.words()
        assert isinstance(again, Done) and isinstance(reused, Fault)
        self.assertEqual((again.seq, again.duplicate), (3, True))
        self.assertEqual(reused.code, "cid_reused")

    def test_guest_gone_is_told(self) -> None:
        """Who shares only the direct room hears that its guest has gone."""
        self.do(self.bob, c.Part("#a"))
        self.direct(self.ann, "bob", "psst")
        cat = self.connect("ann", account=True)
        self.do(self.bob, c.Bye("off"))
        self.assertEqual(cat.heard(), ["presence bob False"])

    def test_account_is_kept(self) -> None:
        """Direct rooms of accounts stay, also for one that keeps no other room."""
        zoe = self.connect("zoe", account=True)
        self.do(zoe, c.Join("#a"), c.Say("@ann", "hi"), c.Bye())
        self.assertEqual(self.members("#a"), ["ann", "bob"])
        self.assertEqual(self.members("@ann,zoe"), ["ann", "zoe"])
        self.again()
        self.assertEqual(self.members("@ann,zoe"), ["ann", "zoe"])
        self.assertFalse(self.hub.state.users["zoe"].online)

    def test_nick_changed(self) -> None:
        """The room follows the user, not the nick."""
        self.direct(self.ann, "bob", "psst")
        self.do(self.bob, c.Rename("bobby"))
        self.ann.words()
        self.assertEqual(self.direct(self.ann, "bobby", "ah")[-1], "ok @ann,~bob 2")

    def test_queries(self) -> None:
        """The room is found by the other's nick."""
        self.direct(self.ann, "bob", "psst")
        self.assertEqual(
            self.do(self.ann, c.History("@bob"), c.ListMembers("@bob")),
            ["history", "members"],
        )
        self.assertEqual(
            self.do(self.ann, c.History("@ann"), c.Part("@bob")),
            ["error no_such_room", "error forbidden"],
        )

    def test_quit_without_direct_part(self) -> None:
        """Being gone is no entry in a direct room."""
        self.direct(self.ann, "bob", "psst")
        name = next(name for name in self.hub.state.rooms if name.startswith("@"))
        self.lose(self.ann)
        self.assertEqual(self.room(name).seq, 1)
