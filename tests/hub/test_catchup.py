"""Readers that resume or fall behind: everything, once, in order, or a gap that says
so (H11, H15, H17, H18, H19)."""

from __future__ import annotations

from relaychat.hub.limits import Limits
from relaychat.model import commands as c
from relaychat.model.events import Gap, LogEvent, Resumed, UserAway, Withheld
from relaychat.model.policy import PolicyChange
from relaychat.model.words import Word
from tests.hub.support import PLAIN, TERSE, HubTestCase, Plain, RecordingPeer


class CatchUpTestCase(HubTestCase):
    """Ann talks in rooms that keep no more than a few entries in memory."""

    limits = Limits(tail_entries=4, page_entries=3)

    def setUp(self) -> None:
        super().setUp()
        self.ann = self.connect("ann", account=True, stays=True)
        self.bob = self.connect("bob", account=True, stays=True)
        for room in ("#a", "#b"):
            self.do(self.ann, c.Join(room))
            self.do(self.bob, c.Join(room))
        self.bob.words()

    def talk(self, *texts: str, room: str = "#a") -> None:
        """Ann says these, each in a turn of its own."""
        for text in texts:
            self.do(self.ann, c.Say(room, text))

    def seqs(self, peer: RecordingPeer, room: str = "#a") -> list[int]:
        """The seqs of a room's events that somebody was told."""
        words = [word for word in peer.words() if isinstance(word, LogEvent)]
        return [word.seq for word in words if word.room == room]


class ResumeTests(CatchUpTestCase):
    """Coming back with a cursor."""

    def back(self, **cursors: int) -> RecordingPeer:
        """Bob is back, with cursors of rooms a and b."""
        resume = {
            f"#{name}": self.cursor(f"#{name}", cursors[name]) for name in cursors
        }
        return self.connect("bob", account=True, resume=resume, quiet=False)

    def test_nothing_missed(self) -> None:
        """Who missed nothing is level at once, and is told so."""
        bob = self.back(a=2, b=2)
        self.assertEqual(
            bob.heard(),
            ["welcome bob", "room #a 2", "room #b 2", "resumed ('#a', '#b')"],
        )
        self.talk("x")
        self.assertEqual(bob.heard(), ["said #a 3 ann x"])

    def test_from_memory(self) -> None:
        """What was missed comes in order, before anything new."""
        self.lose(self.bob)
        self.talk("x", "y")
        bob = self.back(a=2, b=1)
        self.assertEqual(
            bob.heard(),
            [
                "welcome bob",
                "room #a 4",
                "room #b 2",
                "joined #b 2 bob",
                "said #a 3 ann x",
                "said #a 4 ann y",
                "resumed ('#a', '#b')",
            ],
        )

    def test_from_the_log(self) -> None:
        """What memory has not comes from the store, page by page, rooms merged."""
        self.lose(self.bob)
        for n in range(5):
            self.talk(f"{n}", f"{n}+")
            self.talk(f"{n}", room="#b")
        bob = self.back(a=0, b=0)
        texts = [word for word in bob.words() if isinstance(word, LogEvent)]
        self.assertEqual(
            [(word.room, word.seq) for word in texts[4:10]],
            [("#a", 3), ("#a", 4), ("#b", 3), ("#a", 5), ("#a", 6), ("#b", 4)],
        )
        self.assertEqual(len(texts), 19)

    def test_room_without_cursor(self) -> None:
        """A room without a cursor goes on from now."""
        self.lose(self.bob)
        self.talk("x")
        bob = self.back(b=2)
        self.assertEqual(bob.heard()[-1], "resumed ('#b',)")
        self.talk("y")
        self.assertEqual(self.seqs(bob), [4])

    def test_live_meanwhile(self) -> None:
        """What happens while the store reads comes once, in its place."""
        self.lose(self.bob)
        self.talk(*"123456789")
        self.store.hold(reads=True)
        bob = self.back(a=2)
        bob.words()
        self.ann.ask(c.Say("#a", "new"), c.Say("#b", "other"))
        self.run_hub()
        self.store.release()
        self.run_hub()
        words = bob.words()
        told = [(one.room, one.seq) for one in words if isinstance(one, LogEvent)]
        self.assertEqual(told, [*[("#a", n) for n in range(3, 13)], ("#b", 3)])
        self.assertIsInstance(words[-1], Resumed)

    def test_another_epoch(self) -> None:
        """A cursor of another life of the room is answered with a gap."""
        cursor = c.Cursor("0123", 1)
        bob = self.connect("bob", account=True, resume={"#a": cursor}, quiet=False)
        self.assertEqual(
            bob.heard(),
            [
                "welcome bob",
                "room #a 2",
                "room #b 2",
                "gap #a 2 2 reset",
                "resumed ('#a',)",
            ],
        )

    def test_beyond_the_log(self) -> None:
        """So is a seq that the log does not have."""
        bob = self.back(a=9)
        self.assertIn("gap #a 10 2 reset", bob.heard())
        self.talk("x")
        self.assertEqual(self.seqs(bob), [3])

    def test_room_gone(self) -> None:
        """A room that one is not in any more is not among those resumed."""
        self.do(self.ann, c.Kick("#a", "bob"))
        bob = self.back(a=2, b=2)
        self.assertEqual(bob.heard(), ["welcome bob", "room #b 2", "resumed ('#b',)"])

    def test_query(self) -> None:
        """A live session can start over."""
        self.talk("x", "y")
        self.bob.words()
        self.bob.ask(c.Resume({"#a": self.cursor("#a", 2)}, id=4))
        self.ann.ask(c.Say("#a", "z"))
        self.run_hub()
        words = self.bob.words()
        self.assertEqual(
            [one.seq for one in words if isinstance(one, LogEvent)], [3, 4, 5]
        )
        self.assertEqual(words[-1], Resumed(("#a",), id=4))

    def test_query_refused(self) -> None:
        """Not from rooms that one is not in."""
        asked = c.Resume({"#c": c.Cursor("x", 1)})
        self.assertEqual(self.do(self.bob, asked), ["error no_such_room"])

    def test_sent_back(self) -> None:
        """Who is sent back while the store reads for it misses nothing."""
        self.talk(*"123456789")
        self.bob.words()
        self.store.hold(reads=True)
        self.bob.ask(c.Resume({"#a": self.cursor("#a", 6)}))
        self.run_hub()
        self.bob.ask(c.Resume({"#a": self.cursor("#a", 2)}))
        self.run_hub()
        self.store.release()
        self.run_hub()
        self.assertEqual(self.seqs(self.bob), list(range(3, 12)))

    def test_unnamed_rooms_go_on_where_they_were(self) -> None:
        """A resume takes nothing from rooms that it does not name, such as one that
        another session opened meanwhile: they go on where the reader is."""
        self.bob.taking = False
        self.talk("1")
        other = self.connect("bob", account=True)
        self.talk("2", "3", room="#b")
        self.do(other, c.Say("@ann", "4"), c.Say("@ann", "5"))
        self.bob.words()
        self.bob.ask(c.Resume({"#a": self.cursor("#a", 3)}))
        self.run_hub()
        self.bob.taking = True
        self.hub.drained(self.bob)
        self.run_hub()
        words = [one for one in self.bob.words() if isinstance(one, LogEvent)]
        self.assertEqual(
            [(one.room, one.seq) for one in words],
            [("#b", 3), ("#b", 4), ("@ann,bob", 1), ("@ann,bob", 2)],
        )

    def test_gone_while_reading(self) -> None:
        """What was read for somebody who is gone is told to nobody."""
        self.lose(self.bob)
        self.talk(*"123456789")
        self.store.hold(reads=True)
        bob = self.back(a=2)
        bob.words()
        self.hub.lost(bob, "lost", "cut")
        self.run_hub()
        self.store.release()
        self.run_hub()
        self.assertEqual(bob.heard(), [])

    def test_left_while_reading(self) -> None:
        """Who leaves a room before it was level hears that it missed something."""
        self.lose(self.bob)
        self.talk(*"123456789")
        self.store.hold(reads=True)
        bob = self.back(a=2, b=2)
        bob.words()
        self.talk("x", room="#b")
        bob.ask(c.Part("#a"))
        self.run_hub()
        self.store.release()
        self.run_hub()
        self.assertEqual(
            bob.heard(),
            [
                "withheld #a 3 11",
                "left #a 12 bob",
                "ok #a 12",
                "said #b 3 ann x",
                "resumed ('#b',)",
            ],
        )

    def test_joined_while_behind(self) -> None:
        """A room that one joins while behind is followed from there."""
        self.lose(self.bob)
        self.talk(*"123456789")
        self.store.hold(reads=True)
        bob = self.back(a=2)
        self.do(bob, c.Join("#c"))
        self.store.release()
        self.run_hub()
        self.assertEqual(bob.heard()[-1], "resumed ('#a',)")
        self.do(bob, c.Part("#c"))
        self.assertEqual(self.do(bob, c.Say("#a", "x"))[-1], "ok #a 12")


class SlowTests(CatchUpTestCase):
    """Falling behind."""

    def test_behind(self) -> None:
        """Who takes no more is sent nothing, and then everything, once."""
        self.bob.taking = False
        self.talk("1")
        self.assertEqual(self.seqs(self.bob), [3])
        self.talk(*"23456789")
        self.assertEqual(self.bob.writes, 0)
        self.bob.taking = True
        self.hub.drained(self.bob)
        self.run_hub()
        self.assertEqual(self.seqs(self.bob), list(range(4, 12)))
        self.talk("live")
        self.assertEqual(self.seqs(self.bob), [12])

    def test_a_little_at_a_time(self) -> None:
        """Who takes one payload at a time gets there too."""
        self.bob.taking = False
        self.talk(*"123456789")
        told = self.seqs(self.bob)
        for _ in range(9):
            self.hub.drained(self.bob)
            self.run_hub()
            self.assertLessEqual(self.bob.writes, 1)
            told += self.seqs(self.bob)
        self.assertEqual(told, list(range(3, 12)))

    def test_starting_over_while_full(self) -> None:
        """Who takes no more, and asks to start over, gets nothing of the log before it
        has drained: what is held for it stays bounded."""
        self.bob.taking = False
        self.talk("1")
        self.bob.words()
        self.do(self.bob, c.Resume({"#a": self.cursor("#a", 1)}))
        self.assertEqual(self.bob.words(), [])
        told = []
        for _ in range(2):
            self.hub.drained(self.bob)
            self.run_hub()
            self.assertEqual(self.bob.writes, 1)
            told += self.bob.heard()
        self.assertEqual(
            told, ["joined #a 2 bob", "said #a 3 ann 1", "resumed ('#a',)"]
        )

    def test_full_with_the_last_word(self) -> None:
        """Who takes no more with the word that it is level again is behind again."""
        self.bob.taking = False
        self.talk("1")
        self.do(self.bob, c.Resume({"#a": self.cursor("#a", 3)}))
        self.hub.drained(self.bob)
        self.run_hub()
        self.assertEqual(self.bob.heard()[-1], "resumed ('#a',)")
        self.talk("2")
        self.assertEqual(self.bob.words(), [])
        self.hub.drained(self.bob)
        self.run_hub()
        self.assertEqual(self.seqs(self.bob), [4])

    def test_answers_come(self) -> None:
        """Answers are never dropped: they come before what is still to come."""
        self.bob.taking = False
        self.talk("1", "2")
        self.bob.words()
        heard = self.do(self.bob, c.Say("#a", "me"), c.Ping("x"))
        self.assertEqual(heard, ["ok #a 5", "pong x"])
        self.bob.taking = True
        self.hub.drained(self.bob)
        self.run_hub()
        self.assertEqual(self.seqs(self.bob), [4, 5])

    def test_moments_are_dropped(self) -> None:
        """Typing of others is not for readers that are behind."""
        self.bob.taking = False
        self.talk("1")
        self.bob.words()
        self.do(self.ann, c.Type("#a"))
        self.hub.drained(self.bob)
        self.run_hub()
        self.assertEqual(self.bob.heard(), [])

    def test_state_is_told_again(self) -> None:
        """Who went away or offline meanwhile is told once the reader is level, as they
        are now, once (H18)."""
        cat = self.connect("cat", account=True, stays=True)
        self.do(cat, c.Join("#a"))
        self.bob.words()
        self.bob.taking = False
        self.talk("1")
        self.bob.words()
        self.do(self.ann, c.SetAway("tea"))
        self.do(self.ann, c.SetAway("more tea"))
        self.lose(cat)
        self.assertEqual(self.bob.heard(), [])
        self.bob.taking = True
        self.hub.drained(self.bob)
        self.run_hub()
        told = ["presence ann True", "away ann more tea"]
        self.assertEqual(self.bob.heard(), [*told, "presence cat False", "away cat"])
        self.hub.drained(self.bob)
        self.talk("2")
        self.assertEqual(self.bob.heard(), ["said #a 5 ann 2"])

    def test_state_in_pieces(self) -> None:
        """A reader that can't take all of it is told the rest when it can (H18)."""
        people = [self.connect(f"p{n}") for n in range(5)]
        for one in people:
            self.do(one, c.Join("#a"))
        self.bob.taking = False
        self.talk("1")
        for one in people:
            self.do(one, c.SetAway("tea"))
        self.bob.words()
        self.hub.drained(self.bob)
        self.run_hub()
        names = [word for word in self.bob.words() if isinstance(word, UserAway)]
        self.assertEqual([word.nick for word in names], ["p0", "p1", "p2"])
        self.bob.taking = True
        self.do(people[0], c.SetAway(""))
        self.hub.drained(self.bob)
        self.run_hub()
        names = [word for word in self.bob.words() if isinstance(word, UserAway)]
        self.assertEqual(
            [(word.nick, word.text) for word in names],
            [("p3", "tea"), ("p4", "tea"), ("p0", "")],
        )

    def test_state_after_a_resume(self) -> None:
        """What changes between hello and being level is told (H18)."""
        self.lose(self.bob)
        self.talk(*"123456789")
        self.store.hold(reads=True)
        resume = {"#a": self.cursor("#a", 2)}
        bob = self.connect("bob", account=True, resume=resume)
        self.do(self.ann, c.SetAway("tea"))
        self.assertEqual(bob.heard(), [])
        self.store.release()
        self.run_hub()
        self.assertEqual(
            bob.heard()[-3:],
            ["presence ann True", "away ann tea", "resumed ('#a',)"],
        )

    def test_drained_for_nothing(self) -> None:
        """Who is not behind may drain as it likes."""
        self.hub.drained(self.bob)
        stranger = self.peer()
        stranger.taking = False
        self.do(stranger, c.Join("#a"))
        self.hub.drained(stranger)
        self.run_hub()
        self.assertEqual((self.bob.writes, stranger.writes), (0, 0))

    def test_own_words(self) -> None:
        """A form without echo is not shown its own words later either."""
        cat = self.connect("cat", TERSE)
        self.do(cat, c.Join("#a"))
        cat.taking = False
        self.talk("1")
        self.do(cat, c.Say("#a", "mine"))
        self.talk("2")
        cat.words()
        cat.taking = True
        self.hub.drained(cat)
        self.run_hub()
        self.assertEqual(cat.heard(), ["said #a 6 ann 2"])

    def test_words_to_oneself(self) -> None:
        """What somebody tells themselves they are shown, at once or later."""
        cat = self.connect("cat", TERSE, account=True)
        self.do(cat, c.Join("#a"), c.Say("@cat", "1"))
        cat.taking = False
        self.talk("x")
        self.do(cat, c.Say("@cat", "2"))
        cat.words()
        cat.taking = True
        self.hub.drained(cat)
        self.run_hub()
        self.assertEqual(cat.heard(), ["said @cat,cat 2 cat 2 cat"])

    def test_shares_are_replayed(self) -> None:
        """Who missed a rename as a user event is told of it by the log (H14)."""
        cat = self.connect("cat", TERSE)
        self.do(cat, c.Join("#a"))
        cat.taking = False
        self.talk("1")
        self.do(self.ann, c.Rename("anna"))
        cat.words()
        self.hub.drained(cat)
        self.run_hub()
        self.assertEqual(cat.heard(), ["renamed #a 5 ann anna"])

    def test_falls_behind_by_user_event(self) -> None:
        """A user event can be what is too much."""
        cat = self.connect("cat", TERSE)
        self.do(cat, c.Join("#a"))
        cat.taking = False
        self.do(self.ann, c.SetAway("tea"))
        self.assertIsNotNone(cat.behind)
        self.hub.drained(cat)
        self.run_hub()
        self.assertIsNone(cat.behind)

    def test_own_nick_while_behind(self) -> None:
        """What one's other sessions rename one to, one hears at once: what comes next
        may be about oneself under that nick."""
        cat = self.connect("cat", TERSE, account=True)
        other = self.connect("cat", TERSE, account=True)
        self.do(cat, c.Join("#a"))
        cat.taking = False
        self.do(self.ann, c.Say("#a", "x"))
        cat.words()
        self.do(other, c.Rename("kit"), c.Part("#a"))
        self.assertEqual(
            cat.heard(), ["user_renamed cat kit", "withheld #a 5 5", "left #a 6 kit"]
        )

    def test_forms_that_fail(self) -> None:
        """A form that can't render something shows the rest, and it is logged."""

        class Broken(Plain):
            def render(self, event: Word) -> bytes:
                if getattr(event, "text", "") == "2":
                    raise ValueError
                return bytes(PLAIN.render(event))

        cat = self.connect("cat", Broken())
        self.do(cat, c.Join("#a"))
        self.ann.ask(*[c.Say("#a", text) for text in "123"])
        self.run_hub()
        self.assertEqual(self.seqs(cat), [4, 6])
        self.assertEqual(self.seqs(self.bob), [3, 4, 5, 6])
        self.assertEqual(len(self.reported()), 2)
        cat.ask(c.Resume({"#a": self.cursor("#a", 3)}))
        self.run_hub()
        self.assertEqual(self.seqs(cat), [4, 6])
        self.assertEqual(len(self.reported()), 1)


class GapTests(CatchUpTestCase):
    """Rooms without a log, and what one may not read."""

    def none(self) -> None:
        """Room a keeps no log any more."""
        self.do(self.ann, c.SetPolicy("#a", PolicyChange(history="none")))
        self.bob.words()

    def catch_up(self) -> list[str]:
        """Bob reads again."""
        self.bob.words()
        self.bob.taking = True
        self.hub.drained(self.bob)
        self.run_hub()
        return self.bob.heard()

    def test_ring(self) -> None:
        """What the ring still holds is caught up with, without a gap."""
        self.none()
        self.bob.taking = False
        self.talk("1", "2", "3")
        self.assertEqual(self.catch_up(), ["said #a 5 ann 2", "said #a 6 ann 3"])

    def test_past_the_ring(self) -> None:
        """Past it there is a gap that says so."""
        self.none()
        self.bob.taking = False
        self.talk(*"12345678")
        self.assertEqual(
            self.catch_up(),
            [
                "gap #a 5 7 no_history",
                *[f"said #a {n} ann {n - 3}" for n in (8, 9, 10, 11)],
            ],
        )

    def test_beside_a_logged_room(self) -> None:
        """A ring and a log are caught up with together."""
        self.none()
        self.bob.taking = False
        self.talk("1", "2")
        self.talk(*"123456789", room="#b")
        heard = self.catch_up()
        self.assertEqual(
            heard,
            ["said #a 5 ann 2", *[f"said #b {n + 2} ann {n}" for n in range(1, 10)]],
        )

    def test_gap_is_all_it_takes(self) -> None:
        """A reader may be full again after the gap alone."""
        self.none()
        self.bob.taking = False
        self.talk(*"12345678")
        self.bob.words()
        self.hub.drained(self.bob)
        self.run_hub()
        self.assertEqual(self.bob.heard(), ["gap #a 5 7 no_history"])
        self.assertEqual(len(self.catch_up()), 4)

    def test_after_a_restart(self) -> None:
        """What was said there before a restart is gone, and the cursor with it."""
        self.none()
        self.talk("1")
        cursor = self.cursor("#a", 3)
        self.restart()
        bob = self.connect("bob", account=True, resume={"#a": cursor}, quiet=False)
        self.assertIn("gap #a 4 3 reset", bob.heard())

    def test_withheld(self) -> None:
        """Under since_join one gets one's own stays, and is told of the rest (H17)."""
        self.do(self.ann, c.SetPolicy("#a", PolicyChange(history="since_join")))
        self.do(self.bob, c.Part("#a"))
        self.talk("hidden", "as well")
        self.do(self.bob, c.Join("#a"))
        self.talk("shown")
        bob = self.connect(
            "bob", account=True, resume={"#a": self.cursor("#a", 0)}, quiet=False
        )
        self.assertEqual(
            bob.heard()[3:],
            [
                "withheld #a 1 1",
                "joined #a 2 bob",
                "policy_set #a 3 ann {'history': 'since_join'}",
                "left #a 4 bob",
                "withheld #a 5 6",
                "joined #a 7 bob",
                "said #a 8 ann shown",
                "resumed ('#a',)",
            ],
        )

    def test_stays_over_a_restart(self) -> None:
        """Former stays are known after a restart."""
        self.test_withheld()
        self.restart()
        self.ann = self.connect("ann", account=True)
        bob = self.connect("bob", account=True)
        bob.ask(c.Resume({"#a": self.cursor("#a", 3)}))
        self.run_hub()
        words = [word for word in bob.words() if isinstance(word, (Withheld, LogEvent))]
        self.assertEqual(words[1], Withheld("#a", 5, 6))

    def test_told_of_gaps(self) -> None:
        """A gap names the epoch under which the room goes on."""
        self.none()
        self.bob.taking = False
        self.talk(*"12345678")
        self.bob.words()
        self.hub.drained(self.bob)
        self.run_hub()
        (gap,) = self.bob.words()
        assert isinstance(gap, Gap)
        self.assertEqual(gap.epoch, self.room("#a").epoch)
